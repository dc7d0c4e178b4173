"""The front door of `up`: one host for the three services (decision 0190)."""
