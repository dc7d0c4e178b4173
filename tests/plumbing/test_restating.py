"""What is to be said so that the facts that stand become those that ought to: one mechanism for every writer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.events.base import CareFact, Heading, type_name
from shared.events.planning import EpisodeEnded
from shared.events.published import encode
from shared.events.taking_back import taken_back
from shared.facts.envelope import Fact
from shared.facts.restating import Difference, OwnFacts, difference, numbered, same
from shared.facts.stating import said
from shared.facts.values import read_fact


class Stands(NamedTuple):
    """A fact that was stated: its place in the sequence, and what it said."""

    sequence: int
    said: str


Desired = dict[str, str]
WANTED = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("xyz"))


def compared(active: dict[str, Stands], desired: Desired) -> Difference[str, Stands, str]:
    return difference(active, desired, lambda was, now: was.said == now)


NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HEADING: Heading = {
    "episode_id": "e", "patient_id": "p", "facility": "f", "occurred_at": NOW, "recorded_at": NOW,
}  # fmt: skip


def says(what: str, replaces: str | None = None) -> EpisodeEnded:
    return EpisodeEnded(**HEADING, reason=what, replaces=replaces)


def fact(value: CareFact, sequence: int) -> Fact:
    return said(value, ce_id=f"f-{sequence}", writer="placement", sequence=sequence)


def statements(active: dict[str, Stands], desired: Desired, last: int) -> tuple[Fact, ...]:
    """The facts that a writer states: a cancel names what falls, a restatement too, and what it says."""
    found = compared(active, {key: f"{key}={said}" for key, said in desired.items()})
    values: list[CareFact] = found.said(
        lambda was: taken_back(says(was.said), f"f-{was.sequence}", reason="derived-away", now=NOW),
        lambda now, was: says(now, f"f-{was.sequence}" if was else None),
    )
    return numbered(values, last, fact)


def standing(facts: list[Fact]) -> dict[str, Stands]:
    """What stands by the log of facts alone, as whoever reads them sees it."""
    gone = OwnFacts(facts).fallen
    stand = [
        (each.sequence, each.value.reason)
        for each in facts
        if each.id not in gone and isinstance(each.value, EpisodeEnded)
    ]
    return {what.partition("=")[0]: Stands(sequence, what) for sequence, what in stand}


def along(way: list[Desired]) -> list[Fact]:
    """All facts that are stated while this and then that ought to stand."""
    log: list[Fact] = []
    for desired in way:
        log += statements(standing(log), desired, len(log))
    return log


@given(st.lists(WANTED, max_size=6), WANTED)
def test_step_by_step_in_any_order_ends_where_the_whole_does(way: list[Desired], last: Desired) -> None:
    by_steps, at_once = standing(along([*way, last])), standing(along([last]))
    assert {key: one.said for key, one in by_steps.items()} == {key: one.said for key, one in at_once.items()}
    assert {key: one.said for key, one in by_steps.items()} == {key: f"{key}={said}" for key, said in last.items()}


@given(st.lists(WANTED, max_size=6))
def test_nothing_is_said_where_nothing_changed_and_numbers_have_no_gap(way: list[Desired]) -> None:
    log = along(way)
    assert along([each for each in way for _ in (1, 2)]) == log, "each step asked for twice"
    assert [each.sequence for each in log] == list(range(1, len(log) + 1))


@given(st.lists(WANTED, max_size=6))
def test_each_fact_falls_once_and_by_one_that_comes_after_it(way: list[Desired]) -> None:
    log = along(way)
    falls = [(named, each) for each in log for named in OwnFacts([each]).fallen if named]
    before = {each.id: each.sequence for each in log}
    assert len({named for named, _ in falls}) == len(falls)
    assert all(before[named] < each.sequence for named, each in falls)


@given(WANTED, WANTED)
def test_it_is_taken_back_first_then_stated_in_place_then_stated_anew(before: Desired, after: Desired) -> None:
    active = {key: Stands(number, said) for number, (key, said) in enumerate(before.items(), 1)}
    found = compared(active, after)
    assert list(found.cancel) == [key for key in before if key not in after]
    again = [(active[key], said) for key, said in after.items() if key in before and before[key] != said]
    assert list(found.state) == [*again, *((None, said) for key, said in after.items() if key not in before)]
    assert found.fallen == [*found.cancel.values(), *(was for was, _ in again)]
    assert bool(found) == (before != after)


def test_when_it_was_said_and_what_it_replaces_is_no_content() -> None:
    first, again = says("level"), structs.replace(says("level", "f-1"), recorded_at=NOW + timedelta(hours=1))
    assert same(first, again)
    assert not same(first, says("another"))
    assert not same(first, taken_back(first, "f-1", reason="level", now=NOW))


@given(st.integers(0, 180), st.sampled_from([0, 1]))
def test_an_hour_that_the_clocks_go_through_twice_is_no_reason_to_state_anew(minutes: int, fold: int) -> None:
    """Python holds such a time unequal to the same instant with an offset (PEP 495)."""
    zone = ZoneInfo("America/New_York")
    at = (datetime(2026, 11, 1, tzinfo=zone) + timedelta(minutes=minutes)).replace(fold=fold)
    now = structs.replace(says("so"), occurred_at=at)
    was = read_fact(type_name(now.TYPE), encode(now))
    assert same(was, now)
    assert not same(was, structs.replace(now, occurred_at=at + timedelta(days=2)))
