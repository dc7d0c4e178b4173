"""Aftercare: did the follow-up happen."""
