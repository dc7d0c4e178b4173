"""Contacts with the patient, and who may still be called. Pure."""
