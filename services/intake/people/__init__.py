"""Who the patients are: what was said of them, sealed; and how they are found again."""
