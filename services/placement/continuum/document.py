"""From the fold to the value of care.episodes, which is complete for consumers that fold no facts (contract 3.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from services.placement.continuum.model import Folded
from services.placement.continuum.stays_now import StayPlaces, stays_now
from shared.events.episodes import DeathNow, EpisodeState, MergeBefore, MergedNow, NeedNow, SearchNow
from shared.events.levels import Level


class DeskNow(NamedTuple):
    """What the document says of the desk. `search`: the state of the open search. `next_start`: the earliest first day
    among placements that have not begun. `missed_start`: the latest first day that was missed, where no other one is
    agreed. `declined_at`: when the patient declined further care. `searches`: those that are open, the most urgent
    first. `needs_referred`: needs of searches that a referral answers."""

    search: str | None = None
    next_start: date | None = None
    declined_at: datetime | None = None
    searches: tuple[SearchNow, ...] | None = None
    missed_start: date | None = None
    needs_referred: tuple[NeedNow, ...] | None = None


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
    """The value of care.episodes for a folded episode.

    `seen`: the last sequence of each writer that is in the fold. `version`: 1, 2, 3 … for each episode. `places`: what
    the site says of places. `patient_id`: used where no active fact names the patient. `facilities`: those that have
    the episode (contract 5.9).
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
        searches=desk.searches,
        needs_referred=desk.needs_referred,
        next_start=desk.next_start,
        missed_start=desk.missed_start,
        declined_at=desk.declined_at,
        next_due=_next_due(folded) if folded.windows else None,
        deaths=_deaths(folded),
        merged_into=_merged_into(folded) if folded.merged else None,
        ended_merges=_ended_merges(folded) if folded.ended_merges else None,
        ineffective=len(folded.ineffective),
        conflicts=len(folded.conflicts),
        seen=dict(seen),
        facilities=None if facilities is None else tuple(facilities),
        version=version,
    )


def _next_due(folded: Folded) -> date | None:
    return min((window.due_to for window in folded.windows if window.outcome is None), default=None)


def previous_level(folded: Folded) -> Level | None:
    """The latest earlier level that differs from the present one; None where there is none."""
    levels = (change.level for change in reversed(folded.levels))
    return next((level for level in levels if level and level != folded.level), None)


def _merged_into(folded: Folded) -> tuple[MergedNow, ...] | None:
    found = [MergedNow(facility=m.facility, episode_id=m.into, patient_id=m.patient_id) for m in folded.retiring]
    return tuple(found) or None


def _ended_merges(folded: Folded) -> tuple[MergeBefore, ...]:
    return tuple(
        MergeBefore(facility=one.facility, episode_id=one.retired, since=one.since, until=one.until)
        for one in folded.ended_merges
    )


def _deaths(folded: Folded) -> tuple[DeathNow, ...] | None:
    """None where no death was reported; empty where a person settled that what was reported is not so."""
    found = tuple([DeathNow(ce_id=one.fact, facility=one.facility, at=one.at) for one in folded.deaths])
    return found if found or folded.disbelieved else None
