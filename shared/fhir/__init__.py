"""FHIR R4 at the edge: the elements that are used, as types (msgspec), and OperationOutcome. No rules of a service."""
