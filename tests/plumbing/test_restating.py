"""What is to be said so that the facts that stand become those that ought to: one mechanism for every writer."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from shared.facts.envelope import Fact
from shared.facts.restating import Difference, content, difference, fallen_of, numbered


class Stands(NamedTuple):
    """A fact that was stated: its place in the sequence, and what it said."""

    sequence: int
    said: str


Desired = dict[str, str]
WANTED = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("xyz"))


def compared(active: dict[str, Stands], desired: Desired) -> Difference[str, Stands, str]:
    return difference(active, desired, lambda was, now: was.said == now)


def fact(value: dict[str, str], sequence: int) -> Fact:
    return Fact(f"f-{sequence}", "care.x.v1", "w", "e", sequence, "", value)


def statements(active: dict[str, Stands], desired: Desired, last: int) -> tuple[Fact, ...]:
    """The facts that a writer states: a cancel names what falls, a restatement too, and what it says."""
    found = compared(active, {key: f"{key}={said}" for key, said in desired.items()})
    values = found.said(
        lambda was: {"cancels": f"f-{was.sequence}"},
        lambda now, was: {"says": now} | ({"replaces": f"f-{was.sequence}"} if was else {}),
    )
    return numbered(values, last, fact)


def standing(facts: list[Fact]) -> dict[str, Stands]:
    """What stands by the log of facts alone, as whoever reads them sees it."""
    gone = fallen_of(facts)
    stand = [each for each in facts if each.id not in gone and "says" in each.value]
    return {each.value["says"].partition("=")[0]: Stands(each.sequence, each.value["says"]) for each in stand}


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
    falls = [(named, each) for each in log if (named := each.value.get("cancels") or each.value.get("replaces"))]
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
    assert content({"level": "php", "recorded_at": "2026-05-04T12:00:00Z", "replaces": "f-1"}) == {"level": "php"}
