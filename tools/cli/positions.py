"""`stepdown positions`: shows the position of each consumer in each partition, and resets a consumer's positions after
its topic was made anew."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tools.cli.options import DATA

if TYPE_CHECKING:
    from shared.messaging.positions import StoredPosition
    from tools.stack.access import Access

COUNTS = ("received", "applied", "repeated", "ignored", "waiting", "dead")


@click.group("positions", short_help="where each consumer stands")
def command() -> None:
    """Where each consumer stands. Positions are in each service's database, not in Kafka."""


@command.command("show")
@DATA
@click.option("--json", "as_json", is_flag=True, help="One JSON line for each position.")
def show(data: Path | None, as_json: bool) -> None:
    """Every consumer, topic and partition: next offset, records behind (lag), and what became of the others."""
    rows = asyncio.run(_rows(data))
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("consumer", "partition", "next", "lag", *COUNTS)
    for row in rows:
        cells = ("-" if row[name] is None else str(row[name]) for name in ("next_offset", "lag", *COUNTS))
        table.add_row(row["consumer"], str(row["partition"]), *cells)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


async def _rows(data: Path | None) -> list[dict[str, Any]]:
    """Every service's positions as JSON, each with its `lag`."""
    from shared.messaging.positions import all_positions
    from shared.storage.database import Database
    from tools.stack.access import reach

    reached = reach(data)
    found: list[StoredPosition] = []
    for url in reached.urls.values():
        database = Database(url, pool=1, application="stepdown-cli")
        try:
            async with database.read() as connection:
                found += await all_positions(connection)
        finally:
            await database.close()
    lags = await _lags(found, reached)
    return [one._asdict() | {"lag": lag} for one, lag in zip(found, lags, strict=True)]


async def _lags(found: Sequence[StoredPosition], reached: Access) -> Sequence[int | None]:
    """The number of records after each position; None for all where the broker does not answer."""
    from aiokafka import TopicPartition

    from shared.errors import SetUpError
    from shared.messaging.reading import reading

    try:
        async with reading(reached.settings.kafka_client()) as looking:
            ends = await looking.ends(sorted({one.topic for one in found}))
            places = [(TopicPartition(one.topic, one.partition), one.next_offset) for one in found]
            return await looking.left(places, ends)
    except SetUpError as away:
        click.echo(f"stepdown: {away}", err=True)
        return [None] * len(found)


@command.command("reset")
@click.argument("name", metavar="CONSUMER")
@click.option("--yes", is_flag=True, help="Don't ask.")
@DATA
def reset(name: str, yes: bool, data: Path | None) -> None:
    """Let CONSUMER (as `show` names it) begin anew at the beginning of its topic, after the topic was made anew.

    What it reads again is known by its sequence or version and not applied twice. A running service does it within
    seconds; one that is not running, when it starts.
    """
    if not yes:
        click.confirm(f"Let {name} read its topic from the beginning?", abort=True)
    number = asyncio.run(_reset(name, data))
    click.echo(f"{name} begins anew in {number} partitions: within seconds where it runs, else when it starts.")


async def _reset(name: str, data: Path | None) -> int:
    from shared.clock import system_clock
    from shared.messaging import positions
    from shared.storage import audit
    from shared.storage.database import Database
    from tools.cli.actor import actor
    from tools.stack.access import databases

    url = databases(data).get(name.partition(".")[0])
    database = Database(url, pool=1, application="stepdown-cli") if url else None
    number = 0
    if database is not None:
        try:
            async with database.begin() as connection:
                number = await positions.reset(connection, name)
                await audit.note(connection, [audit.Entry(system_clock(), actor(), "positions-reset", name)])
        finally:
            await database.close()
    if not number:
        raise click.ClickException(f"no consumer {name} has a position: `stepdown positions show` lists them")
    return number
