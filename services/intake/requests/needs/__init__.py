"""Needs that an outsider told and the site's vocabulary does not have: kept sealed, listed, and decided by a person."""
