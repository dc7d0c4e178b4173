"""What is told by FHIR as a whole: read in again at another system, validated, fuzzed."""
