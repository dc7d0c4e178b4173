"""Consents to disclosures: given, revoked, expired; each is stated as a fact for every episode of the patient."""
