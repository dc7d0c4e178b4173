"""Each consumer's positions, changed by compare-and-set in the batch's own transaction; and facts parked for their
turn."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import TypeVar

from shared.errors import Rejected, StalePosition
from shared.facts.envelope import Fact, from_record, headers
from shared.messaging.stored_headers import packed, unpacked
from shared.storage.database import copy_rows
from shared.storage.statements import Read, SqlWrite, at_the_end, first_then, rows, together
from shared.storage.tables import parked, positions
from shared.values import value_object

Outcome = Literal["applied", "repeated", "ignored", "waiting", "dead"]
Carried = TypeVar("Carried", default=Fact)
"""What a record carries: a fact, or what a subscription's own `decode` makes of it."""


class Slot(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


@value_object
class Position:
    """The next offset to read, and the last handled record's offset and ce_id (-1 and None before the first)."""

    next_offset: int
    last_offset: int = -1
    last_id: str | None = None


class Move(NamedTuple):
    """A partition's move in one batch: the position before and after, and the number of records received."""

    slot: Slot
    remembered: int
    after: Position
    received: int


class Incoming(NamedTuple, Generic[Carried]):
    """A decoded record with its topic, partition and offset; `fact` is what was decoded."""

    slot: Slot
    offset: int
    key: bytes
    fact: Carried


@dataclass(slots=True)
class Tally:
    """Outcomes of records, counted by partition. A parked fact that is applied later counts waiting -1 and applied
    +1."""

    counts: dict[Slot, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    advance: Advance | None = None
    """The batch's positions, where they are still to be advanced: by what locks its rows."""
    some_wait: bool = True
    """Whether facts may be parked; False spares the handler a look."""
    refused: list[tuple[Incoming[Any], str]] = field(default_factory=list)
    """Records that the handler found to be never right, each with why: they become dead letters."""

    def add(self, slot: Slot, outcome: Outcome, number: int = 1) -> None:
        """Count `number` records of a partition under an outcome."""
        self.counts[slot][outcome] += number

    def all(self, found: Iterable[Incoming[Any]], outcome: Outcome, each: int = 1) -> None:
        """Count each of these under an outcome, `each` times."""
        for slot, number in Counter[Slot](one.slot for one in found).items():
            self.add(slot, outcome, each * number)

    def refuse(self, incoming: Incoming[Any], why: str) -> None:
        """Make this record a dead letter in this transaction and count it; `why` must hold no value of a field."""
        self.refused.append((incoming, why))
        self.add(incoming.slot, "dead")

    def total(self) -> Counter[str]:
        """The counts of all partitions together."""
        total: Counter[str] = Counter()
        for counter in self.counts.values():
            total.update(counter)
        return total


_LOAD = sa.select(
    positions.c.topic, positions.c.partition, positions.c.next_offset, positions.c.last_offset, positions.c.last_id
)
_ADVANCE = (
    "UPDATE positions AS p SET next_offset = n.next, last_offset = n.last, last_id = n.id, "
    "received = p.received + n.received, moved_at = now() "
    "FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[]) "
    "AS n(topic, partition, remembered, next, last, id, received) "
    "WHERE p.consumer = $1::text AND p.topic = n.topic AND p.partition = n.partition AND p.next_offset = n.remembered "
    "RETURNING EXISTS (SELECT FROM positions AS w WHERE w.consumer = $1::text AND w.waiting > 0)"
)
_OUTCOMES: tuple[Outcome, ...] = ("applied", "repeated", "ignored", "waiting", "dead")
_COUNT = (
    "UPDATE positions AS p SET applied = applied + n.a, repeated = repeated + n.r, ignored = ignored + n.i, "
    "waiting = waiting + n.w, dead = dead + n.d "
    "FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[]) "
    "AS n(topic, partition, a, r, i, w, d) "
    "WHERE p.consumer = $1::text AND p.topic = n.topic AND p.partition = n.partition"
)
_BEGIN = sa.text(
    "INSERT INTO positions (consumer, topic, partition, next_offset) "
    "VALUES (:consumer, :topic, :partition, :next) ON CONFLICT (consumer, topic, partition) "
    "DO UPDATE SET next_offset = excluded.next_offset WHERE positions.next_offset < 0"
)
_RESET = sa.text(
    "UPDATE positions SET next_offset = -1, last_offset = -1, last_id = NULL, moved_at = now() "
    "WHERE consumer = :consumer"
)
_OF_ANOTHER_TOPIC = (  # below 0: none of them is taken for a record of the topic as it is now
    sa.text(
        "UPDATE dead_letters AS d SET kafka_offset = n.at FROM (SELECT id, least(0, (SELECT min(kafka_offset) "
        "FROM dead_letters WHERE consumer = :consumer)) - row_number() OVER (ORDER BY id) AS at FROM dead_letters "
        "WHERE consumer = :consumer AND kafka_offset >= 0) AS n WHERE d.id = n.id"
    ),
    sa.text("UPDATE parked SET kafka_offset = -1 - kafka_offset WHERE consumer = :consumer AND kafka_offset >= 0"),
)
_UNSETTLED = sa.text(
    "SELECT count(*) FROM dead_letters WHERE consumer = :consumer AND state NOT IN ('replayed', 'discarded', 'expired')"
)
_SETTLED = sa.text(
    "DELETE FROM dead_letters WHERE consumer = :consumer AND state IN ('replayed', 'discarded', 'expired')"
)


async def load(connection: AsyncConnection, consumer: str, slots: Iterable[Slot]) -> dict[Slot, Position]:
    """The stored positions of these partitions; partitions never read are absent."""
    wanted = set(slots)
    rows = (await connection.execute(_LOAD.where(positions.c.consumer == consumer))).all()
    found = {Slot(row.topic, row.partition): Position(row.next_offset, row.last_offset, row.last_id) for row in rows}
    return {slot: position for slot, position in found.items() if slot in wanted}


async def begin_at(connection: AsyncConnection, consumer: str, slot: Slot, offset: int) -> None:
    """Store a first position, or that of a reset partition; one that another member stored stays."""
    await connection.execute(
        _BEGIN, {"consumer": consumer, "topic": slot.topic, "partition": slot.partition, "next": offset}
    )


async def reset(connection: AsyncConnection, consumer: str) -> int:
    """Mark every position of a consumer to begin again at the start of its topic; returns how many there were.

    The service seeks by itself (Subscription.begin_anew_if_asked), also while running. Records read again are repeats
    by sequence or version, so none is applied twice and the counts still add up. Raises Rejected while dead letters
    wait, since their offsets would mean other records; settled ones are deleted for the same reason.
    """
    waiting = (await connection.execute(_UNSETTLED, {"consumer": consumer})).scalar_one()
    if waiting:
        raise Rejected(
            "dead-letters-wait", f"{waiting} dead letters of {consumer} wait: replay or discard them first, "
            f"with `stepdown dead-letters`"
        )  # fmt: skip
    done = await connection.execute(_RESET, {"consumer": consumer})
    await connection.execute(_SETTLED, {"consumer": consumer})
    return int(done.rowcount)


async def begin_anew(connection: AsyncConnection, consumer: str) -> int:
    """For `heal`: as `reset`, of a topic that has lost records or is another one. Dead letters and parked facts stay,
    without a place on the topic."""
    for statement in _OF_ANOTHER_TOPIC:
        await connection.execute(statement, {"consumer": consumer})
    return int((await connection.execute(_RESET, {"consumer": consumer})).rowcount)


async def advance(connection: AsyncConnection, consumer: str, moves: Sequence[Move]) -> bool:
    """The first statement of a batch's transaction. Returns True when some facts are parked.

    Raises StalePosition if another member has moved the position.
    """
    advance = Advance(consumer, moves)
    sql, given = advance.write
    return advance.told(await rows(connection, sql, *given))


@dataclass(frozen=True, slots=True)
class Advance:
    """The same, to be sent together with what locks the batch's rows (`then`)."""

    consumer: str
    moves: Sequence[Move]

    @property
    def write(self) -> SqlWrite:
        """The statement; it returns a row for each move."""
        told = [
            (
                m.slot.topic,
                m.slot.partition,
                m.remembered,
                m.after.next_offset,
                m.after.last_offset,
                m.after.last_id,
                m.received,
            )
            for m in sorted(self.moves)
        ]
        return SqlWrite(_ADVANCE, (self.consumer, *map(list, zip(*told, strict=True))))

    def told(self, found: Sequence[Any]) -> bool:
        """What the rows that it returned say: True when some facts are parked. Raises StalePosition as `advance`."""
        if len(found) != len(self.moves):
            raise StalePosition(f"{self.consumer}: another member went on with these partitions")
        return any(row[0] for row in found)


async def then(connection: AsyncConnection, tally: Tally, reads: Sequence[Read]) -> list[list[Any]]:
    """The rows of reads, which may lock rows, as `statements.together` has them; where the tally has positions to
    advance, that is done before, in the same round trip. Raises StalePosition."""
    if (advance := tally.advance) is None:
        return await together(connection, reads)
    moved, found = await first_then(connection, advance.write, len(advance.moves), reads)
    tally.some_wait, tally.advance = advance.told(moved), None
    return found


async def count(connection: AsyncConnection, consumer: str, tally: Tally) -> None:
    """Add a batch's outcomes to the counts of the positions, at the end of the transaction."""
    told = [(*slot, *(c[name] for name in _OUTCOMES)) for slot, c in sorted(tally.counts.items())]
    if told:
        columns = map(list, zip(*told, strict=True))
        await at_the_end(connection, [SqlWrite(_COUNT, (consumer, *columns))])


_PARKED = sa.select(parked).where(
    parked.c.consumer == sa.bindparam("consumer"),
    parked.c.subject == sa.any_(sa.bindparam("subjects", type_=sa.ARRAY(sa.Text))),
)
_UNPARK = sa.text(
    "DELETE FROM parked "
    "USING unnest(CAST(:subjects AS text[]), CAST(:writers AS text[]), CAST(:sequences AS bigint[])) "
    "AS n(subject, writer, sequence) WHERE parked.consumer = :consumer AND parked.subject = n.subject "
    "AND parked.writer = n.writer AND parked.sequence = n.sequence"
)
_WAITING = sa.text(
    "SELECT count(*) AS all, count(*) FILTER (WHERE parked_at < now() - make_interval(secs => :secs)) AS overdue "
    "FROM parked WHERE consumer = :consumer"
)


async def park(connection: AsyncConnection, consumer: str, early: Sequence[Incoming]) -> None:
    """Store facts that came before the one they follow; the caller has checked that none is parked already."""
    rows = [
        (
            consumer,
            i.fact.subject,
            i.fact.writer,
            i.fact.sequence,
            i.fact.id,
            *i.slot,
            i.offset,
            i.fact.body,
            _heads(i.fact),
        )
        for i in early
    ]
    columns = (
        "consumer",
        "subject",
        "writer",
        "sequence",
        "ce_id",
        "topic",
        "partition",
        "kafka_offset",
        "value",
        "headers",
    )
    await copy_rows(connection, parked, columns, rows)


async def waiting(connection: AsyncConnection, consumer: str, subjects: Sequence[str]) -> dict[str, list[Incoming]]:
    """The parked facts of these subjects, by subject."""
    found: dict[str, list[Incoming]] = defaultdict(list)
    for row in (await connection.execute(_PARKED, {"consumer": consumer, "subjects": list(subjects)})).all():
        fact = from_record(row.value, unpacked(row.headers))
        found[row.subject].append(
            Incoming(Slot(row.topic, row.partition), row.kafka_offset, row.subject.encode(), fact)
        )
    return found


async def unpark(connection: AsyncConnection, consumer: str, taken: Sequence[Incoming]) -> None:
    """Delete parked facts that are now in line."""
    if not taken:
        return
    await connection.execute(
        _UNPARK,
        {
            "consumer": consumer,
            "subjects": [i.fact.subject for i in taken],
            "writers": [i.fact.writer for i in taken],
            "sequences": [i.fact.sequence for i in taken],
        },
    )


async def alarm(connection: AsyncConnection, consumer: str, after_seconds: float) -> tuple[int, int]:
    """(number of parked facts, number of those that have waited longer than `after_seconds`)."""
    row = (await connection.execute(_WAITING, {"consumer": consumer, "secs": after_seconds})).one()
    return row.all, row.overdue


def _heads(fact: Fact) -> bytes:
    return packed(headers(fact))


class StoredPosition(NamedTuple):
    """A row of `positions`: the next offset to read, the last record's offset and ce_id, and how many records were
    received and what became of them; `moved_at`, when it last moved, is PostgreSQL's text of the time."""

    consumer: str
    topic: str
    partition: int
    next_offset: int
    last_offset: int
    last_id: str | None
    received: int
    applied: int
    repeated: int
    ignored: int
    waiting: int
    dead: int
    moved_at: str

    @property
    def adds_up(self) -> bool:
        """True when every record received is counted under one outcome (contract 5.6)."""
        return self.received == self.applied + self.repeated + self.ignored + self.waiting + self.dead


async def all_positions(connection: AsyncConnection) -> list[StoredPosition]:
    """Every position in this database, sorted by consumer, topic and partition."""
    columns = [column for column in positions.columns if column.name != "moved_at"]
    found = sa.select(*columns, sa.cast(positions.c.moved_at, sa.Text)).order_by(
        positions.c.consumer, positions.c.topic, positions.c.partition
    )
    return [StoredPosition._make(row) for row in (await connection.execute(found)).all()]
