"""HL7 v2: parses messages from bytes, reads ADT messages, and makes acknowledgements. Pure: no I/O and no clock."""
