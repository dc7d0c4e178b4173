"""What waits for somebody at the coordinators' desk: entries, lists, and the SQL that reads them."""
