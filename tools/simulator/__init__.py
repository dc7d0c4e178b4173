"""Simulated hospitals: patients whose stories are told to a running system through its real doors."""
