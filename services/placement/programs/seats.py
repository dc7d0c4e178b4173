"""Seats as claims over time on a program and its groups: how many are free, and whether one more claim fits. Pure.

A claim lasts [since, until); `until` None means until it is given back. Times are aware datetimes; the caller says at
which instant a day begins. Never over capacity at any moment (contract 5.5); a claim that ends makes room at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime

from services.placement.continuum.about import About
from shared.errors import Rejected
from shared.events.placing import SeatHeld, SeatReleased
from shared.values import replace, value_object

MOST_IN_A_GROUP = 10
"""The field's usual limit for process groups; site config allows no more either."""


@value_object
class Seats:
    """How many a program takes at one time, and each of its groups."""

    program: str
    capacity: int
    groups: Mapping[str, int] = field(default_factory=dict)

    def room(self, group: str | None) -> int:
        """Capacity of the group, at most 10; of the program where none is named. KeyError: there is no such group."""
        return self.capacity if group is None else min(self.groups[group], MOST_IN_A_GROUP)


@value_object
class Claim:
    """One seat, held or taken, over [since, until); it counts in the program, and in its group where it has one."""

    seat_id: str
    program: str
    since: datetime
    until: datetime | None = None
    group: str | None = None
    placement_id: str | None = None

    def overlaps(self, since: datetime, until: datetime | None) -> bool:
        """Whether it shares an instant with [since, until)."""
        return (until is None or self.since < until) and (self.until is None or self.until > since)

    def stands_at(self, at: datetime) -> bool:
        """Whether the seat is claimed at this instant."""
        return self.since <= at and (self.until is None or at < self.until)


def taken(claims: Iterable[Claim], since: datetime, until: datetime | None = None) -> int:
    """The most claims that stand at one moment of [since, until); 0 for an empty span."""
    if until is not None and until <= since:
        return 0
    within = [one for one in claims if one.overlaps(since, until)]
    begins = {max(one.since, since) for one in within}  # the count rises nowhere else
    return max((sum(one.stands_at(at) for one in within) for at in begins), default=0)


def free(
    seats: Seats, claims: Iterable[Claim], since: datetime, until: datetime | None = None, group: str | None = None
) -> int:
    """Seats free during the whole of [since, until): of the program, and of the group where one is named.

    Less than 0 where the site lowered a capacity below what was promised. Raises Rejected for an unknown group.
    """
    mine = [one for one in claims if one.program == seats.program]
    whole = seats.capacity - taken(mine, since, until)
    if group is None:
        return whole
    if group not in seats.groups:
        raise Rejected("unknown-group", "the program has no such group", possible=tuple(sorted(seats.groups)))
    return min(whole, seats.room(group) - taken([one for one in mine if one.group == group], since, until))


def first_free(seats: Seats, claims: Iterable[Claim], since: datetime, group: str | None = None) -> datetime | None:
    """The first instant from `since` on at which a seat is free and stays so; None: no seat that is known of."""
    mine = list(claims)
    moments = sorted({since, *(one.until for one in mine if one.until is not None and one.until > since)})
    return next((at for at in moments if free(seats, mine, at, None, group) > 0), None)


def may_claim(seats: Seats, claims: Iterable[Claim], new: Claim) -> None:
    """Refuse the claim where it would exceed the program or its group at any moment.

    Raises Rejected: `empty-claim`, `already-claimed`, `unknown-group`, `program-full`, `group-full`.
    """
    standing = list(claims)
    if new.until is not None and new.until <= new.since:
        raise Rejected("empty-claim", "the seat would be given back before it is taken")
    if any(one.seat_id == new.seat_id for one in standing):
        raise Rejected("already-claimed", "this seat is claimed already", possible=("release",))
    if free(seats, standing, new.since, new.until) < 1:
        raise Rejected("program-full", "the program has no seat free on all these days", possible=("waitlist", "later"))
    if free(seats, standing, new.since, new.until, new.group) < 1:
        raise Rejected("group-full", "the group has no seat free on all these days", possible=("another-group",))


def held(about: About, claim: Claim, now: datetime, reason: str) -> SeatHeld:
    """The fact that the claim stands."""
    own = {"until": claim.until, "group": claim.group, "placement_id": claim.placement_id, "reason": reason}
    return SeatHeld.model_validate(
        {**about.heading(now), **own, "program": claim.program, "seat_id": claim.seat_id, "from": claim.since}
    )


def released(
    about: About, claim: Claim, now: datetime, reason: str, *, at: datetime | None = None, cause: tuple[str, ...] = ()
) -> SeatReleased:
    """The fact that the seat is free from `at`, else now, on; `cause` are the ce_ids of the facts that ask for it."""
    return SeatReleased(
        **about.heading(now, at),
        program=claim.program,
        group=claim.group,
        seat_id=claim.seat_id,
        placement_id=claim.placement_id,
        reason=reason,
        derived_from=cause,
    )


def claims(stated: Iterable[SeatHeld | SeatReleased]) -> tuple[Claim, ...]:
    """What stands by seat facts in the order they were stated: given back before it began, a claim is gone."""
    found: dict[str, Claim] = {}
    for fact in stated:
        if fact.seat_id is None:
            continue
        if isinstance(fact, SeatHeld):
            found[fact.seat_id] = _claim(fact, fact.seat_id)
        elif (before := found.get(fact.seat_id)) is not None:
            left = given_back(before, fact.occurred_at)
            found = {seat: one for seat, one in found.items() if seat != before.seat_id}
            found |= {left.seat_id: left} if left else {}
    return tuple(found.values())


def given_back(claim: Claim, at: datetime) -> Claim | None:
    """The claim as it is once its seat is free from `at` on; None where nothing is left of it."""
    if at <= claim.since:
        return None
    return claim if claim.until is not None and claim.until <= at else replace(claim, until=at)


def _claim(fact: SeatHeld, seat_id: str) -> Claim:
    since = fact.begins or fact.occurred_at
    return Claim(seat_id, fact.program, since, fact.until, fact.group, fact.placement_id)
