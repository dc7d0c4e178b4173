"""Who is played in the demo: the same for the same plan, each patient in virtual order, nothing in the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.site import config
from tools.simulator.course import Course, Tally
from tools.simulator.doors import Doors
from tools.simulator.noise import Sent
from tools.simulator.player import Player, Step
from tools.simulator.show import Plan
from tools.simulator.watch import Watch

NOW = datetime(2026, 3, 20, 15, tzinfo=UTC)
SITE = config.load(config.SAMPLE)


async def says(course: Course, sent: Sent) -> None:
    """A hospital that is not there."""


def players(number: int = 60, now: datetime = NOW) -> list[Player]:
    return Plan(number, 7, now, SITE).players(Doors({}, {}), Watch(), Tally())


def steps(now: datetime = NOW) -> list[list[Step]]:
    return [one.steps(says) for one in players(now=now)]


def test_the_same_plan_gives_the_same_steps() -> None:
    one, other = ([[(step.at, step.message) for step in each] for each in steps()] for _ in range(2))
    assert one == other


def test_a_run_a_minute_later_is_about_other_patients() -> None:
    later = {one.course.life.person.mrn for one in players(now=NOW + timedelta(minutes=1))}
    assert not later & {one.course.life.person.mrn for one in players()}


def test_steps_are_in_virtual_order_and_what_they_tell_is_over() -> None:
    assert all([step.at for step in each] == sorted(step.at for step in each) for each in steps())
    for one in players():
        assert all(stay.began < NOW and (stay.ended or stay.began) < NOW for stay in (*one.course.life.stays, *one.own))


def test_a_stay_is_told_by_the_hospital_or_at_the_desk_and_not_by_both() -> None:
    for one in players(200):
        assert not [stay for stay in one.own if stay in one.course.life.stays]
        assert one.at_the_desk or not one.own
        assert not [stay for stay in one.own if stay.level in {"inpatient", "residential", None}]
