"""What a service's topics hold, in temporary tables of one session of its database, to be compared there in SQL.

`heal` reads each topic once into `told`, whatever its size, and what waits in the outbox after it: that is on its way.
A comparison is a table of its own with a column `subject`, worked off in pages. The Database has one connection (pool
1), since a temporary table is seen by the session that made it, and goes with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from shared.errors import InvalidMessage
from shared.facts.envelope import Fact, Record, from_record, headers, to_record
from shared.facts.ordering import FactPlace
from shared.facts.values import UnknownFact
from shared.messaging.outbox import records_of
from shared.storage.database import Connection, Database, driver_of
from shared.storage.statements import rows

_COLUMNS = (
    "topic", "subject", "writer", "sequence", "ce_id", "type", "time", "correlation_id", "causation_id", "traceparent",
    "copy_of", "key", "value",
)  # fmt: skip
_SESSION = "SET enable_seqscan = on; SET plan_cache_mode = auto; SET work_mem = '64MB'"
_TOLD = (
    "CREATE TEMPORARY TABLE told (nth bigint GENERATED ALWAYS AS IDENTITY, topic text, subject text, writer text, "
    "sequence bigint, ce_id text, type text, time text, correlation_id text, causation_id text, traceparent text, "
    "copy_of text, key text, value bytea)"
)
_INDEXED = "CREATE INDEX ON told (topic, writer, subject, sequence); CREATE INDEX ON told (topic, key); ANALYZE told"
_OUTBOX = "SELECT id, topic, batch, key, value, headers FROM outbox WHERE id > $1 ORDER BY id LIMIT 200"
_FIRST_ID = -(2**63)
AT_ONCE = 200
"""Subjects in one transaction."""
Step = Callable[[int], Awaitable[None]]
"""Called with how many were just worked off."""
Work = Callable[[Connection, list[str]], Awaitable["Counter[str]"]]


class KafkaRecord(Protocol):
    """A record as the Kafka client gives it."""

    @property
    def topic(self) -> str: ...

    @property
    def key(self) -> bytes | None: ...

    @property
    def value(self) -> bytes | None: ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Told(NamedTuple):
    """A row of `told`: a record's envelope, its key as text, and its value."""

    topic: str
    subject: str
    writer: str
    sequence: int
    ce_id: str
    type: str
    time: str
    correlation_id: str | None
    causation_id: str | None
    traceparent: str | None
    copy_of: str | None
    key: str
    value: bytes

    @property
    def record(self) -> Record:
        """It as it was sent."""
        return to_record(self.fact, self.topic, self.key)

    @property
    def fact(self) -> Fact[UnknownFact]:
        """Its envelope and its body, which is not read."""
        return Fact(
            self.ce_id, self.type, self.writer, self.subject, self.sequence, self.time, UnknownFact(), self.value,
            self.correlation_id, self.causation_id, self.traceparent, self.copy_of,
        )  # fmt: skip


