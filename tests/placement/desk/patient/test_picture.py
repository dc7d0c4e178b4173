"""The continuum as a picture: its bars are the folded stays, whatever the story; lanes, labels and ticks."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from services.placement.continuum.fold import fold
from services.placement.desk.patient.drawing import LEFT, WIDTH, drawing
from services.placement.desk.patient.picture import VISITS, Continuum, PictureOf, in_words, picture
from services.placement.rules import rules_of
from shared.events.levels import Level
from shared.facts.envelope import Fact
from shared.site.config import SAMPLE, load
from shared.web.pages import ASSETS
from tests import builders as tell
from tests.placement.strategies import START, stories

RULES = rules_of(load(SAMPLE))
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


def drawn(facts: list[Fact], now: datetime = NOW) -> Continuum:
    return picture(PictureOf(fold(facts, RULES.zone_of), facts, RULES, now))


def of_kind(found: Continuum, kind: str) -> list[tuple[str, str, str | None]]:
    """(lane, since, until) in New York's time of the bars of a kind."""
    zone = tell.zone_of(tell.FACILITY)

    def at(time: datetime | None) -> str | None:
        return None if time is None else f"{time.astimezone(zone):%m-%d %H:%M}"

    return [(bar.lane, at(bar.since) or "", at(bar.until)) for bar in found.bars if bar.kind == kind]


@given(stories())
def test_the_bars_are_the_segments_of_the_folded_stays(facts: list[Fact]) -> None:
    folded = fold(facts, RULES.zone_of)
    wanted = []
    for stay in folded.stays:
        edges = [segment.since for segment in stay.segments[1:]] + [stay.ended.at if stay.ended else None]
        for segment, until in zip(stay.segments, edges, strict=True):
            wanted.append((segment.fact, segment.level or VISITS, segment.since, until))
    found = [(bar.of, bar.lane, bar.since, bar.until) for bar in drawn(facts).bars if bar.kind == "stay"]
    assert found == wanted
    away = [(one.fact, one.since) for stay in folded.stays for one in stay.away]
    assert [(bar.of, bar.since) for bar in drawn(facts).bars if bar.kind == "leave"] == away
    asleep = [(one.since, one.until) for stay in folded.stays for one in stay.suspended]
    assert [(bar.since, bar.until) for bar in drawn(facts).bars if bar.kind == "suspended"] == asleep


@given(stories())
def test_every_bar_stands_within_the_picture_and_in_a_lane_and_has_words(facts: list[Fact]) -> None:
    found = drawn(facts, START + timedelta(days=15))
    shapes = drawing(found, tell.zone_of(tell.FACILITY), "today")
    assert {bar.lane for bar in found.bars} == {name for name, _ in found.lanes}
    assert len(shapes.shapes) == len(found.bars) == len(in_words(found))
    for shape in shapes.shapes:
        assert LEFT <= shape.x <= WIDTH
        assert 0 < shape.width <= WIDTH - LEFT + 2
        assert 0 <= shape.y < shapes.bottom
        assert shape.bar.words
    stays = [one for one in shapes.shapes if one.bar.kind == "stay" and one.width > 2]
    for one in stays:
        for other in stays:
            apart = one.x + one.width <= other.x + 0.2 or other.x + other.width <= one.x + 0.2
            assert one is other or one.y != other.y or apart, "two stays at one time have rows of their own"


def test_lanes_are_in_the_order_of_the_levels_and_only_those_that_there_are() -> None:
    story = tell.a_story(
        tell.started("2026-03-10", placement="P1", level="php", program="GH-PHP1"),
        tell.admitted("2026-03-02 10:00"),
        tell.discharged("2026-03-09 14:00"),
        tell.visit_started("2026-03-01 08:00", visit="V9"),
    )
    assert drawn(story).lanes == (("inpatient", "Inpatient"), ("php", "PHP"), (VISITS, "Visit"))


def test_a_leave_lies_on_its_stay_and_a_suspension_on_the_stay_that_waits() -> None:
    story = tell.a_story(
        tell.started("2026-03-02", placement="P1", level="php", program="GH-PHP1"),
        tell.leave_started("2026-03-03 09:00", placement="P1"),
        tell.leave_ended("2026-03-04 09:00", placement="P1"),
        tell.admitted("2026-03-05 10:00"),
        tell.discharged("2026-03-09 14:00"),
    )
    found = drawn(story)
    assert of_kind(found, "leave") == [("php", "03-03 09:00", "03-04 09:00")]
    assert of_kind(found, "suspended") == [("php", "03-05 10:00", "03-09 14:00")]
    assert of_kind(found, "stay") == [("php", "03-02 00:00", None), ("inpatient", "03-05 10:00", "03-09 14:00")]


def test_what_is_agreed_is_shown_before_it_begins_and_not_after() -> None:
    placed = tell.placed("2026-03-08 15:00", placement="P1", level="php", program="GH-PHP1", start_date="2026-03-25")
    assert of_kind(drawn(tell.a_story(placed)), "to-come") == [("php", "03-25 00:00", None)]
    [bar] = [bar for bar in drawn(tell.a_story(placed)).bars if bar.kind == "to-come"]
    assert bar.words == "Adult partial hospitalization: first day Wed 25 Mar, no seat"
    begun = tell.a_story(placed, tell.started("2026-03-12", placement="P1", level="php", program="GH-PHP1"))
    assert of_kind(drawn(begun), "to-come") == []


def test_what_was_taken_back_is_in_the_picture_and_apart_from_what_stands() -> None:
    wrong = tell.discharged("2026-03-09 14:00")
    found = drawn(tell.a_story(tell.admitted("2026-03-02 10:00"), wrong, tell.cancelled(wrong)))
    assert of_kind(found, "taken-back") == [("inpatient", "03-09 14:00", "03-09 14:00")]
    assert of_kind(found, "stay") == [("inpatient", "03-02 10:00", None)]
    assert [bar.kind for bar in found.stands] == ["stay"]
    assert ("Inpatient", "taken back: discharged (Inpatient) on Mon 9 Mar") in [
        (t, b.words) for t, b in in_words(found)
    ]


def test_an_authorization_shows_how_much_of_it_is_used() -> None:
    approved = tell.authorization("approved", "2026-03-02 09:00", auth="A1", units=10)
    facts = tell.a_story(approved)
    of = PictureOf(fold(facts, RULES.zone_of), facts, RULES, NOW, {"A1": (4, 10)})
    [bar] = [bar for bar in picture(of).bars if bar.kind == "authorized"]
    assert bar.part is not None
    assert math.isclose(bar.part, 0.4)
    assert "4 of 10" in bar.words
    assert not bar.late


@pytest.mark.parametrize("days", [1, 5, 40, 400, 4000])
def test_the_axis_has_a_few_ticks_however_long_the_way_is(days: int) -> None:
    came = NOW - timedelta(days=days)
    found = drawn(tell.a_story(tell.admitted(came)), NOW)
    ticks = drawing(found, UTC, "today").ticks
    assert 1 <= len(ticks) <= 9
    assert ticks[0].text[-4:].isdigit(), "the first one has its year"
    assert [one.x for one in ticks] == sorted(one.x for one in ticks)


def test_every_level_of_the_table_has_a_colour() -> None:
    css = (ASSETS / "patient.css").read_text()
    assert [level.value for level in Level if f".l-{level.value} " not in css] == []
