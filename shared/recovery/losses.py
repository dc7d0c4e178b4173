"""What was lost, found by comparing what a service's tables say with what Kafka has; pure (contract 5.8).

Not a loss: records that wait in the outbox though Kafka has them (a crash between Kafka's commit and the deletion: they
are sent again, with the same ce_id); a partition that nothing is counted for (a new topic; the first start, also that
after an upgrade: what is there is taken for what belongs there); records that are gone by a topic's retention, unless a
consumer has not read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from shared.messaging.positions import Slot
from shared.messaging.topics_now import TopicNow, TopicsNow
from shared.messaging.written import WRITERS_TOPIC, Place, Written
from shared.values import value_object

LossKind = Literal[
    "database-older",  # ops.writers tells of records that the database does not know
    "other-cluster",  # another Kafka cluster, which lacks what was written
    "not-made",  # ops.writers was never made: an upgrade without `stepdown topics apply`
    "topic-missing",
    "topic-anew",  # made anew
    "topic-cut",  # it ends before the last record that was written
    "topic-older",  # ops.writers knows less than the database
    "other-partitions",  # it has another number of partitions
    "not-there-yet",  # a consumer's position is beyond the end
    "gone-unread",  # a consumer's position is before the beginning
    "own-fact-ahead",  # a fact of this service came back with a sequence above its own last
    "healing",  # `stepdown heal` has begun and has not finished
]


@value_object
class Loss:
    """One loss. `records`: how many are concerned, as far as known; `consumer`: whose position it is."""

    kind: LossKind
    topic: str = ""
    partition: int | None = None
    records: int = 0
    consumer: str | None = None


@value_object
class ReadUpTo:
    """A consumer's position: the next offset to be read; below 0, it begins anew."""

    consumer: str
    slot: Slot
    next_offset: int


@value_object
class TablesNow:
    """What a database says at one instant: `written`, by its own count; `waiting`, the records in its outbox (partition
    -1: which one shows when they are sent); its consumers' positions; whether `stepdown heal` is under way."""

    written: Mapping[Place, Written]
    waiting: Mapping[Place, int]
    read: Sequence[ReadUpTo] = ()
    healing: bool = False


def losses(before: TablesNow, topics: TopicsNow, after: TablesNow, watched: Iterable[str]) -> list[Loss]:
    """What was lost; empty when tables and topics are in line.

    The tables are read before and after the topics, since both go on meanwhile. `watched`: the topics that the service
    writes to; what it wrote to others (a recipient that the site config has no more) is not compared.
    """
    mine = {*watched, WRITERS_TOPIC}
    counted = {place: count for place, count in before.written.items() if place[0] in mine}
    found = [
        *([Loss("healing")] if before.healing or after.healing else ()),
        *_of_topics(counted, topics),
        *_of_counts(counted, topics, after),
        *_of_positions(before, topics, after),
    ]
    if not found and WRITERS_TOPIC not in topics.topics:
        return [Loss("not-made", WRITERS_TOPIC)]
    return [*_other_cluster(counted, topics, found), *found]


def _of_topics(counted: Mapping[Place, Written], topics: TopicsNow) -> Iterator[Loss]:
    for topic in sorted({topic for topic, _ in counted}):
        places = {number: count for (name, number), count in counted.items() if name == topic}
        now = topics.topics.get(topic)
        yield from [Loss("topic-missing", topic)] if now is None else _of_topic(topic, places, now)


def _of_topic(topic: str, places: Mapping[int, Written], now: TopicNow) -> Iterator[Loss]:
    known = {count.topic_id for count in places.values()} - {None}
    if now.topic_id is not None and known - {now.topic_id}:
        yield Loss("topic-anew", topic)
        return
    if {count.partitions for count in places.values()} - {0, len(now.partitions)}:
        yield Loss("other-partitions", topic)
        return
    ends = {number: now.partitions[number].end for number in places if number < len(now.partitions)}
    cut = {n: places[n].last_offset + 1 - end for n, end in ends.items() if end <= places[n].last_offset}
    if cut and not any(each.end for each in now.partitions):
        yield Loss("topic-anew", topic)
        return
    yield from (Loss("topic-cut", topic, number, lacks) for number, lacks in sorted(cut.items()))


