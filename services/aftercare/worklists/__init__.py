"""What the follow-up desk has to work on: the entries of lists, and the table of worklists."""
