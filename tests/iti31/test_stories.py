"""The stories of `stepdown iti31` as they are written, and played at systems that are right, wrong or silent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from services.intake.hl7.header import header
from tests.intake.said import only
from tools.cli.iti31 import SAMPLE_CODES
from tools.iti31 import play
from tools.iti31.adapter import VisitSeen
from tools.iti31.messages import Endpoint, Numbers, written
from tools.iti31.play import ORDERS, play_all, plays
from tools.iti31.stories import PLACES, STORIES, Stands, Story, stories

ENDPOINT = Endpoint(SAMPLE_CODES)


class Told:
    """A system that says what it is told to stand: `stands` by patient number."""

    def __init__(self, code: str = "AA") -> None:
        self.code, self.visits = code, dict[str, list[VisitSeen]]()

    async def reset(self) -> None: ...

    async def send(self, message: bytes) -> str:
        return self.code

    async def stands(self, patients: Sequence[str]) -> list[VisitSeen]:
        return [visit for patient in patients for visit in self.visits.get(patient, ())]


def visit_of(one: Stands, numbers: Numbers) -> VisitSeen:
    """A visit of a story as a system would tell it."""
    return VisitSeen(
        numbers.of(one.visit.split("/")[-1]),
        numbers.of(one.patient),
        [(SAMPLE_CODES[place], at.isoformat()) for place, at in one.places],
        [(each.since.isoformat(), each.until.isoformat() if each.until else None) for each in one.leaves],
        one.ended.isoformat() if one.ended else None,
    )


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play, "QUIET", 0.0)


def test_every_story_has_its_own_name_and_says_where_the_standard_has_it() -> None:
    assert len({story.name for story in stories()}) == len(stories())
    assert all(story.of and story.says for story in stories())


def test_every_place_of_the_stories_has_a_unit_in_the_sample_site() -> None:
    assert SAMPLE_CODES.keys() == set(PLACES)


@pytest.mark.parametrize("story", stories(), ids=lambda story: story.name)
def test_what_stands_is_written_as_it_is_read(story: Story) -> None:
    text = STORIES.read_text(encoding="utf-8")
    assert all(str(each) in text for each in story.stands)


@pytest.mark.parametrize("story", stories(), ids=lambda story: story.name)
def test_every_message_of_a_story_is_hl7_with_its_event_and_numbers_of_this_run(story: Story) -> None:
    numbers = Numbers("RUN")
    for say, raw in zip(story.says, written(story, numbers, ENDPOINT), strict=True):
        message = only(raw)
        assert header(message).trigger == say.event
        assert message.get("PID", 3).startswith("RUNP")
    assert len(set(numbers.numbers.values())) == len(numbers.numbers)


def test_every_story_is_played_as_told_each_message_twice_and_in_other_orders() -> None:
    [story] = [each for each in stories() if each.name == "transfer-cancelled"]
    every = list(plays([story]))
    assert {one.order for one in every} == set(ORDERS)
    assert [list(one.arrivals) for one in every[:2]] == [[0, 1, 2], [0, 0, 1, 1, 2, 2]]
    assert (2, 1, 0) in {tuple(one.arrivals) for one in every}
    assert all(sorted(one.arrivals) == [0, 1, 2] for one in every[2:])


async def test_a_system_that_says_what_a_story_says_is_right_in_every_story() -> None:
    every, system = list(plays(stories())), Told()
    for one in every:
        written(one.story, one.numbers, ENDPOINT)
        for each in one.story.stands:
            visit = visit_of(each, one.numbers)
            system.visits.setdefault(visit.patient, []).append(visit)
    await play_all(every, system, ENDPOINT)
    assert not [one.wrong for one in every if one.wrong]


@pytest.mark.usefixtures("impatient")
async def test_a_system_that_keeps_nothing_misses_what_every_story_says_stands() -> None:
    every = list(plays(stories()))
    await play_all(every, Told(), ENDPOINT)
    for one in every:
        assert one.wrong == sorted(f"missing: {each}" for each in one.story.stands)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("code", ["AE", "AR", "CR"])
async def test_a_system_that_refuses_is_wrong_whatever_stands(code: str) -> None:
    [story] = [each for each in stories() if each.name == "pre-admission"]
    every = list(plays([story]))
    await play_all(every, Told(code), ENDPOINT)
    assert [one.wrong for one in every] == [[f"answered {code}"]] * len(every)


@pytest.mark.usefixtures("impatient")
async def test_what_stands_otherwise_is_said_beside_what_is_missing() -> None:
    [story] = [each for each in stories() if each.name == "discharge-cancelled"]
    [one, *_] = list(plays([story]))
    written(story, one.numbers, ENDPOINT)
    system, [wanted] = Told(), story.stands
    late = wanted._replace(ended=wanted.places[0][1] + timedelta(days=3, hours=2))
    system.visits[one.numbers.of("p1")] = [visit_of(late, one.numbers)]
    await play_all([one], system, ENDPOINT)
    assert one.wrong == ["missing: v1 of p1: ward 1 09:00", "stands too: v1 of p1: ward 1 09:00, out 4 11:00"]
