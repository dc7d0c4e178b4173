"""Placement's one transaction: facts in, the fold, the facts that follow from it, and the records to send."""
