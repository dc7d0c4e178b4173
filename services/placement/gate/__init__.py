"""The gate: which fact goes to which recipient outside, on what legal basis, at this moment."""