class Spool:
    """The temporary tables of one session. Call `begin`, then `put` any number of times, then `indexed`."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def begin(self) -> None:
        """Make the empty table."""
        async with self._driver() as driver:
            await driver.execute(_SESSION)
            await driver.execute("DROP TABLE IF EXISTS pg_temp.told")
            await driver.execute(_TOLD)

    async def put(self, told: Sequence[Told]) -> None:
        """Add rows, in their order."""
        if told:
            async with self._driver() as driver:
                await driver.copy_records_to_table("told", records=told, columns=_COLUMNS)

    async def add_outbox(self) -> None:
        """Add what waits in the outbox, 200 rows of it at a time."""
        last = _FIRST_ID
        while True:
            async with self.database.read() as connection:
                found = await rows(connection, _OUTBOX, last)
            if not found:
                return
            last = found[-1]["id"]
            await self.put(told(_Waiting(row["topic"], *one[1:]) for row in found for one in records_of(row)))

    async def indexed(self) -> None:
        """Make it quick to be searched."""
        async with self._driver() as driver:
            await driver.execute(_INDEXED)

    async def compare(self, name: str, sql: str, *given: Any) -> int:
        """Make the temporary table `name` of a SELECT, which has a column `subject`; returns how many rows it has."""
        async with self._driver() as driver:
            await driver.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
            made = await driver.execute(f"CREATE TEMPORARY TABLE {name} AS {sql}", *given)
            await driver.execute(f"CREATE INDEX ON {name} (subject); ANALYZE {name}")
        return int(made.split()[-1])

    async def pages(self, name: str, size: int) -> AsyncIterator[list[str]]:
        """The subjects of a table made by `compare`, sorted, so many at a time."""
        after = ""
        while True:
            async with self.database.read() as connection:
                found = await rows(
                    connection,
                    f"SELECT DISTINCT subject FROM {name} WHERE subject > $1 ORDER BY subject LIMIT $2",  # noqa: S608
                    after,
                    size,
                )
            if not found:
                return
            after = found[-1]["subject"]
            yield [row["subject"] for row in found]

    async def work_off(self, name: str, work: Work, step: Step, size: int = AT_ONCE) -> Counter[str]:
        """Call `work` with the subjects of a table made by `compare`, so many in a transaction, and `step` after each
        with how many they were; returns what was done, by kind."""
        done = Counter[str]()
        async for page in self.pages(name, size):
            async with self.database.begin() as connection:
                more = await work(connection, page)
            done += more
            await step(len(page))
        return done

    def _driver(self) -> _Session:
        return _Session(self.database)


class _Session:
    """The driver's connection of the session, outside a transaction."""

    def __init__(self, database: Database) -> None:
        self._open = database.engine.connect()

    async def __aenter__(self) -> Any:
        return driver_of(await self._open.__aenter__())

    async def __aexit__(self, *failed: object) -> None:
        await self._open.__aexit__(*failed)


class _Waiting(NamedTuple):
    """A record in the outbox."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Applied(Protocol):
    """Another service's table that has facts of several writers, with their bytes."""

    async def at(self, places: Sequence[FactPlace], /) -> Mapping[FactPlace, Fact[UnknownFact]]:
        """(episode, writer, sequence) → the fact there."""

    def last(self, writer: str, /) -> AsyncIterator[Mapping[str, int]]:
        """Episode → the last sequence of a writer, in pages."""

    async def after(self, last: Mapping[str, int], writer: str, /) -> Sequence[Fact[UnknownFact]]:
        """The writer's facts beyond these sequences (episode → sequence), each episode's in order."""


def stuck(to_adopt: int, adopted: int) -> list[str]:
    """A sentence about own facts that could not be adopted; none where all could."""
    left = to_adopt - adopted
    return (
        [f"{left:,} facts come after ones that nothing has any more, or can't be read: they wait"] if left > 0 else []
    )


Sequences = Callable[[Connection, Sequence[str]], Awaitable[Mapping[str, int]]]
"""Episode → the last sequence of the service's own facts, of these episodes; 0 or absent: none."""


async def put_applied(spool: Spool, applied: Applied, writer: str, sequences: Sequences) -> None:
    """Put into `told`, as topic `applied`, the facts of a writer that another service has and the writer has not."""
    async for page in applied.last(writer):
        async with spool.database.read() as connection:
            own = await sequences(connection, list(page))
        ahead = {episode: own.get(episode, 0) for episode, last in page.items() if last > own.get(episode, 0)}
        if ahead:
            await spool.put([_applied(fact) for fact in await applied.after(ahead, writer)])


def _applied(fact: Fact[UnknownFact]) -> Told:
    return Told(
        "applied", fact.subject, fact.writer, fact.sequence, fact.id, fact.type, fact.time, fact.correlation_id,
        fact.causation_id, fact.traceparent, fact.copy_of, fact.subject, fact.body,
    )  # fmt: skip


async def told_of(connection: Connection, sql: str, *given: Any) -> list[Told]:
    """Rows of `told` by a SELECT of its columns `COLUMNS`."""
    return [Told(*row) for row in await rows(connection, sql, *given)]


COLUMNS = ", ".join(f"t.{name}" for name in _COLUMNS)
"""The columns of `told` as `t`, for `told_of`."""


TO_ADOPT, TWO_FACTS = "facts to be adopted", "places with two facts"


