"""The value of care.episodes, from the fold: whole in itself, for consumers that fold nothing (contract 3.6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.placement.continuum.model import Ending, Folded, Session, StayState


def episode_value(folded: Folded, seen: Mapping[str, int], version: int) -> dict[str, Any]:
    """The JSON value of shared.events.EpisodeState; fields that are not so are left out.

    `seen` is the last sequence of each writer that went in, `version` counts 1,2,3… for one episode.
    """
    level = folded.levels[-1].level if folded.levels else None
    return _known(
        {
            "episode_id": folded.episode_id,
            "patient_id": folded.patient_id,
            "state": folded.state,
            "level": level,
            "stays": [_stay(stay) for stay in folded.stays],
            "since": _time(folded.since),
            "previous_level": previous_level(folded),
            "next_due": _next_due(folded),
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


def _next_due(folded: Folded) -> str | None:
    due = min((window.due_to for window in folded.windows if window.outcome is None), default=None)
    return due.isoformat() if due else None


def _stay(stay: StayState) -> dict[str, Any]:
    return _known(
        {
            "id": stay.id,
            "kind": stay.kind,
            "level": stay.level,
            "class": stay.visit_class,
            "facility": stay.facility,
            "program": stay.program,
            "from": _time(stay.begun),
            "to": _time(stay.ended.at) if stay.ended else None,
            "attended": _attended_since(stay) or None,
            "suspended": stay.open and bool(stay.suspended) and stay.suspended[-1].until is None,
            "begun_by": stay.segments[0].fact,
            "ended_by": _ended_by(stay.ended) if stay.ended else None,
        }
    )


def _attended_since(stay: StayState) -> list[dict[str, str]]:
    """Days attended since a 24-hour stay first suspended this one: who looks for care after a discharge needs them."""
    if not stay.suspended:
        return []
    since = stay.suspended[0].since.date()
    days = {one.day: _mode(one) for one in stay.sessions if one.attended and one.day >= since}
    return [{"date": day.isoformat(), "mode": mode} for day, mode in sorted(days.items())]


def _mode(session: Session) -> str:
    """How the patient was there: as the first service that says it."""
    return next((str(one["mode"]) for one in session.services if one.get("mode")), "in-person")


def _ended_by(ending: Ending) -> dict[str, Any]:
    return _known({"ce_id": ending.fact, "how": ending.how, "disposition": ending.disposition, "reason": ending.reason})


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _known(value: dict[str, Any]) -> dict[str, Any]:
    return {name: content for name, content in value.items() if content is not None}
