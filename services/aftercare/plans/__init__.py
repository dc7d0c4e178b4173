"""Aftercare plans, contacts with the patient, and who may still be called. Pure."""
