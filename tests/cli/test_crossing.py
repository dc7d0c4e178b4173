"""What `verify` sees between topics and tables, record by record, without a broker or a database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.facts.envelope import to_record
from tests.builders import fact
from tools.verify.documents import Documents, EveryVersion, other_periods, other_versions
from tools.verify.facts import FactsOnTopic, unlike


@dataclass
class Record:
    """As a client hands it over."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def record(topic: str, offset: int, sequence: int, ce_id: str = "", kind: str = "care.x.v1") -> Record:
    stated = replace(fact("x", ce_id=ce_id or f"id{sequence}", sequence=sequence, episode="e"), type=kind)
    made = to_record(stated, topic)
    return Record(topic, 0, offset, made.value, tuple(made.headers))


async def stored(rows: Iterable[Any]) -> AsyncIterator[Any]:
    for row in rows:
        yield row


def facts(*sequences: int | tuple[int, str]) -> list[tuple[str, str, int, str]]:
    pairs = [one if isinstance(one, tuple) else (one, f"id{one}") for one in sequences]
    return [("intake", "e", sequence, ce_id) for sequence, ce_id in pairs]


@pytest.mark.parametrize(
    ("told", "table", "whole"),
    [
        ([1, 2, 3], [1, 2, 3], True),
        ([1, 2, 1, 2, 3], [1, 2, 3], True),
        ([1, 4, 3, 2], [1, 2, 3, 4], True),
        ([1, 2], [1, 2, 3], False),
        ([1, 2, 3], [1, 2], False),
        ([1, 2], [1, (2, "other")], False),
        ([], [1], False),
        ([1], [], False),
    ],
)
async def test_a_table_that_holds_other_facts_than_the_topic_is_found(
    told: list[int], table: list[int | tuple[int, str]], whole: bool
) -> None:
    topic = FactsOnTopic(set(), set())
    assert [one for n, sequence in enumerate(told) for one in topic.take(record("care.events", n, sequence))] == []
    found = [str(one) async for one in unlike(stored(facts(*table)), topic.of("intake"), 2, "{} differs")]
    assert found == ([] if whole else ["episode e: intake differs"])
    again = [sequence for n, sequence in enumerate(told) if sequence in told[:n]]
    assert [(repeat.sequence, repeat.ce_id) for repeat in topic.repeats] == [(n, f"id{n}") for n in again]


@pytest.mark.parametrize(("told", "before"), [((1, 3), 3), ((2, 3), 2), ((1, 3, 5, 2), 5), ((1, 3, 2), None)])
def test_a_gap_on_the_topic_is_found_unless_what_was_missing_is_told_later(
    told: tuple[int, ...], before: int | None
) -> None:
    topic = FactsOnTopic(set(), set())
    for n, sequence in enumerate(told):
        assert list(topic.take(record("care.events", n, sequence))) == []
    found = [f"episode e: intake's sequence has a gap before {before}"] if before else []
    assert [str(one) for one in topic.gaps()] == found


async def test_a_dead_letter_and_what_waits_for_it_are_not_missed_where_facts_are_applied() -> None:
    topic = FactsOnTopic({("care.events", 0, 1), ("care.events", 0, 2)}, set())
    assert [one for n in range(3) for one in topic.take(record("care.events", n, n + 1))] == []
    assert [one async for one in unlike(stored(facts(1, 2, 3)), topic.of("intake"), 2, "{}")] == []
    assert [one async for one in unlike(stored(facts(1)), topic.to_apply(), 1, "{}")] == []
    assert [one async for one in unlike(stored(facts(1, 2, 3)), topic.to_apply(), 1, "{}")] != []


def test_an_unreadable_record_is_lost_unless_it_is_a_dead_letter_or_was_discarded() -> None:
    broken = Record("care.events", 0, 7, b"no JSON", ())
    place = {("care.events", 0, 7)}
    assert [str(one) for one in FactsOnTopic(set(), set()).take(broken)] == [
        "record care.events/0/7: it is unreadable, and no dead letter"
    ]
    assert list(FactsOnTopic(place, set()).take(broken)) == list(FactsOnTopic(set(), place).take(broken)) == []


@pytest.mark.parametrize(("version", "broken"), [(2, 0), (1, 1), (3, 1)])
async def test_a_stored_version_other_than_the_last_one_told_is_found(version: int, broken: int) -> None:
    told = Documents(set())
    for n, each in enumerate((1, 2)):
        assert list(told.take(record("care.episodes", n, each))) == []
    assert len([one async for one in other_versions(stored([("e", version)]), told, "intake")]) == broken


OPENED, VOIDED = "billing.service-period-opened.v1", "billing.service-period-voided.v1"


@pytest.mark.parametrize(
    ("versions", "broken"),
    [
        ([(1, "a"), (2, "b")], 0),
        ([(1, "a"), (2, "b"), (1, "a"), (2, "b")], 0),
        ([(1, "a"), (3, "b")], 1),
        ([(1, "a"), (3, "b"), (2, "c"), (4, "d")], 0),
        ([(1, "a"), (3, "b"), (5, "e"), (2, "c")], 1),
        ([(2, "b")], 1),
        ([(1, "a"), (1, "b")], 1),
    ],
)
def test_versions_of_a_period_are_told_in_line_and_again_only_as_they_were(
    versions: list[tuple[int, str]], broken: int
) -> None:
    every = EveryVersion(set())
    told = enumerate(versions)
    found = [one for n, (v, i) in told for one in every.take(record("billing.service-periods", n, v, i))]
    assert len([*found, *every.gaps()]) == broken


@pytest.mark.parametrize(
    ("row", "last", "broken"),
    [
        (("e", 2, True), (2, "b", VOIDED), 0),
        (("e", 2, False), (2, "b", VOIDED), 1),
        (("e", 1, True), (2, "b", VOIDED), 1),
        (("e", 2, True), (2, "other", VOIDED), 1),
        (("e", 2, True), (1, "a", OPENED), 1),
    ],
)
async def test_both_billing_topics_and_the_table_have_the_same_last_version(
    row: tuple[str, int, bool], last: tuple[int, str, str], broken: int
) -> None:
    every, latest = EveryVersion(set()), Documents(set())
    for n, (version, ce_id, kind) in enumerate(((1, "a", OPENED), (2, "b", VOIDED))):
        list(every.take(record("billing.service-periods", n, version, ce_id, kind)))
    list(latest.take(record("billing.periods", 0, *last)))
    assert len([one async for one in other_periods(stored([row]), every, latest)]) == broken
