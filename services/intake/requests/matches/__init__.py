"""Decisions about probable matches: one person, two people, or taken back."""
