"""The gate: which fact goes to which recipient, on what basis, at this instant. Pure."""
