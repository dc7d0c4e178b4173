"""Programs: their seats and census, and a patient's stay there from the first day to the last. Pure."""
