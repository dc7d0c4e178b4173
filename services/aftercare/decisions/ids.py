"""Ids computed from what they name, so that deriving the same thing again gives the same id."""

from __future__ import annotations

import uuid

from shared.events.episodes import EndedBy, NeedNow

_IDS = uuid.UUID("0e1a5f0c-6f0a-5c1e-8a57-9b1f6c6c7a42")


_WINDOWS = uuid.UUID("5b6a1f4e-2f0c-5c0e-9a57-6f6f6c6c6f77")


def id_of(*parts: str) -> str:
    """A UUID (version 5) of these texts; their order matters."""
    return str(uuid.uuid5(_IDS, "|".join(parts)))


def for_need(episode_id: str, one: NeedNow) -> str:
    """The id of the referral that answers a search's need: the same for the same episode, search and need."""
    return id_of(episode_id, "need", one.search_id, one.need)


def follow_up_id(episode_id: str, discharge: str, measure: str) -> str:
    """The window's id, the same for the same episode, discharge (ce_id) and measure (contract 3.4)."""
    return str(uuid.uuid5(_WINDOWS, f"{episode_id}|{discharge}|{measure}"))


def end_of(ended_by: EndedBy) -> str:
    """The ce_id that ids of a plan and of windows are made of: of the fact that ended the stay, or of the one in a
    retired episode that this one copies."""
    return ended_by.copy_of or ended_by.ce_id
