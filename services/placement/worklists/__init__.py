"""What the coordinators' desk has to work on: list entries, the table of worklists, and the SQL that reads them."""
