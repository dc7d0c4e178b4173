"""The value of care.episodes, from the fold: whole in itself, for consumers that fold nothing (contract 3.6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.placement.continuum.model import Folded
from services.placement.continuum.stays_now import StayPlaces, known, stays_now


def episode_value(folded: Folded, seen: Mapping[str, int], version: int, places: StayPlaces) -> dict[str, Any]:
    """The JSON value of shared.events.EpisodeState; fields that are not so are left out.

    `seen` is the last sequence of each writer that went in, `version` counts 1,2,3… for one episode, `places` are the
    site's.
    """
    level = folded.levels[-1].level if folded.levels else None
    return known(
        {
            "episode_id": folded.episode_id,
            "patient_id": folded.patient_id,
            "state": folded.state,
            "level": level,
            "stays": stays_now(folded, places),
            "since": _time(folded.since),
            "previous_level": previous_level(folded),
            "next_due": _next_due(folded),
            "deaths": _deaths(folded),
            "labels": list(folded.labels),
            "ineffective": len(folded.ineffective),
            "conflicts": len(folded.conflicts),
            "seen": dict(seen),
            "version": version,
        }
    )


def previous_level(folded: Folded) -> str | None:
    """The last level before this one that differs from it."""
    now = folded.levels[-1].level if folded.levels else None
    return next((change.level for change in reversed(folded.levels) if change.level not in (None, now)), None)


def _deaths(folded: Folded) -> list[dict[str, Any]] | None:
    """None where none is told; empty where a person said that what a stay's end tells is not so."""
    found = [{"ce_id": one.fact, "facility": one.facility, "at": _time(one.at)} for one in folded.deaths]
    return found if found or folded.disbelieved else None


def _next_due(folded: Folded) -> str | None:
    due = min((window.due_to for window in folded.windows if window.outcome is None), default=None)
    return due.isoformat() if due else None


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
