"""The continuum of care as a state machine: pure; the heart of placement."""
