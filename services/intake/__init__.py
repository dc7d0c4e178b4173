"""Intake: takes in what hospitals and programs send about patients, and states it as facts on care.events."""
