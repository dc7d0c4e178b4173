"""Who takes this patient, when, at which level: recommendation, matching, offers. Pure."""
