"""How many seats of a program are taken, at each time: by seats held, and by stays there without one. Pure.

Contract 3.6 rule 14. Each is a time [since, until); `until` None: no end is known, so it counts for ever. A person
counts once for a stay and the seat held for it, or for a stay that both ADT and the desk reported; every further seat
held for the person counts too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

from services.placement.continuum.model import Folded, Segment, StayState
from shared.events.base import StayKind
from shared.values import value_object

Ends = datetime | None
Interval = tuple[datetime, Ends]
NOBODY = ""
"""Whose a seat is that is out of use."""


@value_object
class Place:
    """What one person takes of a program over [since, until): a seat that is held, or a stay there.

    `person`: the episode's id; NOBODY: `seats` seats that are out of use. `seat_id` None: a stay. `group`: of a held
    seat; stays count in no group. `expected`: the end is expected, and not told.
    """

    person: str
    since: datetime
    until: datetime | None = None
    group: str | None = None
    seat_id: str | None = None
    seats: int = 1
    expected: bool = False

    def stands_at(self, at: datetime) -> bool:
        """True when it is taken at this instant."""
        return self.since <= at and (self.until is None or at < self.until)


class SeatsOut(NamedTuple):
    """Seats of a program that are out of use: how many, from and until which instant, and why."""

    seats: int
    since: datetime
    until: datetime | None
    reason: str


@value_object
class Presence:
    """A time [since, until) that a stay is at one program and not suspended.

    `nth`: 0, 1, 2 … within the stay. `until` None: no end is known. `expected`: when the end is expected, if it is.
    """

    kind: StayKind
    stay_id: str
    nth: int
    program: str
    since: datetime
    until: datetime | None = None
    expected: datetime | None = None


def presences(folded: Folded) -> tuple[Presence, ...]:
    """Every time that a stay of the episode is or was at a program, whether ADT or the desk reported it."""
    return tuple(one for stay in folded.stays for one in _of_stay(stay))


def present_from(folded: Folded) -> list[tuple[object, ...]]:
    """All that `presences` are derived from: folds that have the same of it have the same."""
    return [(one.key, one.segments, one.ended, one.suspended, one.expected_end) for one in folded.stays]


def end_known(until: Ends, expected: Ends, now: datetime) -> Ends:
    """When a stay leaves its seat as far as is known at `now`: its end, else the expected end if that is still to come;
    None: not known."""
    if until is None:
        return expected if expected is not None and expected > now else None
    return until


def census(places: Iterable[Place], since: datetime, until: Ends = None) -> int:
    """The most seats taken at any one moment of [since, until); 0 where that is empty. `until` None: without end."""
    if until is not None and until <= since:
        return 0
    steps = _steps(places)
    before = next((count for at, count in reversed(steps) if at <= since), 0)
    within = (count for at, count in steps if at > since and (until is None or at < until))
    return max((before, *within))


def first_under(places: Iterable[Place], room: int, since: datetime) -> datetime | None:
    """The first instant, `since` or later, from which on fewer than `room` seats are always taken; None: none is
    known."""
    first: datetime | None = since if room > 0 else None
    for at, count in _steps(places):
        if count >= room:
            first = None
        elif first is None:
            first = max(at, since)
    return first


def out_at(places: Iterable[Place], at: datetime) -> int:
    """How many seats are out of use at an instant."""
    return taken_at((one for one in places if one.person == NOBODY), at)


def taken_at(places: Iterable[Place], at: datetime) -> int:
    """How many seats are taken or out of use at an instant."""
    return sum(_seats_of(one for one in places if one.stands_at(at)).values())


def there_at(places: Iterable[Place], at: datetime) -> int:
    """How many persons have a stay at the program at an instant, whether or not a seat is held for them."""
    return len({one.person for one in places if one.seat_id is None and one.stands_at(at)})


def _seats_of(standing: Iterable[Place]) -> dict[str, int]:
    """Person → seats taken: each one that is held, and one for a stay without."""
    found: dict[str, int] = {}
    for one in sorted(standing, key=lambda each: each.seat_id is None):
        before = found.get(one.person, 0)
        found[one.person] = max(before, 1) if one.seat_id is None else before + one.seats
    return found


def _of_stay(stay: StayState) -> Iterator[Presence]:
    found = [
        (str(segment.program), *part)
        for segment, until in _stretches(stay)
        for part in _awake((segment.since, until), stay)
    ]
    for nth, (program, since, until) in enumerate(found):
        expected = stay.expected_end if until is None else None
        yield Presence(stay.kind, stay.id, nth, program, since, until, expected)


def _stretches(stay: StayState) -> Iterator[tuple[Segment, Ends]]:
    """Each run of segments at one program: its first segment, and when the stay went elsewhere or ended, None if it has
    not."""
    end = stay.ended.at if stay.ended else None
    run: Segment | None = None
    for segment in stay.segments:
        here = segment.program if segment.level else None
        if run is not None and here != run.program:
            yield run, segment.since
            run = None
        if run is None and here:
            run = segment
    if run is not None:
        yield run, end


def _awake(whole: Interval, stay: StayState) -> Iterator[Interval]:
    """The parts of a time in which the stay was not suspended; a suspended stay takes a seat only by a claim."""
    since, until = whole
    for span in stay.suspended:
        if span.until is not None and span.until <= since:
            continue
        if until is not None and span.since >= until:
            break
        if since < span.since:
            yield since, span.since
        if span.until is None:
            return
        since = span.until
    if until is None or since < until:
        yield since, until


def _steps(places: Iterable[Place]) -> list[tuple[datetime, int]]:
    """(instant, seats taken from then on), by time."""
    moves: Counter[datetime] = Counter()
    of_person: defaultdict[str, list[Place]] = defaultdict(list)
    for one in places:
        if one.until is None or one.since < one.until:
            of_person[one.person].append(one)
    for own in of_person.values():
        if len(own) == 1:  # most persons: one seat from then on, until the end
            moves[own[0].since] += own[0].seats
            if own[0].until is not None:
                moves[own[0].until] -= own[0].seats
            continue
        before = 0
        for at in sorted({each for one in own for each in (one.since, one.until) if each is not None}):
            count = taken_at(own, at)
            moves[at] += count - before
            before = count
    at_each = sorted(moves)
    return list(zip(at_each, accumulate(moves[each] for each in at_each), strict=True))
