"""Forms made from commands, and what they come to: the same JSON that the API would have been sent."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import orjson
import pytest
from pydantic import AwareDatetime, Field

from shared.errors import InvalidMessage
from shared.web.badges import by, until
from shared.web.commands import Command, Name
from shared.web.forms import Form, Question, Refused, body_of, checks, local, questions
from shared.web.wording import days_left, spoken, tail, time_left

ZONE = ZoneInfo("America/New_York")
NOON = datetime(2026, 4, 1, 16, 0, tzinfo=UTC)


class Asked(Command):
    """One of each kind of field."""

    patient: Name
    at: AwareDatetime
    on: date | None = None
    why: Literal["one-reason", "no-show"]
    how: Literal["phone"] | None = None
    many: Annotated[int, Field(ge=0)] | None = None
    begins: AwareDatetime | None = Field(default=None, alias="from")
    falls: tuple[Name, ...]
    rest: tuple[Name, ...] = ()


def test_each_field_is_asked_for_as_what_it_is() -> None:
    asked = {each.name: each for each in questions(Asked, given={"patient": "P1"}, proposed={"at": "2026-04-01T12:00"})}
    kinds = {name: (each.kind, each.required) for name, each in asked.items() if name not in {"falls", "rest"}}
    assert kinds == {
        "patient": ("hidden", True),
        "at": ("datetime-local", True),
        "on": ("date", False),
        "why": ("select", True),
        "how": ("select", False),
        "many": ("number", False),
        "from": ("datetime-local", False),
    }
    assert asked["why"].options == {"one-reason": "one reason", "no-show": "did not come"}
    assert (asked["patient"].value, asked["at"].value) == ("P1", "2026-04-01T12:00")


def test_a_text_is_chosen_from_what_is_offered_and_what_is_left_out_is_not_asked() -> None:
    [asked] = questions(Asked, options={"patient": {"P1": "the first"}}, leave_out=[*Asked.model_fields, "from"][1:])
    assert (asked.kind, asked.options) == ("select", {"P1": "the first"})


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"patient": " P1 ", "at": "2026-04-01T12:00"}, {"patient": "P1", "at": "2026-04-01T12:00:00-04:00"}),
        ({"at": "2026-04-01T12:00:00+02:00"}, {"at": "2026-04-01T12:00:00+02:00"}),
        ({"from": "2026-12-01T12:00"}, {"from": "2026-12-01T12:00:00-05:00"}),
        ({"on": "", "many": "3", "unknown": "x"}, {"many": "3"}),
        ({"falls": ""}, {"falls": []}),
        ({"falls": "a b", "rest": ""}, {"falls": ["a", "b"]}),
    ],
)
def test_a_form_comes_to_the_json_that_the_api_reads(fields: dict[str, str], sent: dict[str, object]) -> None:
    assert orjson.loads(body_of(Asked, fields, ZONE)) == sent


class Inner(Command):
    family: Name
    given: Name | None = None


class Outer(Command):
    who: Inner | None = None
    numbers: tuple[Inner, ...] = ()
    about: tuple[Name, ...]


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"who.family": "Elm", "who.given": ""}, {"who": {"family": "Elm"}}),
        ({"who.family": "", "who.given": " "}, {}),
        ({"about.0": "PSY", "about.2": "PART2"}, {"about": ["PSY", "PART2"]}),
        ({"numbers.0.family": "M1", "numbers.0.given": "MR"}, {"numbers": [{"family": "M1", "given": "MR"}]}),
        ({"numbers.0.family": "", "numbers.0.given": "MR"}, {}),
    ],
)
def test_a_name_with_dots_is_a_place_within_the_body(fields: dict[str, str], sent: dict[str, object]) -> None:
    assert orjson.loads(body_of(Outer, fields, ZONE)) == sent


def test_a_field_with_fields_of_its_own_is_asked_for_by_those() -> None:
    labels = {"who.family": "Family name", "given": "Given name"}
    asked = questions(Outer, proposed={"who.given": "Ann"}, labels=labels, leave_out=("numbers", "about"))
    told = [(each.name, each.label, each.required, each.value) for each in asked]
    assert told == [("who.family", "Family name", False, ""), ("who.given", "Given name", False, "Ann")]
    assert questions(Outer, leave_out=("who", "numbers", "about")) == ()


def test_what_is_wrong_is_said_at_the_field_or_at_the_first_one_within_it() -> None:
    asked = (*questions(Outer, leave_out=("who", "numbers", "about")), *checks("about", {"PSY": "a", "SUD": "b"}))
    hidden = Question("who.id", "hidden", "", required=True, value="1")
    named = Question("who.name.family", "text", "Family", required=True)
    form = Form("Act", "/act", (hidden, named, *asked), 0, "k")
    again = Refused("/act", {"about.1": "SUD"}, {"about": "this is needed", "who": "nobody"}).again(form)
    told = {each.name: (each.wrong, each.value) for each in again.questions}
    assert told == {
        "who.id": ("", "1"),
        "who.name.family": ("nobody", ""),
        "about.0": ("this is needed", ""),
        "about.1": ("", "SUD"),
    }


def test_a_time_that_is_none_is_named_and_not_repeated() -> None:
    with pytest.raises(InvalidMessage, match="at is no time") as said:
        body_of(Asked, {"at": "tomorrow"}, ZONE)
    assert "tomorrow" not in str(said.value)


def test_an_instant_is_shown_in_the_facilitys_zone() -> None:
    assert local(NOON, ZONE) == "2026-04-01T12:00"


@pytest.mark.parametrize(
    ("day", "said", "tone"),
    [(date(2026, 3, 30), "2 days overdue", "late"), (date(2026, 3, 31), "1 day overdue", "late"),
     (date(2026, 4, 1), "last day today", "soon"), (date(2026, 4, 3), "2 days left", "soon"),
     (date(2026, 4, 9), "8 days left", "")],
)  # fmt: skip
def test_a_last_day_is_said_in_days_left_there(day: date, said: str, tone: str) -> None:
    assert by(day, NOON, ZONE) == (said, tone)


@pytest.mark.parametrize(
    ("hours", "said", "tone"),
    [
        (-72, "3 days overdue", "late"),
        (-1, "1 hour overdue", "late"),
        (5, "5 hours left", "soon"),
        (72, "3 days left", ""),
    ],
)
def test_an_instant_is_said_in_hours_or_days(hours: int, said: str, tone: str) -> None:
    due = datetime.fromtimestamp(NOON.timestamp() + hours * 3600, UTC)
    assert until(due, NOON) == (said, tone)
    assert time_left(due, NOON) == said


def test_codes_are_words_and_ids_show_their_tail() -> None:
    assert (spoken("left-message"), spoken("php")) == ("left message", "partial hospitalization")
    assert tail("01J8Z-000042") == "…0042"
    assert days_left(date(2026, 4, 1), date(2026, 4, 1)) == "today"
