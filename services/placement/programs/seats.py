"""Seats as claims over time on a program and its groups: how many are free, and whether one more claim fits. Pure.

A claim lasts [since, until); `until` None means until it is given back. Times are aware datetimes; the caller says at
which instant a day begins. No claim is made where as many persons are there already, by whichever door, as the program
or the group holds at any moment of it (contract 5.5); who counts is in `census`.
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

    def place(self, person: str) -> Place:
        """What it takes of the program, and who."""
        return Place(person, self.since, self.until, self.group, self.seat_id)


class Headcount(NamedTuple):
    """What a claim was decided on: seats taken at the fullest moment of it, the claim itself not among them, and how
    many the site then said there are; the same of the group, where it has one."""

    census: int
    capacity: int
    group_census: int | None = None
    group_capacity: int | None = None


def free(
    seats: Seats, places: Iterable[Place], since: datetime, until: datetime | None = None, group: str | None = None
) -> int:
    """Seats free during the whole of [since, until): of the program, and of the group where one is named.

    Less than 0 where more are there than it holds: hospitals ask nobody, and a site may lower a capacity. Raises
    Rejected for an unknown group.
    """
    every = list(places)
    whole = seats.capacity - census(every, since, until)
    return whole if group is None else min(whole, _room(seats, group) - census(_of(every, group), since, until))


def first_free(seats: Seats, places: Iterable[Place], since: datetime, person: str | None = None) -> datetime | None:
    """The first instant from `since` on at which a seat is free (for this person) and stays so; None: none is known."""
    return first_under((one for one in places if one.person != person), seats.capacity, since)


def may_claim(seats: Seats, places: Iterable[Place], new: Claim, person: str) -> Headcount:
    """What the claim of this person rests on; refused where as many seats are taken as the program or its group has.

    The seat of somebody who is there already is the one that they sit on. Raises Rejected: `empty-claim`,
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
    """Whether the promise was kept when the claim was made (contract 5.5)."""
    group = told.group_census is None or told.group_capacity is None or told.group_census < told.group_capacity
    return told.census < told.capacity and group


def told_of(fact: SeatHeld) -> Headcount | None:
    """What the claim was decided on, as the fact keeps it; None: the first version kept nothing."""
    if fact.census is None or fact.capacity is None:
        return None
    return Headcount(fact.census, fact.capacity, fact.group_census, fact.group_capacity)


def _room(seats: Seats, group: str) -> int:
    if group not in seats.groups:
        raise Rejected("unknown-group", "the program has no such group", possible=tuple(sorted(seats.groups)))
    return seats.room(group)


def _of(places: Iterable[Place], group: str) -> list[Place]:
    return [one for one in places if one.group == group]


def held(
    about: About, claim: Claim, now: datetime, reason: str, told: Headcount, *, asked_by: str | None = None
) -> SeatHeld:
    """The fact that the claim stands, with what it was decided on; `asked_by`: the facility whose desk keeps it."""
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
    """The claims by an episode's seat facts in the order they were stated, given back ones too until their end; given
    back before it began, a claim is gone."""
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
