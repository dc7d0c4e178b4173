"""Who is whom, by any set of merges, links, moves and what takes them back: pure, in whatever order they are given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.people.merging import (
    RecordKind,
    RecordStatement,
    VisitName,
    WhoIsWhom,
    flattened,
    kin,
    owner_of,
    who_is_whom,
)

DAY = datetime(2026, 3, 1, 9, tzinfo=UTC)
PATIENTS = "ABCD"


def said(day: int, kind: RecordKind, patient: str, other: str, facility: str = "GH", **more: Any) -> RecordStatement:
    """A statement of this day: `other` goes to `patient`."""
    at = DAY + timedelta(days=day)
    return RecordStatement(
        statement_id=f"{facility}{day}{kind}{patient}{other}", facility=facility, kind=kind, patient=patient,
        other=other, stated_at=at, sent_at=at, occurred_at=at, control_id=f"C{day}", **more,
    )  # fmt: skip


def roots(who: WhoIsWhom, facility: str = "GH") -> str:
    """Of A, B, C and D the patient who stays, in this order."""
    return "".join(who.root(facility, patient) for patient in PATIENTS)


@pytest.mark.parametrize(
    ("story", "wanted"),
    [
        ([], "ABCD"),
        ([said(1, "merge", "A", "B")], "AACD"),
        ([said(1, "merge", "B", "A"), said(2, "merge", "C", "B")], "CCCD"),
        ([said(1, "merge", "C", "B"), said(2, "merge", "B", "A")], "CCCD"),
        ([said(1, "merge", "A", "B"), said(2, "merge", "A", "B")], "AACD"),
        ([said(1, "merge", "A", "B"), said(2, "merge", "B", "A")], "BBCD"),
        ([said(1, "merge", "B", "A"), said(2, "merge", "C", "B"), said(3, "merge", "A", "C")], "AAAD"),
        ([said(1, "merge", "B", "A"), said(2, "merge", "C", "A")], "CBCD"),
        ([said(1, "merge", "A", "B"), said(2, "unlink", "A", "B")], "ABCD"),
        ([said(1, "merge", "A", "B"), said(2, "unmerge", "B", "A"), said(3, "merge", "A", "B")], "AACD"),
        ([said(1, "unmerge", "A", "B"), said(2, "merge", "A", "B")], "AACD"),
        ([said(1, "merge", "B", "A"), said(2, "merge", "C", "B"), said(3, "unmerge", "B", "A")], "ACCD"),
        ([said(1, "merge", "B", "A"), said(2, "merge", "C", "B"), said(3, "unmerge", "C", "A")], "ACCD"),
        ([said(1, "link", "A", "B")], "ABCD"),
        ([said(1, "rename-patient", "A", "B"), said(2, "move-ids", "C", "D")], "AACC"),
        ([said(1, "merge", "A", "A")], "ABCD"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(f"{one.other}→{one.patient}" for one in value),
)
def test_the_last_one_said_holds(story: list[RecordStatement], wanted: str) -> None:
    assert roots(who_is_whom(story)) == wanted
    assert roots(who_is_whom(reversed(story))) == wanted


def test_a_merge_concerns_the_records_of_who_said_it_alone() -> None:
    who = who_is_whom([said(1, "merge", "A", "B"), said(2, "merge", "B", "C", "OTHER")])
    assert (roots(who), roots(who, "OTHER")) == ("AACD", "ABBD")
    assert flattened(who) == {("B", "GH"): "A", ("C", "OTHER"): "B"}


def test_each_statement_is_told_what_became_of_it() -> None:
    story = [
        said(1, "merge", "A", "B"),
        said(2, "merge", "A", "B"),
        said(3, "merge", "B", "A"),
        said(4, "unmerge", "A", "B"),
        said(5, "unmerge", "A", "B"),
        said(6, "link", "A", "C"),
        said(7, "link", "A", "C"),
    ]
    effects = who_is_whom(story).effects
    assert [effects[one.statement_id] for one in story] == [
        ("no-effect", "told-otherwise-later"),
        ("no-effect", "already-told"),
        ("taken-back", None),
        ("applied", None),
        ("no-effect", "nothing-to-part"),
        ("applied", None),
        ("no-effect", "already-told"),
    ]


KINDS: st.SearchStrategy[RecordKind] = st.sampled_from(
    ("merge", "merge", "merge", "unmerge", "link", "unlink", "rename-patient", "move-visit")
)
STORIES = st.lists(st.tuples(KINDS, st.sampled_from(PATIENTS), st.sampled_from(PATIENTS)), max_size=9).map(
    lambda told: [said(day, kind, one, other, visit="V") for day, (kind, one, other) in enumerate(told)]
)


@given(STORIES, st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_a_story_means_the_same(story: list[RecordStatement], chance: Any) -> None:
    again = [*story, *story[::2]]
    chance.shuffle(again)
    one, other = who_is_whom(story), who_is_whom(again)
    assert roots(one) == roots(other)
    assert one.at["GH"].linked == other.at["GH"].linked
    assert one.effects == other.effects
    assert one.moves == other.moves


@given(STORIES)
def test_nobody_is_merged_in_a_circle_and_only_with_whom_a_statement_names(story: list[RecordStatement]) -> None:
    who, together = who_is_whom(story), kin(story)
    for patient in PATIENTS:
        root = who.root("GH", patient)
        assert who.root("GH", root) == root
        assert root == patient or root in together[patient]


@given(STORIES, st.sampled_from(PATIENTS), st.sampled_from(PATIENTS))
def test_a_merge_that_is_taken_back_leaves_everybody_as_they_were(
    story: list[RecordStatement], one: str, other: str
) -> None:
    before = who_is_whom(story)
    if before.root("GH", one) == before.root("GH", other) or before.root("GH", other) != other:
        return  # they are one already, or the merge would take another one's place
    merged = [*story, said(20, "merge", one, other)]
    assert roots(who_is_whom(merged)) != roots(before)
    assert roots(who_is_whom([*merged, said(21, "unmerge", one, other)])) == roots(before)


@pytest.mark.parametrize(
    ("moves", "name", "owner"),
    [
        ([], VisitName("A", "V1"), "A"),
        ([said(1, "move-visit", "B", "A", visit="V1")], VisitName("A", "V1"), "B"),
        ([said(1, "move-visit", "B", "A", visit="V1")], VisitName("A", "V2"), "A"),
        ([said(1, "move-visit", "B", "A", visit="V1")], VisitName("B", "V1"), "B"),
        (
            [said(1, "move-visit", "B", "A", visit="V1"), said(2, "move-visit", "C", "B", visit="V1")],
            VisitName("A", "V1"),
            "C",
        ),
        (
            [said(1, "move-visit", "B", "A", visit="V1"), said(2, "move-visit", "A", "B", visit="V1")],
            VisitName("A", "V1"),
            "A",
        ),
        ([said(1, "move-account", "B", "A", account="F1")], VisitName("A", "V1", "F1"), "B"),
        ([said(1, "move-account", "B", "A", account="F1")], VisitName("A", "F1"), "B"),
        ([said(1, "move-account", "B", "A", account="F1")], VisitName("A", "V1", "F2"), "A"),
    ],
)
def test_a_visit_is_whose_it_was_moved_to_last(moves: list[RecordStatement], name: VisitName, owner: str) -> None:
    who = who_is_whom(moves)
    assert owner_of(name, who.at["GH"], who.moves["GH"]) == owner
