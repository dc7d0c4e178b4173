"""Conflicts: facts that cannot all be true; a person settles which of them fall (contract 3.2, 3.6 rule 10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import combinations
from typing import Final
from zoneinfo import ZoneInfo

from services.placement.continuum.levels import FOREVER, RoundTheClock, inside
from services.placement.continuum.model import Conflict, Session, StayState
from services.placement.continuum.order import midnight
from shared.events.levels import RANK

ATTENDED_INSIDE: Final = "attended-inside-24-hour-stay"
TWO_STAYS: Final = "two-24-hour-stays"


def conflict_id(kind: str, facts: Iterable[str]) -> str:
    """The id of the conflict of this kind between these facts, whatever their order."""
    text = "\n".join((kind, *sorted(facts)))
    return "conflict-" + blake2b(text.encode(), digest_size=10).hexdigest()


def attended_inside(
    stay: StayState, sessions: Iterable[Session], zone: ZoneInfo, over: Sequence[RoundTheClock]
) -> list[Conflict]:
    """One conflict for each of these sessions that was attended on a day wholly inside another, 24-hour stay. `over`:
    the episode's 24-hour stretches."""
    return [
        Conflict(
            conflict_id(ATTENDED_INSIDE, (session.fact, one.fact)),
            ATTENDED_INSIDE,
            tuple(sorted((session.fact, one.fact))),
            midnight(session.day, zone),
        )
        for session in sessions
        if session.attended and _near(session, stay, over)
        for one in inside(session.day, zone, stay.key, over)
    ]


def _near(session: Session, stay: StayState, over: Iterable[RoundTheClock]) -> bool:
    """False when the day is certainly inside none of them: a cheap test in UTC, since no zone is a day away from it."""
    day = session.day.toordinal()
    return any(one.stay != stay.key and one.since.toordinal() - 1 <= day <= one.until.toordinal() + 1 for one in over)


def two_stays(stays: Iterable[StayState], over: Iterable[RoundTheClock]) -> list[Conflict]:
    """One conflict for each two 24-hour stays that are both open, at the same level or with the less intensive one
    begun inside the other.

    A hospital stay that begins inside a residential one is no conflict: the resident is in hospital.
    """
    rank = {stay.key: RANK[stay.level] for stay in stays if stay.level}
    running = [one for one in over if one.until == FOREVER]
    found = []
    for pair in combinations(running, 2):
        upper, lower = sorted(pair, key=lambda one: (rank[one.stay], one.since, one.fact))
        if rank[upper.stay] == rank[lower.stay] or upper.since <= lower.since:
            facts = tuple(sorted((upper.fact, lower.fact)))
            at = max(upper.since, lower.since)
            found.append(Conflict(conflict_id(TWO_STAYS, facts), TWO_STAYS, facts, at))
    return found


def in_order(found: Iterable[Conflict], settled: Iterable[str]) -> tuple[Conflict, ...]:
    """The conflicts that nobody has settled, by time; `settled` has the ids of the others."""
    done = set(settled)
    return tuple(sorted((one for one in found if one.id not in done), key=lambda one: (one.at, one.id)))
