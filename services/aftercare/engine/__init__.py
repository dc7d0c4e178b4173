"""Aftercare's one transaction: documents of episodes come in, facts are derived, state and outgoing records are
stored."""
