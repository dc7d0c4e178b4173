"""Intake: the hospital told us something."""
