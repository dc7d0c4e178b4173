"""Programs as places with seats, and what happens to a patient there: seats, attendance. Pure."""
