"""What patients allow others to be told: consents given, taken back and over, stated for each of their episodes."""