async def compare_own(spool: Spool, applied: Applied, writer: str, sequences: Sequences) -> Counter[str]:
    """Compare the own facts of a service whose table `facts` has no others with care.events, and with what another
    service has applied of them: tables `unknown` (to be adopted), `untold` (to be told again, the adopted ones that
    care.events lacks among them) and `others` (places with two facts); how many each has."""
    await put_applied(spool, applied, writer, sequences)
    await spool.indexed()
    there = "t.subject = f.episode_id AND t.sequence = f.sequence"
    own = f"told AS t WHERE t.topic IN ('care.events', 'applied') AND t.writer = '{writer}'"
    on_topic = f"told AS t WHERE t.topic = 'care.events' AND t.writer = '{writer}'"
    unknown = f"SELECT DISTINCT t.subject, t.sequence FROM {own} AND NOT EXISTS (SELECT FROM facts AS f WHERE {there})"  # noqa: S608 - our own words
    untold = (
        f"SELECT f.episode_id AS subject, f.sequence FROM facts AS f WHERE NOT EXISTS (SELECT FROM {on_topic} "  # noqa: S608
        f"AND {there}) UNION SELECT DISTINCT a.subject, a.sequence FROM told AS a WHERE a.topic = 'applied' "
        f"AND NOT EXISTS (SELECT FROM {on_topic} AND t.subject = a.subject AND t.sequence = a.sequence)"
    )
    others = (
        f"SELECT DISTINCT t.subject, t.sequence FROM told AS t JOIN facts AS f ON {there} "  # noqa: S608
        f"WHERE t.topic = 'care.events' AND t.writer = '{writer}' AND f.ce_id <> t.ce_id"
    )
    return Counter(
        {
            TO_ADOPT: await spool.compare("unknown", unknown),
            "facts": await spool.compare("untold", untold),
            TWO_FACTS: await spool.compare("others", others),
        }
    )


async def unknown_of(connection: Connection, writer: str, subjects: Sequence[str]) -> list[Told]:
    """The own facts of these episodes that the table lacks, by sequence; after `compare_own`."""
    sql = (
        f"SELECT DISTINCT ON (t.subject, t.sequence) {COLUMNS} FROM unknown AS u JOIN told AS t "  # noqa: S608
        f"ON t.topic IN ('care.events', 'applied') AND t.writer = '{writer}' AND t.subject = u.subject "
        "AND t.sequence = u.sequence WHERE u.subject = ANY($1::text[]) ORDER BY t.subject, t.sequence, t.nth"
    )
    return await told_of(connection, sql, subjects)


def next_in_line(last: int, unknown: Sequence[Told]) -> list[Fact[Any]]:
    """The facts that follow the last sequence without a gap, as far as they can be read."""
    found: list[Fact[Any]] = []
    for one in unknown:
        if one.sequence != last + 1:
            break
        try:
            found.append(from_record(one.value, headers(one.fact)))
        except InvalidMessage:
            break
        last = one.sequence
    return found


def without_two(found: Counter[str]) -> Counter[str]:
    """What can be mended: places with two facts are only named."""
    return Counter({kind: number for kind, number in found.items() if kind != TWO_FACTS})


def two_facts(number: int) -> list[str]:
    """A sentence about places with two facts; none where there are none."""
    told = f"{number:,} places of care.events hold another fact than the table: a number was given twice"
    return [told] if number else []


ReadPage = Callable[[Connection, str], Awaitable[Mapping[str, int]]]
"""Episode → a number, of the episodes that follow one, in the database's order; none after the last."""


async def in_pages(database: Database, read: ReadPage) -> AsyncIterator[Mapping[str, int]]:
    """Every page of it, each read in a transaction of its own."""
    after = ""
    while True:
        async with database.read() as connection:
            found = await read(connection, after)
        if not found:
            return
        *_, after = found
        yield found


def by_subject(found: Iterable[Told]) -> Mapping[str, list[Told]]:
    """Subject → its rows, in their order."""
    every: dict[str, list[Told]] = {}
    for one in found:
        every.setdefault(one.subject, []).append(one)
    return every


def told(records: Iterable[KafkaRecord]) -> list[Told]:
    """Records as rows; one that can't be read is left out, since it is a dead letter of its readers."""
    return [one for record in records if (one := _told(record)) is not None]


def _told(record: KafkaRecord) -> Told | None:
    try:
        fact = from_record(record.value, record.headers, lambda kind, body: UnknownFact())  # noqa: ARG005
        key = (record.key or b"").decode()
    except (InvalidMessage, UnicodeDecodeError):
        return None
    return Told(
        record.topic, fact.subject, fact.writer, fact.sequence, fact.id, fact.type, fact.time, fact.correlation_id,
        fact.causation_id, fact.traceparent, fact.copy_of, key, fact.body,
    )  # fmt: skip
