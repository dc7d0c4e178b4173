"""Follow-up windows, referrals, plans and appointments as resources of FHIR R4, read and searched below /fhir."""
