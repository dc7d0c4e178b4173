"""Requests that people and programs post without HL7: referrals, assessments, consents; each is stated as facts."""
