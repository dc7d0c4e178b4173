"""Facts of one episode are applied in each writer's order, whatever order they come in."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.facts.envelope import Fact
from shared.facts.ordering import old_places, sort_out, tell_repeats
from tests.builders import fact


class Carried(NamedTuple):
    fact: Fact


def a_fact(writer: str, sequence: int, ce_id: str | None = None) -> Carried:
    return Carried(fact("x", writer=writer, sequence=sequence, ce_id=ce_id or f"{writer}{sequence}", episode="e"))


def names(carriers: list[Carried]) -> list[str]:
    return [c.fact.id for c in carriers]


@pytest.mark.parametrize(
    ("seen", "arriving", "applied", "old", "early"),
    [
        ({}, ["i1", "i2"], ["i1", "i2"], [], []),
        ({}, ["i2", "i1"], ["i1", "i2"], [], []),
        ({"i": 1}, ["i1", "i2"], ["i2"], ["i1"], []),
        ({}, ["i2", "i3"], [], [], ["i2", "i3"]),
        ({}, ["i3", "p1", "i1"], ["p1", "i1"], [], ["i3"]),
        ({"i": 4}, ["i5", "i5", "i7"], ["i5"], ["i5"], ["i7"]),
        ({"i": 4}, ["i6", "i6", "i5"], ["i5", "i6"], ["i6"], []),
    ],
)
def test_next_in_line_is_applied_a_gap_waits_and_a_repeat_is_old(
    seen: dict[str, int], arriving: list[str], applied: list[str], old: list[str], early: list[str]
) -> None:
    found = sort_out(seen, [a_fact(text[0], int(text[1:])) for text in arriving])
    assert (names(found.apply), names(found.old), names(found.early)) == (applied, old, early)


@given(st.permutations([("i", n) for n in range(1, 8)] + [("p", n) for n in range(1, 5)]), st.integers(0, 11))
def test_any_order_in_any_two_batches_applies_each_fact_once_in_its_writers_order(
    order: list[tuple[str, int]], cut: int
) -> None:
    first = sort_out({}, [a_fact(*each) for each in order[:cut]])
    second = sort_out(first.seen, first.early + [a_fact(*each) for each in order[cut:]])
    applied = [c.fact for c in first.apply + second.apply]
    for writer, last in (("i", 7), ("p", 4)):
        assert [f.sequence for f in applied if f.writer == writer] == list(range(1, last + 1))
    assert not second.early
    assert not second.old


@pytest.mark.parametrize(
    ("why", "seen", "handled", "arriving", "told"),
    [
        ("told again", 1, {1: "one"}, [(1, "one")], [("one", True)]),
        ("another under a number of before", 1, {1: "one"}, [(1, "other")], [("other", False)]),
        ("another under a number of this batch", 0, {}, [(1, "one"), (1, "other"), (1, "one")],
         [("other", False), ("one", True)]),
        ("another under the number of one that waits", 0, {}, [(2, "two"), (2, "other"), (2, "two")],
         [("other", False), ("two", True)]),
        ("of what was handled nobody knows the ce_id", 1, {}, [(1, "one")], [("one", False)]),
    ],
)  # fmt: skip
def test_under_a_number_that_is_taken_the_same_ce_id_is_a_repeat_and_another_is_not(
    why: str, seen: int, handled: dict[int, str], arriving: list[tuple[int, str]], told: list[tuple[str, bool]]
) -> None:
    found = sort_out({"i": seen}, [a_fact("i", sequence, ce_id) for sequence, ce_id in arriving])
    known = {("e", "i", sequence): ce_id for sequence, ce_id in handled.items()}
    assert known.keys() <= old_places([found]), why
    assert [(one.fact.id, repeat) for one, repeat in tell_repeats([found], known)] == told, why
