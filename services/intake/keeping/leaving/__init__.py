"""What intake deletes of a facility that left, and what it keeps (decision 0185)."""
