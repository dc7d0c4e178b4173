"""The announcements that an episode should have now, and how they differ from those that stand (contract 3.2).

An announcement's key names what it is about and stays the same when facts are restated; it is stored beside the
announcement. `recorded_at` and `replaces` are only known when an announcement is stated: until then `recorded_at`
equals `occurred_at` and `replaces` is None, and announcements are compared in that form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from services.placement.continuum.levels import stretches
from services.placement.continuum.model import Closing, Conflict, Folded, StayState
from services.placement.continuum.order import day_of, leaving_day
from services.placement.continuum.steps import Step, steps_of
from shared.events.base import CareFact, LabelledHeading, Stay
from shared.events.continuum import Closed, ConflictRaised, Readmitted, Reopened
from shared.events.levels import ACUTE
from shared.events.published import alike
from shared.facts import restating
from shared.facts.restating import Difference

READMISSION_DAYS: Final = 30
"""The most days from an inpatient discharge to an inpatient stay that is announced as a readmission (contract 3.2)."""

ZoneOf = Callable[[str], ZoneInfo]
"""From a facility to its time zone."""


class Announced(NamedTuple):
    """One announcement that should stand, and its key."""

    key: str
    value: CareFact


class StandingAnnouncement(NamedTuple):
    """One announcement that went out and was not cancelled; `value` in the same form as in Announced."""

    ce_id: str
    value: CareFact


def announcements(folded: Folded, zone_of: ZoneOf) -> tuple[Announced, ...]:
    """The announcements that should stand now, by time."""
    found = [
        *(_step(folded, step) for step in steps_of(folded, zone_of)),
        *_readmissions(folded, zone_of),
        *(_conflict(folded, conflict) for conflict in folded.conflicts),
        *(one for closing, again in _counted(folded.closings) for one in _closing(folded, closing, again)),
    ]
    return tuple(sorted(found, key=lambda one: (one.value.occurred_at, one.key)))


def announced_from(folded: Folded) -> tuple[object, ...]:
    """All that announcements are derived from: two folds of one episode that have the same of it announce the same."""
    stays = [(one.key, one.facility, one.segments, one.ended, one.placement_id, one.labels) for one in folded.stays]
    heading = (folded.patient_id, folded.facility, folded.labels)
    return (*heading, folded.levels, folded.placements, folded.conflicts, folded.closings, stays)


def difference(
    standing: Mapping[str, StandingAnnouncement], wanted: Iterable[Announced]
) -> Difference[str, StandingAnnouncement, Announced]:
    """What to state and cancel so that `standing`, by key, becomes `wanted`; equal content under a key stays."""
    return restating.difference(
        standing, {one.key: one for one in wanted}, lambda was, now: alike(was.value, now.value)
    )


def _announced(key: str, value: CareFact) -> Announced:
    return Announced(f"{value.TYPE}:{key}", value)


def _heading(folded: Folded, at: datetime, stays: Sequence[StayState] = ()) -> LabelledHeading:
    """The heading of an announcement about these stays, with the last one's facility and the labels of all; without
    stays with those of the episode."""
    return LabelledHeading(
        episode_id=folded.episode_id,
        patient_id=folded.patient_id,
        facility=stays[-1].facility if stays else folded.facility,
        labels=tuple(sorted({label for stay in stays for label in stay.labels} if stays else folded.labels)),
        occurred_at=at,
        recorded_at=at,
    )


def _named(stay: StayState) -> Stay:
    return Stay(kind=stay.kind, id=stay.id)


def _step(folded: Folded, step: Step) -> Announced:
    value = step.kind(
        **_heading(folded, step.at, (step.from_stay, step.to_stay)),
        from_level=step.before.level,
        to_level=step.after.level,
        from_stay=_named(step.from_stay),
        to_stay=_named(step.to_stay),
        days_between=step.days_between,
        planned=step.planned,
        derived_from=step.derived_from,
        reason=step.reason,
    )
    return _announced(f"{step.before.segment.root}>{step.after.segment.root}", value)


class _Inpatient(NamedTuple):
    """An unbroken inpatient stretch of one stay, [since, until); `fact` began it, `root` is that fact's root."""

    since: datetime
    until: datetime
    stay: StayState
    root: str
    fact: str


def _inpatient(stays: Iterable[StayState]) -> list[_Inpatient]:
    found: list[_Inpatient] = []
    for stay in stays:
        for one in stretches(stay):
            if one.level not in ACUTE:
                continue
            if found and found[-1].stay is stay and found[-1].until == one.since:
                found[-1] = found[-1]._replace(until=one.until)
            else:
                found.append(_Inpatient(one.since, one.until, stay, one.segment.root, one.segment.fact))
    return sorted(found, key=lambda one: (one.since, one.root))


def _readmissions(folded: Folded, zone_of: ZoneOf) -> Iterator[Announced]:
    """One for each inpatient stretch, counted from the latest inpatient discharge before it; none where another
    inpatient stay was still open when it began."""
    if len(folded.stays) < 2:
        return
    runs = _inpatient(folded.stays)
    for run in runs:
        others = [one for one in runs if one.stay is not run.stay and one.since <= run.since]
        if any(one.until > run.since for one in others):
            continue
        before = max((one for one in others if _discharged(one)), key=lambda one: one.until, default=None)
        if before is None or before.stay.ended is None:
            continue
        left = leaving_day(before.until, zone_of(before.stay.facility))
        days = (day_of(run.since, zone_of(run.stay.facility)) - left) // timedelta(days=1)
        if 1 <= days <= READMISSION_DAYS:
            value = Readmitted(
                **_heading(folded, run.since, (run.stay,)),
                stay=_named(run.stay),
                days=days,
                discharge=before.stay.ended.fact,
                derived_from=(before.stay.ended.fact, run.fact),
            )
            yield _announced(run.root, value)


def _discharged(run: _Inpatient) -> bool:
    end = run.stay.ended
    return end is not None and end.how == "discharged" and end.at == run.until


def _conflict(folded: Folded, conflict: Conflict) -> Announced:
    value = ConflictRaised(
        **_heading(folded, conflict.at),
        conflict_id=conflict.id,
        facts=conflict.facts,
        kind=conflict.kind,
        derived_from=conflict.facts,
    )
    return _announced(conflict.id, value)


def _counted(closings: Iterable[Closing]) -> Iterator[tuple[Closing, str]]:
    """Each closing with a suffix for its key: empty for the first that a fact made, then `#2`, `#3` …"""
    seen = Counter[str]()
    for closing in closings:
        seen[closing.root] += 1
        yield closing, f"#{seen[closing.root]}" if seen[closing.root] > 1 else ""


def _closing(folded: Folded, closing: Closing, again: str) -> Iterator[Announced]:
    over = Closed(**_heading(folded, closing.at), reason=closing.reason, derived_from=(closing.fact,))
    yield _announced(closing.root + again, over)
    stay = next((one for one in folded.stays if one.key == closing.reopened_by), None)
    if stay is not None and closing.reopened_at is not None:
        began = stay.segments[0]
        value = Reopened(
            **_heading(folded, closing.reopened_at, (stay,)), stay=_named(stay), derived_from=(began.fact,)
        )
        yield _announced(began.root, value)
