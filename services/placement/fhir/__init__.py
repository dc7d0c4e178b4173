"""What placement knows, told as resources of FHIR R4: read and searched below /fhir."""
