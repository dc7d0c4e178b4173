"""The doors of FHIR R4 at intake: resources in, one by one, in messages and in transactions; a visit read back."""
