"""Aftercare plans: when one begins, what it asks for, how it stands and how it ends. Pure."""
