"""The clock of payers and certification: what has to be reviewed by which day while a stay goes on (contract 3.8)."""
