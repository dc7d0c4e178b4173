"""What is a loss and what is none, by what the tables say and what Kafka has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from shared.messaging.positions import Slot
from shared.messaging.topics_now import Ends, TopicNow, TopicsNow
from shared.messaging.written import Place, Written
from shared.recovery.losses import Loss, ReadUpTo, TablesNow, losses, sentence
from shared.values import replace

EVENTS, ACKS = "care.events", "hospital.acks"
WATCHED = (EVENTS, ACKS)


def count(records: int, last_offset: int, topic_id: str | None = "events-1", cluster: str | None = "c1") -> Written:
    return Written(records, last_offset, 2, topic_id, cluster)


def topic(*ends: int, topic_id: str | None = "events-1", first: int = 0) -> TopicNow:
    return TopicNow(topic_id, tuple(Ends(min(first, end), end) for end in ends))


WRITTEN = {(EVENTS, 0): count(100, 149), (EVENTS, 1): count(80, 99)}
TABLES = TablesNow(WRITTEN, {})
OPS = {"ops.writers": topic(9, 9, topic_id="ops-1")}
TOPICS = TopicsNow("c1", {EVENTS: topic(151, 101), **OPS}, {(EVENTS, 0): Written(100, 0), (EVENTS, 1): Written(80, 0)})
"""A service whose tables and topics are in line."""


def told(first: int, second: int) -> dict[Place, Written]:
    """How far ops.writers says that the service has written to care.events."""
    return {(EVENTS, 0): Written(first), (EVENTS, 1): Written(second)}


def having(**topics: TopicNow) -> TopicsNow:
    return replace(TOPICS, topics={name.replace("_", "."): found for name, found in topics.items()} | OPS)


def kinds(tables: TablesNow, topics: TopicsNow, after: TablesNow | None = None) -> list[str]:
    return list(dict.fromkeys(each.kind for each in losses(tables, topics, after or tables, WATCHED)))


def reading(next_offset: int, name: str = EVENTS) -> TablesNow:
    return replace(TABLES, read=[ReadUpTo("placement.care-events", Slot(name, 0), next_offset)])


NO_LOSS: Mapping[str, tuple[TablesNow, TopicsNow]] = {
    "in line": (TABLES, TOPICS),
    "killed after Kafka's commit, before the rows were deleted": (
        replace(TABLES, waiting={(EVENTS, 0): 7}),
        replace(TOPICS, topics={EVENTS: topic(160, 101), **OPS}, told=told(107, 80)),
    ),
    "killed there, and more waits than was sent": (
        replace(TABLES, waiting={(EVENTS, 0): 12, (EVENTS, 1): 3}),
        replace(TOPICS, told=told(107, 80)),
    ),
    "killed there, and which partition a record goes to shows when it is sent": (
        replace(TABLES, waiting={(EVENTS, -1): 7}),
        replace(TOPICS, told=told(103, 84)),
    ),
    "killed before Kafka's commit": (replace(TABLES, waiting={(EVENTS, 0): 7}), TOPICS),
    "the first start of all": (TablesNow({}, {}), TopicsNow("c1", {EVENTS: topic(0, 0), **OPS}, {})),
    "the first start after an upgrade, with records on Kafka and in the outbox": (
        TablesNow({}, {(EVENTS, -1): 5}, [ReadUpTo("c", Slot(EVENTS, 0), 900)]),
        TopicsNow("c1", {EVENTS: topic(900, 700), **OPS}, {}),
    ),
    "a new recipient, whose topic nothing was written to": (
        TABLES,
        replace(TOPICS, topics={**TOPICS.topics, "out.new": topic(0, 0, topic_id="new-1")}),
    ),
    "a recipient that the site config has no more": (
        replace(TABLES, written={**WRITTEN, ("out.gone", 0): count(9, 9, "gone-1")}),
        TOPICS,
    ),
    "retention has deleted what was written long ago": (TABLES, having(care_events=topic(151, 101, first=151))),
    "others have written further": (TABLES, having(care_events=topic(500, 400))),
    "a transaction is open on ops.writers, so what was told last can't be read": (
        TABLES,
        replace(TOPICS, told=told(90, 80), settled=False),
    ),
    "ops.writers was not read": (TABLES, replace(TOPICS, told={})),
    "a broker without ids of topics": (
        TablesNow({(EVENTS, 0): count(100, 149, None)}, {}),
        replace(having(care_events=topic(151, 101, topic_id=None)), told={(EVENTS, 0): Written(100)}),
    ),
    "the same topics and counts by another cluster's id": (TABLES, replace(TOPICS, cluster_id="c2")),
    "a consumer that has read all, and the mark after it": (reading(151), TOPICS),
    "a consumer that is to begin anew": (reading(-1), having(care_events=topic(151, 101, first=40))),
}


@pytest.mark.parametrize("case", NO_LOSS, ids=str)
def test_this_is_no_loss(case: str) -> None:
    assert losses(*NO_LOSS[case], NO_LOSS[case][0], WATCHED) == []


EMPTY = having(care_events=topic(0, 0, topic_id="events-2"))
LOST: Mapping[str, tuple[TablesNow, TopicsNow, Sequence[str]]] = {
    "a database older by minutes": (TABLES, replace(TOPICS, told=told(130, 80)), ["database-older"]),
    "a database older by minutes, with an outbox of then": (
        replace(TABLES, waiting={(EVENTS, 0): 7}),
        replace(TOPICS, told=told(130, 80)),
        ["database-older"],
    ),
    "a database older by weeks, and retention has passed": (
        replace(reading(20), written=WRITTEN),
        replace(having(care_events=topic(9000, 8000, first=5000)), told=told(4000, 3900)),
        ["database-older", "gone-unread"],
    ),
    "an empty database": (TablesNow({}, {}), TOPICS, ["database-older"]),
    "a database of before a partition was first written to": (
        TablesNow({(EVENTS, 0): count(100, 149)}, {}),
        TOPICS,
        ["database-older"],
    ),
    "a topic deleted": (TABLES, having(hospital_acks=topic(5, 5, topic_id="acks-1")), ["topic-missing"]),
    "a topic made anew": (TABLES, EMPTY, ["topic-anew"]),
    "a topic made anew that others have written to since": (
        TABLES,
        having(care_events=topic(900, 900, topic_id="events-2")),
        ["topic-anew"],
    ),
    "a topic made anew at a broker without ids": (
        TABLES,
        having(care_events=topic(0, 0, topic_id=None)),
        ["topic-anew"],
    ),
    "a topic cut at its end": (TABLES, having(care_events=topic(120, 101)), ["topic-cut"]),
    "a topic with more partitions": (TABLES, having(care_events=topic(151, 101, 0)), ["other-partitions"]),
    "an older snapshot of the embedded broker": (
        TABLES,
        replace(having(care_events=topic(90, 60, topic_id=None)), told=told(70, 50)),
        ["topic-cut", "topic-older"],
    ),
    "an older snapshot that others have written to since": (
        TABLES,
        replace(having(care_events=topic(190, 160, topic_id=None)), told=told(70, 50)),
        ["topic-older"],
    ),
    "another cluster, an empty one": (
        TABLES,
        TopicsNow("c2", {EVENTS: topic(0, 0, topic_id="events-9")}, {}),
        ["other-cluster", "topic-anew"],
    ),
    "another cluster without topics": (TABLES, TopicsNow("c2", {}, {}), ["other-cluster", "topic-missing"]),
    "a consumer beyond the end": (reading(152), TOPICS, ["not-there-yet"]),
    "a consumer of a topic that is gone": (reading(3, "hospital.adt"), TOPICS, ["not-there-yet"]),
    "a consumer far behind retention": (
        reading(20),
        having(care_events=topic(151, 101, first=40)),
        ["gone-unread"],
    ),
    "an upgrade without ops.writers": (TablesNow({}, {}), replace(TOPICS, topics={}, told={}), ["not-made"]),
    "ops.writers deleted": (
        replace(TABLES, written={**WRITTEN, ("ops.writers", 0): count(9, 8, "ops-1")}),
        replace(TOPICS, topics={EVENTS: topic(151, 101)}, told={}),
        ["topic-missing"],
    ),
    "heal under way": (replace(TABLES, healing=True), TOPICS, ["healing"]),
}


@pytest.mark.parametrize("case", LOST, ids=str)
def test_this_is_a_loss(case: str) -> None:
    tables, topics, expected = LOST[case]
    assert kinds(tables, topics) == expected
    assert sentence(losses(tables, topics, tables, WATCHED), "intake")


def test_what_the_relay_writes_while_topics_are_asked_is_no_loss() -> None:
    later = TablesNow({(EVENTS, 0): count(110, 159), (EVENTS, 1): count(80, 99)}, {})
    between = replace(TOPICS, topics={EVENTS: topic(156, 101), **OPS}, told=told(105, 80))
    assert kinds(TABLES, between, later) == []


def test_a_loss_says_how_many_records_of_which_partition() -> None:
    older = replace(TABLES, waiting={(EVENTS, 0): 7})
    assert losses(older, replace(TOPICS, told=told(130, 80)), older, WATCHED) == [Loss("database-older", EVENTS, 0, 23)]
    cut = having(care_events=topic(120, 101))
    assert losses(TABLES, cut, TABLES, WATCHED) == [Loss("topic-cut", EVENTS, 0, 30)]


def test_the_sentence_says_what_was_lost_and_what_to_do() -> None:
    found = losses(TABLES, replace(TOPICS, told=told(130, 90)), TABLES, WATCHED)
    assert sentence(found, "intake") == (
        "the database is older than its topics: it does not know 40 records of this service (care.events): "
        "nothing is taken in or sent until `stepdown heal intake` has brought them in line"
    )
