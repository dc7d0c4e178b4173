"""Follow-up windows: which discharges open one, what keeps it, what excludes it. Pure."""
