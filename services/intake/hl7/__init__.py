"""Bytes to HL7 v2 messages, to what a hospital said in them, and the acknowledgements. Pure."""
