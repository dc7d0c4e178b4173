"""What should stand announced of an episode now, and what goes out when that differs from what stands (contract 3.2).

An announcement's key names what it is about and stays the same when facts are restated; whoever stores an announcement
stores its key beside it. `recorded_at` and `replaces` belong to the statement, not to the content: they are added when
it is stated, and never compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from services.placement.continuum.levels import stretches
from services.placement.continuum.model import Closing, Conflict, Folded, StayState
from services.placement.continuum.order import day_of, leaving_day
from services.placement.continuum.steps import Step, content_of, steps_of
from shared.events.levels import ACUTE
from shared.facts import restating
from shared.facts.restating import Difference
from shared.values import value_object

READMISSION_DAYS: Final = 30
"""Contract 3.2: an inpatient stay that begins 1 to 30 days after a standing inpatient discharge."""

ZoneOf = Callable[[str], ZoneInfo]


@value_object
class Announced:
    """One announcement that should stand: `name` is the short ce_type, `value` plain JSON without `recorded_at`."""

    key: str
    name: str
    occurred_at: datetime
    value: dict[str, Any]


class StandingAnnouncement(NamedTuple):
    """One that went out and was not taken back; `value` as Announced has it."""

    ce_id: str
    name: str
    value: Mapping[str, Any]


def announcements(folded: Folded, zone_of: ZoneOf) -> tuple[Announced, ...]:
    """What should stand now, by time; a pure function of the fold."""
    found = [
        *(_step(folded, step) for step in steps_of(folded, zone_of)),
        *_readmissions(folded, zone_of),
        *(_conflict(folded, conflict) for conflict in folded.conflicts),
        *(one for closing, again in _counted(folded.closings) for one in _closing(folded, closing, again)),
    ]
    return tuple(sorted(found, key=lambda one: (one.occurred_at, one.key)))


def difference(
    standing: Mapping[str, StandingAnnouncement], wanted: Iterable[Announced]
) -> Difference[str, StandingAnnouncement, Announced]:
    """From what stands (by key) to what should: equal content under a key is nothing to say."""
    return restating.difference(standing, {one.key: one for one in wanted}, lambda was, now: was.value == now.value)


def _announced(
    folded: Folded, name: str, key: str, at: datetime, *, stays: Sequence[StayState] = (), own: Mapping[str, Any]
) -> Announced:
    """`stays` are those that it is about: the last one's facility, and the labels of all."""
    value = {
        "episode_id": folded.episode_id,
        "patient_id": folded.patient_id,
        "facility": stays[-1].facility if stays else folded.facility,
        "occurred_at": at.isoformat(),
        "labels": sorted({label for stay in stays for label in stay.labels} if stays else folded.labels),
        **own,
    }
    return Announced(f"{name}:{key}", name, at, value)


def _step(folded: Folded, step: Step) -> Announced:
    key = f"{step.before.root}>{step.after.root}"
    return _announced(folded, step.name, key, step.at, stays=(step.from_stay, step.to_stay), own=content_of(step))


class _Inpatient(NamedTuple):
    """An unbroken inpatient stretch of one stay; `left` is the discharge that ended it."""

    since: datetime
    until: datetime
    stay: StayState
    root: str
    fact: str


def _inpatient(stays: Iterable[StayState]) -> list[_Inpatient]:
    found: list[_Inpatient] = []
    for stay in stays:
        for one in stretches(stay):
            if one.segment.level not in ACUTE:
                continue
            if found and found[-1].stay is stay and found[-1].until == one.since:
                found[-1] = found[-1]._replace(until=one.until)
            else:
                found.append(_Inpatient(one.since, one.until, stay, one.segment.root, one.segment.fact))
    return sorted(found, key=lambda one: (one.since, one.root))


def _readmissions(folded: Folded, zone_of: ZoneOf) -> Iterator[Announced]:
    """Counted from the last inpatient discharge before; not where another inpatient stay is still open."""
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
            own = {
                "stay": {"kind": run.stay.kind, "id": run.stay.id},
                "days": days,
                "discharge": before.stay.ended.fact,
                "derived_from": [before.stay.ended.fact, run.fact],
            }
            yield _announced(folded, "readmitted", run.root, run.since, stays=(run.stay,), own=own)


def _discharged(run: _Inpatient) -> bool:
    end = run.stay.ended
    return end is not None and end.how == "discharged" and end.at == run.until


def _conflict(folded: Folded, conflict: Conflict) -> Announced:
    facts = list(conflict.facts)
    own = {"conflict_id": conflict.id, "facts": facts, "kind": conflict.kind, "derived_from": facts}
    return _announced(folded, "conflict-raised", conflict.id, conflict.at, own=own)


def _counted(closings: Iterable[Closing]) -> Iterator[tuple[Closing, str]]:
    """Each closing, and what tells it from those that the same fact made before; nothing for the first."""
    seen = Counter[str]()
    for closing in closings:
        seen[closing.root] += 1
        yield closing, f"#{seen[closing.root]}" if seen[closing.root] > 1 else ""


def _closing(folded: Folded, closing: Closing, again: str) -> Iterator[Announced]:
    own: dict[str, Any] = {"reason": closing.reason, "derived_from": [closing.fact]}
    yield _announced(folded, "closed", closing.root + again, closing.at, own=own)
    stay = next((one for one in folded.stays if one.key == closing.reopened_by), None)
    if stay is not None and closing.reopened_at is not None:
        own = {
            "stay": {"kind": stay.kind, "id": stay.id},
            "reason": "admission",
            "derived_from": [stay.segments[0].fact],
        }
        yield _announced(folded, "reopened", stay.segments[0].root, closing.reopened_at, stays=(stay,), own=own)
