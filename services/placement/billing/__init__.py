"""What the facts mean for the bill: service periods and their warnings; pure."""
