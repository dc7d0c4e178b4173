"""Placement: who takes this patient, when, at which level; what it all means."""
