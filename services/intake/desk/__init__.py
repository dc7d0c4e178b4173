"""Intake's pages: finding a patient. What follows from an answer is at the desks of the other services."""
