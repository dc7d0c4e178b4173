"""Facts of one episode are applied in each writer's order, whatever order they come in."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.facts.envelope import Fact
from shared.facts.ordering import sort_out


class Carried(NamedTuple):
    fact: Fact


def a_fact(writer: str, sequence: int, ce_id: str | None = None) -> Carried:
    return Carried(Fact(ce_id or f"{writer}{sequence}", "care.x.v1", writer, "e", sequence, "", {}))


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
