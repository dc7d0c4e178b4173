"""That a patient died, as hospitals tell it: by PID-29, PID-30 and dispositions, at any time, and taken back."""
