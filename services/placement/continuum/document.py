"""The value of care.episodes, from the fold: whole in itself, for consumers that fold nothing (contract 3.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from services.placement.continuum.model import Folded
from services.placement.continuum.stays_now import StayPlaces, stays_now
from shared.events.episodes import DeathNow, EpisodeState
from shared.events.levels import Level


class DeskNow(NamedTuple):
    """What the document says of the desk: the state of the search that is open, the first day agreed where none has
    begun, when the patient declined further care."""

    search: str | None = None
    next_start: date | None = None
    declined_at: datetime | None = None


NO_DESK = DeskNow()


def episode_state(
    folded: Folded,
    seen: Mapping[str, int],
    version: int,
    places: StayPlaces,
    *,
    patient_id: str = "",
    desk: DeskNow = NO_DESK,
    facilities: Sequence[str] | None = None,
) -> EpisodeState:
    """The episode as it is by its fold.

    `seen` is the last sequence of each writer that went in, `version` counts 1,2,3… for one episode, `places` are the
    site's, `patient_id` is whose it is where no fact that stands says it, `facilities` are those that have it.
    """
    return EpisodeState(
        episode_id=folded.episode_id,
        patient_id=folded.patient_id or patient_id,
        state=folded.state,
        level=folded.level,
        labels=folded.labels,
        stays=stays_now(folded, places),
        since=folded.since,
        previous_level=previous_level(folded),
        search=desk.search,
        next_start=desk.next_start,
        declined_at=desk.declined_at,
        next_due=min((window.due_to for window in folded.windows if window.outcome is None), default=None),
        deaths=_deaths(folded),
        ineffective=len(folded.ineffective),
        conflicts=len(folded.conflicts),
        seen=dict(seen),
        facilities=None if facilities is None else tuple(facilities),
        version=version,
    )


def previous_level(folded: Folded) -> Level | None:
    """The last level before this one that differs from it."""
    levels = (change.level for change in reversed(folded.levels))
    return next((level for level in levels if level and level != folded.level), None)


def _deaths(folded: Folded) -> tuple[DeathNow, ...] | None:
    """None where none is told; empty where a person said that what was told is not so."""
    found = tuple([DeathNow(ce_id=one.fact, facility=one.facility, at=one.at) for one in folded.deaths])
    return found if found or folded.disbelieved else None
