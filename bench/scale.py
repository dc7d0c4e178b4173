"""What a fact costs with few and with very many episodes in the database already: through placement's handlers."""

from __future__ import annotations

import asyncio
import random
from itertools import count

import asyncpg
import sqlalchemy as sa

from bench import facts
from bench.asked import Asked
from bench.feed import Feed, feed_of
from bench.report import Goal, Report, rounded, row
from bench.sizes import EPISODES_BEFORE, FACTS_OF_SCALE
from bench.stage import staged
from services.placement.tables import episodes, periods, program_stays
from services.placement.tables import facts as facts_table
from shared.facts.envelope import Fact, from_record
from tools.stack.databases import on_database

BROKERS = ("embedded",)
LIMITS = "Where the rows and indexes of old episodes don't fit into memory, each fact of one reads them from the disk."
TRIED = (
    "Pages go into the log as they are, no longer compressed by pglz, and the server keeps up to 1 GB of its tables: a "
    "fact at a million episodes cost 2.3 × one at ten thousand before (decision 0144)."
)
BATCH = 1000
LONG = 1000
"""The length of story that old episodes tell of: none comes to its end here."""
STANDING = 2
"""Facts that each episode in the database has: admitted, covered. Ten million of these take 43 GB."""
_new = count(1)
TABLES = (episodes, facts_table, periods, program_stays)
COPY = {
    sa.Text: "replace({0}, $1::text, n)",
    sa.LargeBinary: "convert_to(replace(convert_from({0}, 'UTF8'), $1::text, n), 'UTF8')",
}


async def measure(asked: Asked, report: Report) -> None:
    """The same facts at each size, ten times more episodes from one to the next; half of them of old episodes."""
    found: list[tuple[int, list[float]]] = []
    number = FACTS_OF_SCALE // (20 if asked.quick else 1)
    async with staged("embedded") as stage, stage.database("placement") as database:
        feed = await feed_of(database)
        await feed.bring(facts.facts(LONG)[:STANDING])  # the template
        await feed.relayed()
        there, told, chance = 0, dict[int, int](), random.Random(7)
        for size in _sizes(min(EPISODES_BEFORE, asked.size), asked.size):
            await _fill(on_database(stage.system.admin_url, "placement"), there, size)
            there = size
            await _cost(feed, told, size, chance, number)  # to warm up
            costs = [await _cost(feed, told, size, chance, number) for _ in range(asked.runs)]
            found.append((size, costs))
            asked.say(f"{size:,} episodes: {min(costs):.0f} µs a fact")
            if size == EPISODES_BEFORE or asked.quick:
                await stage.checked("placement")
    for size, costs in found:
        report.rows.append(row(f"{size:,} episodes in the database", "µs a fact", costs))
    ratio = rounded(report.rows[-1].value / report.rows[0].value)
    report.rows[-1].beside = {f"{found[0][0]:,} episodes": ratio}
    why = "" if asked.size >= 10_000_000 else f"measured up to {asked.size:,}; `--size 10000000` takes 10 minutes"
    report.goals.append(Goal(f"≤ 1.2 × from first to last ({ratio:g} ×)", ratio <= 1.2, why))


def _sizes(first: int, last: int) -> list[int]:
    found = [first]
    while found[-1] * 100 <= last:
        found.append(found[-1] * 100)
    return found if found[-1] == last else [*found, last]


async def _fill(url: str, there: int, wanted: int) -> None:
    """Copies of one real episode, from the number `there` to the one wanted; and what years would have done by then."""
    numbers = max(there, 1), wanted - 1
    await asyncio.gather(*(_copied(url, table, *numbers) for table in TABLES))
    connection = await asyncpg.connect(url)
    await connection.execute("CHECKPOINT")
    await connection.close()


async def _copied(url: str, table: sa.Table, first: int, last: int) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(_copies(table), facts.EPISODE, first, last)
    await connection.execute(f"VACUUM (ANALYZE) {table.name}")
    await connection.close()


def _copies(table: sa.Table) -> str:
    """INSERT of a template's rows, with each number where the mark ($1) stands."""
    columns = [column.name for column in table.columns]
    told = [COPY.get(type(column.type), "{0}").format(f"t.{column.name}") for column in table.columns]
    if table is periods:  # its ids are the system's own
        told[columns.index("period_id")] = "t.period_id || '-' || n"
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {', '.join(told)} FROM {table.name} AS t, "
        f"(SELECT lpad(i::text, 8, '0') AS n FROM generate_series($2::int, $3::int) AS i) AS s "
        f"WHERE t.episode_id = 'bench-' || $1::text"
    )


async def _cost(feed: Feed, told: dict[int, int], size: int, chance: random.Random, number: int) -> float:
    """Microseconds a fact: half are the next facts of old episodes chosen at random, half the first of new ones."""
    half = number // 2
    batch = [_next(one, told) for one in chance.sample(range(1, size), min(half, size - 1))]
    for _ in range(half // STANDING):
        batch += facts.facts(10, f"N{next(_new):07d}")[:STANDING]
    took = 0.0
    for begin in range(0, len(batch), BATCH):
        took += await feed.bring(batch[begin : begin + BATCH])
        await feed.relayed()
    return 1e6 * took / len(batch)


def _next(number: int, told: dict[int, int]) -> Fact:
    """The next fact of an old episode: leaves, a diagnosis, or what follows."""
    place = told.get(number, STANDING)
    told[number] = place + 1
    made = facts.record(LONG, number, place, start=0)
    return from_record(made.value, made.headers)
