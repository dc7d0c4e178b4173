"""Follow-up windows: which discharges open one, what keeps it, what excludes the discharge. Pure."""
