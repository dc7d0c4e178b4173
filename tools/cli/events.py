"""`stepdown events tail`: prints the records of a topic from its beginning, one line each."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tools.cli.options import RUNNING

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord


@click.group("events", short_help="read a topic")
def command() -> None:
    """What is on the topics."""


@command.command("tail")
@click.option("--topic", default="care.events", show_default=True, help="Which topic.")
@click.option("--until-idle", type=click.FloatRange(0), metavar="SECONDS",
              help="End when nothing came for so long; default: go on until Ctrl-C.")  # fmt: skip
@RUNNING
@click.option("--json", "as_json", is_flag=True,
              help='One JSON line each: {"topic","partition","offset","key","headers","value"}.')  # fmt: skip
def tail(topic: str, until_idle: float | None, data: Path | None, as_json: bool) -> None:
    """Every committed record of a topic from its beginning, each partition in order.

    The broker is that of --data, else of STEPDOWN_KAFKA, else of the system that runs on .stepdown.
    """
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        asyncio.run(_tail(topic, until_idle, data, as_json))


async def _tail(topic: str, until_idle: float | None, data: Path | None, as_json: bool) -> None:
    from shared.messaging.reading import reading
    from tools.stack.access import broker

    async with reading(broker(data).kafka_client()) as looking:
        await looking.begin([topic])
        last = time.monotonic()
        while until_idle is None or time.monotonic() - last < until_idle:
            wait = 1000 if until_idle is None else max(int(1000 * min(until_idle, 0.2)), 1)
            found = await looking.batch(wait)
            if found:
                last = time.monotonic()
            for record in found:
                click.echo(json.dumps(_as_json(record)) if as_json else _line(record))
            sys.stdout.flush()


def _as_json(record: ConsumerRecord) -> dict[str, Any]:
    """A record with its key and headers as text, and its value as JSON, or as text where it is not JSON."""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": text_of(record.key),
        "headers": {name: text_of(value) for name, value in record.headers},
        "value": _value(record.value),
    }


def _value(raw: bytes | None) -> Any:
    try:
        return json.loads(raw or b"null")
    except ValueError:
        return text_of(raw)


def text_of(raw: bytes | None) -> str | None:
    """Bytes of a record as text, with what is not UTF-8 as `\\x` escapes; None for None."""
    return None if raw is None else raw.decode("utf-8", "backslashreplace")


def _line(record: ConsumerRecord) -> str:
    """A line for people: partition and offset, time, writer and sequence, type, key; nothing of the value."""
    heads = {name: text_of(value) for name, value in record.headers}
    place = f"{record.partition}/{record.offset}"
    source = (heads.get("ce_source") or "").rpartition("/")[2]
    said = f"{source}#{heads.get('ce_sequence', '?')}"
    time_of, kind = heads.get("ce_time") or "", heads.get("ce_type") or "?"
    return f"{place:<9} {time_of:<33} {said:<15} {kind:<34} {text_of(record.key)}"