def _of_counts(counted: Mapping[Place, Written], topics: TopicsNow, after: TablesNow) -> Iterator[Loss]:
    for (topic, number), told in sorted(topics.told.items()):
        waiting = after.waiting.get((topic, number), 0) + after.waiting.get((topic, -1), 0)
        known = after.written.get((topic, number), Written()).records
        if told.records > known + waiting:
            yield Loss("database-older", topic, number, told.records - known - waiting)
        lacks = counted.get((topic, number), Written()).records - told.records
        if topics.settled and lacks > 0:
            yield Loss("topic-older", topic, number, lacks)


def _of_positions(before: TablesNow, topics: TopicsNow, after: TablesNow) -> Iterator[Loss]:
    for each in before.read:
        if (end := _ends(each, topics)) and each.next_offset > end[1]:
            yield Loss("not-there-yet", each.slot.topic, each.slot.partition, each.next_offset - end[1], each.consumer)
    for each in after.read:
        if (end := _ends(each, topics)) and 0 <= each.next_offset < end[0]:
            yield Loss("gone-unread", each.slot.topic, each.slot.partition, end[0] - each.next_offset, each.consumer)


def _ends(each: ReadUpTo, topics: TopicsNow) -> tuple[int, int] | None:
    """Where the partition begins and ends; a topic or a partition that is not there is empty."""
    now = topics.topics.get(each.slot.topic)
    if now is None or each.slot.partition >= len(now.partitions):
        return 0, 0
    return now.partitions[each.slot.partition].first, now.partitions[each.slot.partition].end


def _other_cluster(counted: Mapping[Place, Written], topics: TopicsNow, found: Sequence[Loss]) -> list[Loss]:
    known = {count.cluster_id for count in counted.values()} - {None}
    other = topics.cluster_id is not None and bool(known - {topics.cluster_id})
    return [Loss("other-cluster")] if other and found else []


_WORDS: dict[LossKind, str] = {
    "database-older": "the database is older than its topics: it does not know {records} of this service ({topics})",
    "other-cluster": "this is another Kafka cluster than the one that was written to",
    "not-made": "there is no topic {topics}: run `stepdown topics apply`",
    "topic-missing": "there is no such topic any more, and records were written to it ({topics})",
    "topic-anew": "a topic was made anew, and what was written to it is not there ({topics})",
    "topic-cut": "a topic ends before the last record that was written to it ({topics})",
    "topic-older": "a topic is older than the database: it lacks {records} of this service ({topics})",
    "other-partitions": "a topic has another number of partitions than it had ({topics})",
    "not-there-yet": "a topic ends before what was read of it ({topics}, by {consumers})",
    "gone-unread": "{records} gone before being read ({topics}, by {consumers})",
    "own-fact-ahead": "the database is older than its topics: it does not know a fact of this service ({topics})",
    "healing": "`stepdown heal` has begun and has not finished: run it again if it is not running",
}


def sentence(found: Sequence[Loss], service: str) -> str:
    """One sentence for the operator: what was lost, the gravest first, and what to do. `found` is not empty."""
    kinds = list(dict.fromkeys(loss.kind for loss in found))
    if "healing" in kinds:
        return _WORDS["healing"]
    if kinds == ["not-made"]:
        return _told("not-made", found)
    told = [_told(kind, [loss for loss in found if loss.kind == kind]) for kind in kinds]
    return f"{'; '.join(told)}: nothing is taken in or sent until `stepdown heal {service}` has brought them in line"


def _told(kind: LossKind, found: Sequence[Loss]) -> str:
    number = sum(loss.records for loss in found)
    return _WORDS[kind].format(
        records=f"{number} record{'' if number == 1 else 's'}",
        topics=", ".join(dict.fromkeys(loss.topic for loss in found)),
        consumers=", ".join(dict.fromkeys(loss.consumer for loss in found if loss.consumer)),
    )
