"""What intake does after its topic or its database was lost or restored older: tell again, and adopt (contract 5.8)."""
