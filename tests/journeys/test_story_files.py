"""A story file that says something no story can say is refused with file, place and what would do."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.journeys.story import UnfitStory, read
from tests.journeys.told import Calendar, long_ago

PATIENT = "patient: {family: Aspenwold, given: Iris}\n"
WHOLE = f"title: One\n{PATIENT}steps: [hospital admits: {{day: 0}}]\nexpect: {{state: active}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "one.yml"


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("hospital admits", "hospital admitts", "step 1: nobody knows how `hospital admitts`; known are: now it is so"),
        ("{day: 0}", "{day: soon}", "step 1, hospital admits: day.int Input should be a valid integer"),
        ("{day: 0}", "{day: 0, ward: 3W}", "step 1, hospital admits: ward Extra inputs are not permitted"),
        ("{day: 0}", "{}", "step 1, hospital admits: day Field required"),
        ("[hospital admits: {day: 0}]", "[[1]]", "step 1: a step is one `who does: {…}`"),
        ("[hospital admits: {day: 0}]", "3", "a story has title, patient, steps (a list) and expect"),
        ("state: active", "stat: active", "expect.stat Extra inputs are not permitted"),
        ("title: One", "title: [", "one.yml: while parsing"),
        (PATIENT, "", "patient Field required"),
    ],
)
def test_a_story_with_a_mistake_says_where_it_is(file: Path, was: str, now: str, said: str) -> None:
    assert was in WHOLE
    file.write_text(WHOLE.replace(was, now))
    with pytest.raises(UnfitStory) as no:
        read(file)
    assert said in str(no.value)
    assert str(no.value).startswith("one.yml: ")


@pytest.mark.parametrize("clock", ["10:30", "'10:30'", "09:05"])
def test_a_clock_time_needs_no_quotes(file: Path, clock: str) -> None:
    file.write_text(WHOLE.replace("{day: 0}", f"{{day: 0, at: {clock}}}"))
    ((_, told),) = read(file).steps
    assert told.at.isoformat("minutes") == clock.strip("'")


@pytest.mark.parametrize("today", [f"2026-11-{day:02}" for day in range(16, 23)])
def test_day_0_is_a_monday_long_ago(today: str) -> None:
    calendar = Calendar(long_ago(date.fromisoformat(today)))
    assert calendar.date(0).weekday() == 0
    assert 120 <= -calendar.day_0.toordinal() + date.fromisoformat(today).toordinal() <= 126
    assert calendar.day(calendar.iso(9)) == 9
