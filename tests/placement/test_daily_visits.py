"""Visits at a program whose hospital opens an account a day are one stay: days attended, one bill (contract 6)."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from services.placement.billing.periods import periods
from services.placement.continuum.fold import fold
from services.placement.programs import daily_visits
from services.placement.rules import Rules
from services.placement.search.searches import DeskFacts
from services.placement.timers import end_stays_of_visits
from shared.clock import SetClock
from shared.events.levels import Level
from shared.facts.envelope import Fact
from shared.facts.stating import said
from tests.builders import a_story, attended, cancelled, completed, diagnosed, visit_ended, visit_started
from tests.builders.making import at
from tests.placement.feeding import Feed

LATER = at("2026-09-01 12:00")
FIRST = date(2026, 3, 2)
THREE_A_WEEK = [FIRST + timedelta(days=7 * week + day) for week in range(12) for day in (0, 2, 4)]


def days(*on: date, disposition: str | None = None) -> list[Fact]:
    """A visit of three hours on each day, with an account of its own and every class that a feed may send."""
    found = []
    for number, day in enumerate(on):
        name, kind = f"D{day:%m%d}", ("other", "observation", "emergency")[number % 3]
        more: dict[str, Any] = {"disposition": {"kind": disposition}} if disposition and day == on[-1] else {}
        found.append(visit_started(f"{day} 13:00", visit=name, unit="IOPD", **{"class": kind}))
        found.append(visit_ended(f"{day} 16:00", visit=name, **more))
    return found


class Desk:
    """Placement without a database: folds facts, and states what follows from visits until nothing does."""

    def __init__(self, rules: Rules, now: datetime = LATER) -> None:
        self.rules, self.now = rules, now
        self.facts: list[Fact] = []
        self._ids = (f"S{number}" for number in count(1))

    def takes(self, *facts: Fact, over: bool = False) -> None:
        """Facts come in, and what follows from them is stated."""
        self.facts += facts
        for _ in range(8):
            values = daily_visits.stated(
                self.folded, self.own, self.rules, self.now, lambda: next(self._ids), over=over
            )
            if not values:
                return
            last = max((fact.sequence for fact in self.own), default=0)
            self.facts += [
                said(value, ce_id=f"p-{last + n}", writer="placement", sequence=last + n)
                for n, value in enumerate(values, 1)
            ]
        raise AssertionError("what follows does not come to an end")

    @property
    def own(self) -> DeskFacts:
        return DeskFacts.of(self.facts)

    @property
    def folded(self) -> Any:
        return fold(self.facts, self.rules.zone_of)

    def stays(self) -> list[tuple[str, str | None, int]]:
        """(first day, last day and how it ended, days attended) of each stay at a program."""
        found = []
        for stay in self.folded.stays:
            if stay.kind == "placement":
                end = stay.ended
                zone = self.rules.zone_of(stay.facility)
                told = f"{end.at.astimezone(zone):%m-%d} {end.how} {end.reason}" if end else None
                found.append((f"{stay.begun:%m-%d}", told, len({one.day for one in stay.sessions if one.attended})))
        return found

    def billed(self) -> list[tuple[str, str | None, int]]:
        """(first day, day after the last, days with a service or attended) of each period."""
        found = periods(self.folded, self.rules.zone_of, self.rules.billed)
        return [(f"{one.start:%m-%d}", f"{one.end:%m-%d}" if one.end else None, len(one.content.days)) for one in found]


async def test_36_daily_visits_of_12_weeks_are_one_stay_with_36_days_and_one_bill(
    feed: Feed, clock: SetClock, rules: Rules
) -> None:
    clock.at = LATER
    for fact in a_story(*days(*THREE_A_WEEK)):
        await feed.bring(fact)
    (period,) = await feed.billed("episode-1")
    assert (period["level"], period["start_date"], period.get("end_date")) == ("iop", "2026-03-02", None)
    assert (period["program"]["id"], period["patient"]["mrn"]) == ("GH-IOP1", "M1")
    assert [one["date"] for one in period["days"]] == [day.isoformat() for day in THREE_A_WEEK]
    assert {service["minutes"] for one in period["days"] for service in one["services"]} == {180}
    row = await feed.row("episode-1")
    assert (row.state, row.level) == ("active", "iop")
    assert await end_stays_of_visits(feed.database, rules, clock=clock, ids=feed.ids) == 1
    (period,) = await feed.billed("episode-1")
    assert (period["end_date"], len(period["days"])) == ("2026-05-23", 36)
    sent = [one.fact.name for one in await feed.sent("care.events")]
    assert (sent.count("started"), sent.count("discontinued")) == (1, 1)
    assert await end_stays_of_visits(feed.database, rules, clock=clock, ids=feed.ids) == 0


def test_a_visit_after_the_days_of_the_program_is_another_stay(rules: Rules) -> None:
    desk = Desk(rules)
    desk.takes(*days(FIRST, FIRST + timedelta(days=14), FIRST + timedelta(days=29)))
    assert desk.stays() == [("03-02", "03-17 discontinued lost-contact", 2), ("03-31", None, 1)]


def test_the_end_of_a_visit_ends_its_day_and_a_disposition_that_the_row_names_the_stay(rules: Rules) -> None:
    desk = Desk(rules)
    desk.takes(*days(FIRST, FIRST + timedelta(days=2), disposition="home"))
    assert desk.stays() == [("03-02", None, 2)]
    desk.takes(*days(FIRST + timedelta(days=4), disposition="against-advice"))
    assert desk.stays() == [("03-02", "03-07 discontinued against-advice", 3)]
    desk.takes(*days(FIRST + timedelta(days=7)))
    assert desk.stays() == [("03-02", "03-07 discontinued against-advice", 3), ("03-09", None, 1)]


def test_while_a_visit_is_open_the_stay_goes_on(rules: Rules) -> None:
    desk = Desk(rules)
    desk.takes(visit_started("2026-03-02 13:00", visit="M1", unit="IOPD"), *days(date(2026, 5, 20)))
    assert desk.stays() == [("03-02", None, 2)]
    desk.takes(over=True)
    assert desk.stays() == [("03-02", None, 2)]


def test_attendance_that_visit_and_session_tell_is_one(rules: Rules) -> None:
    desk = Desk(rules)
    desk.takes(*days(FIRST, FIRST + timedelta(days=2)))
    stay = desk.own[0].value.stay.id  # type: ignore[union-attr]
    desk.takes(attended("2026-03-04", session="told-by-the-desk", placement=stay, sequence=50))
    assert desk.stays() == [("03-02", None, 2)]
    sessions = [one.session_id for stay in desk.folded.stays for one in stay.sessions]
    assert sorted(sessions) == ["told-by-the-desk", "visit:D0302"]


def test_what_the_desk_ended_has_ended_and_the_next_visit_begins_a_stay(rules: Rules) -> None:
    desk = Desk(rules)
    desk.takes(*days(FIRST, FIRST + timedelta(days=2)))
    stay = desk.own[0].value.stay.id  # type: ignore[union-attr]
    desk.takes(completed("2026-03-05", placement=stay, sequence=50))
    desk.takes(over=True)
    desk.takes(*days(FIRST + timedelta(days=7)))
    assert [(first, days) for first, _, days in desk.stays()] == [("03-02", 2), ("03-09", 1)]


def test_a_visit_taken_back_takes_its_day_and_the_last_one_the_stay(rules: Rules) -> None:
    desk, (first, over, second, ended) = Desk(rules), days(FIRST, FIRST + timedelta(days=2))
    desk.takes(first, over, second, ended)
    desk.takes(cancelled(over), cancelled(first))
    assert desk.stays() == [("03-04", None, 1)]
    desk.takes(cancelled(ended), cancelled(second))
    assert desk.stays() == []


def test_an_end_for_want_of_visits_goes_when_one_is_told_late(rules: Rules) -> None:
    desk = Desk(rules, at("2026-03-20 12:00"))
    desk.takes(*days(FIRST))
    desk.takes(over=True)
    assert desk.stays() == [("03-02", "03-03 discontinued lost-contact", 1)]
    desk.takes(*days(date(2026, 3, 10)))
    assert desk.stays() == [("03-02", None, 2)]


@pytest.mark.parametrize("seed", range(20))
def test_any_order_of_arrival_ends_alike(rules: Rules, seed: int) -> None:
    dice = random.Random(seed)
    on = [FIRST + timedelta(days=n) for n in sorted(dice.sample(range(70), 12))]
    story = days(*on)
    back = [cancelled(one) for one in dice.sample(story[::2], 2)]
    straight, mixed = Desk(rules), Desk(rules)
    straight.takes(*story, *back)
    for one in dice.sample([*story, *back], len(story) + len(back)):
        mixed.takes(one)
    for desk in (straight, mixed):
        desk.takes(over=True)
    assert (mixed.stays(), mixed.billed()) == (straight.stays(), straight.billed())
    assert _levels(mixed.folded.stays) == {Level.IOP, None}


def _levels(stays: Iterable[Any]) -> set[Level | None]:
    return {stay.level for stay in stays}


async def test_the_bill_of_daily_visits_has_their_diagnoses_of_one_code_as_the_last_visit_tells_it(
    feed: Feed, clock: SetClock
) -> None:
    clock.at = LATER
    first, second = THREE_A_WEEK[:2]
    told = [
        diagnosed(f"{first} 13:00", visit=f"D{first:%m%d}", code="F32.2", rank=1),
        diagnosed(f"{first} 13:00", visit=f"D{first:%m%d}", code="F10.20", rank=2),
        diagnosed(f"{second} 13:00", visit=f"D{second:%m%d}", code="F10.20", rank=3),
    ]
    for fact in a_story(*days(first, second), *told):
        await feed.bring(fact)
    (period,) = await feed.billed("episode-1")
    assert [(one["rank"], one["code"]) for one in period["diagnoses"]] == [(1, "F32.2"), (3, "F10.20")]


async def test_the_bill_of_daily_visits_has_the_admission_codes_of_the_first_visit_that_tells_them(
    feed: Feed, clock: SetClock
) -> None:
    clock.at = LATER
    told = {day: {"type": code, "source": "1"} for day, code in zip(THREE_A_WEEK, "213", strict=False)}
    visits = [
        visit_started(f"{day} 13:00", visit=f"D{day:%m%d}", unit="IOPD", admission=codes, **{"class": "other"})
        for day, codes in told.items()
    ]
    ends = [visit_ended(f"{day} 16:00", visit=f"D{day:%m%d}") for day in told]
    story = list(a_story(*visits, *ends))
    for fact in story:
        await feed.bring(fact)
    assert [one["admission"]["type"] for one in await feed.billed("episode-1")] == ["2"]
    first = next(fact for fact in story if fact.name == "visit-started")
    [off] = a_story(cancelled(first))
    await feed.bring(replace(off, sequence=len(story) + 1))
    assert [one["admission"]["type"] for one in await feed.billed("episode-1")] == ["1"]
