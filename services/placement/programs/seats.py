"""Seats of a program and its groups: claims on them over time, how many are free, and whether one more fits. Pure.

A claim lasts [since, until); `until` None: until it is released. Times have an offset; the caller says at which instant
a day begins. No claim is made when, at any moment of it, as many seats are taken as the program or its group holds
(contract 5.5); what counts as taken is in census.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from typing import NamedTuple

from services.placement.continuum.about import About
from services.placement.programs.census import Place, census, first_under
from shared.errors import Rejected
from shared.events.placing import SeatHeld, SeatReleased
from shared.values import replace, value_object

MOST_IN_A_GROUP = 10
"""The usual limit of a therapy group; the site config allows no larger group either."""


@value_object
class Seats:
    """How many patients a program, and each of its groups, takes at one time."""

    program: str
    capacity: int
    groups: Mapping[str, int] = field(default_factory=dict)

    def room(self, group: str | None) -> int:
        """The capacity of the group, at most MOST_IN_A_GROUP; without a group that of the program. Raises KeyError for
        an unknown group."""
        return self.capacity if group is None else min(self.groups[group], MOST_IN_A_GROUP)


@value_object
class Claim:
    """One seat that is held over [since, until); it counts in the program, and in its group where it has one.

    `placement_id` None: the desk holds it without a placement.
    """

    seat_id: str
    program: str
    since: datetime
    until: datetime | None = None
    group: str | None = None
    placement_id: str | None = None

    def place(self, person: str) -> Place:
        """The claim as this person's place in the census."""
        return Place(person, self.since, self.until, self.group, self.seat_id)


class Headcount(NamedTuple):
    """The numbers that a claim was decided on: how many other seats are taken at the fullest moment of it, and how many
    the program had by the site config then; the same of the group, where the claim has one."""

    census: int
    capacity: int
    group_census: int | None = None
    group_capacity: int | None = None


def free(
    seats: Seats, places: Iterable[Place], since: datetime, until: datetime | None = None, group: str | None = None
) -> int:
    """How many seats are free during the whole of [since, until): of the program, or of the group where that has fewer.

    Less than 0 where the program is over capacity, since a hospital's admission asks for no seat and a site may lower a
    capacity. Raises Rejected `unknown-group`.
    """
    every = list(places)
    whole = seats.capacity - census(every, since, until)
    return whole if group is None else min(whole, _room(seats, group) - census(_of(every, group), since, until))


def first_free(seats: Seats, places: Iterable[Place], since: datetime, person: str | None = None) -> datetime | None:
    """The first instant, `since` or later, from which on a seat stays free; None: none is known. `person`: whose own
    seats do not count."""
    return first_under((one for one in places if one.person != person), seats.capacity, since)


def may_claim(seats: Seats, places: Iterable[Place], new: Claim, person: str) -> Headcount:
    """The numbers on which a new claim of this person may be made.

    A person who has a stay there without a seat does not count twice. Raises Rejected: `empty-claim`,
    `already-claimed`, `unknown-group`, `program-full`, `group-full`.
    """
    standing = list(places)
    if new.until is not None and new.until <= new.since:
        raise Rejected("empty-claim", "the seat would be given back before it is taken")
    if any(one.seat_id == new.seat_id for one in standing):
        raise Rejected("already-claimed", "this seat is claimed already", possible=("release",))
    after = [*standing, new.place(person)]
    told = Headcount(census(after, new.since, new.until) - 1, seats.capacity)
    if new.group is not None:
        in_group = census(_of(after, new.group), new.since, new.until) - 1
        told = told._replace(group_census=in_group, group_capacity=_room(seats, new.group))
    if told.census >= told.capacity:
        raise Rejected("program-full", "the program has no seat free on all these days", possible=("waitlist", "later"))
    if told.group_census is not None and told.group_capacity is not None and told.group_census >= told.group_capacity:
        raise Rejected("group-full", "the group has no seat free on all these days", possible=("another-group",))
    return told


def kept(told: Headcount) -> bool:
    """True when, by these numbers, a seat was free when the claim was made (contract 5.5)."""
    group = told.group_census is None or told.group_capacity is None or told.group_census < told.group_capacity
    return told.census < told.capacity and group


def told_of(fact: SeatHeld) -> Headcount | None:
    """The numbers that the claim was decided on, from its fact; None: a fact of the first version, which has none."""
    if fact.census is None or fact.capacity is None:
        return None
    return Headcount(fact.census, fact.capacity, fact.group_census, fact.group_capacity)


def _room(seats: Seats, group: str) -> int:
    """The capacity of the group. Raises Rejected `unknown-group`."""
    if group not in seats.groups:
        raise Rejected("unknown-group", "the program has no such group", possible=tuple(sorted(seats.groups)))
    return seats.room(group)


def _of(places: Iterable[Place], group: str) -> list[Place]:
    return [one for one in places if one.group == group]


def held(
    about: About, claim: Claim, now: datetime, reason: str, told: Headcount, *, asked_by: str | None = None
) -> SeatHeld:
    """The fact that the seat is held, with the numbers it was decided on. `asked_by`: the facility whose desk holds it
    without a placement."""
    return SeatHeld(
        **about.heading(now),
        program=claim.program,
        group=claim.group,
        seat_id=claim.seat_id,
        placement_id=claim.placement_id,
        begins=claim.since,
        until=claim.until,
        reason=reason,
        census=told.census,
        capacity=told.capacity,
        group_census=told.group_census,
        group_capacity=told.group_capacity,
        asked_by=asked_by,
    )


def released(
    about: About, claim: Claim, now: datetime, reason: str, *, at: datetime | None = None, cause: tuple[str, ...] = ()
) -> SeatReleased:
    """The fact that the seat is released from `at`, else from now on. `cause`: ce_ids of the facts that ask for it."""
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
    """The claims by an episode's seat facts, in the order in which they were stated: one that was released lasts until
    then, and one that was released before it began is gone."""
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
    """The claim as it is when its seat is released from `at` on; None where nothing is left of it."""
    if at <= claim.since:
        return None
    return claim if claim.until is not None and claim.until <= at else replace(claim, until=at)


def _claim(fact: SeatHeld, seat_id: str) -> Claim:
    since = fact.begins or fact.occurred_at
    return Claim(seat_id, fact.program, since, fact.until, fact.group, fact.placement_id)
