"""FHIR R4 resources as a hospital tells them → the values that an HL7 v2 message gives. Pure."""
