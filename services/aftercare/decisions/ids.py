"""Ids computed from what they name, so that deriving the same thing again gives the same id."""

from __future__ import annotations

import uuid

_IDS = uuid.UUID("0e1a5f0c-6f0a-5c1e-8a57-9b1f6c6c7a42")


def id_of(*parts: str) -> str:
    """A UUID (version 5) of these texts; their order matters."""
    return str(uuid.uuid5(_IDS, "|".join(parts)))
