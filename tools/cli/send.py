"""`stepdown send`: sends the messages of files to a running system, and prints the acknowledgement of each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools.cli.options import JSON_LINES, RUNNING
from tools.cli.places import HostPort, split

if TYPE_CHECKING:
    from tools.sending import Found, SendResult


@click.command("send", short_help="send files to a running system")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@click.option(
    "--mllp", type=HostPort(), metavar="HOST:PORT", help="This MLLP door; default: the one of the running system."
)
@click.option("--kafka", is_flag=True, help="By the topic hospital.adt; the answers are read from hospital.acks.")
@RUNNING
@JSON_LINES
def command(paths: tuple[Path, ...], mllp: str | None, kafka: bool, data: Path | None, as_json: bool) -> int:
    """Send every message in PATH (a folder is walked; any line ends, MLLP bytes and batches are fine).

    Prints each acknowledgement. Exit 1 when a message was not acknowledged with AA or CA, or could not be sent.
    """
    if mllp and kafka:
        raise click.UsageError("--mllp and --kafka exclude each other")
    return asyncio.run(_send(paths, mllp, kafka, data, as_json))


async def _send(paths: tuple[Path, ...], mllp: str | None, kafka: bool, data: Path | None, as_json: bool) -> int:
    from tools import sending
    from tools.cli.progress import bar

    found = list(sending.found_in(paths))
    if not found:
        raise click.UsageError("there is no message to send: no file is in what was named")
    codes: Counter[str] = Counter()
    good = True
    with bar("sending", len(found)) as tick:
        async for told in _door(found, mllp, kafka, data):
            good &= told.good
            codes[told.code or "not sent"] += 1
            _print(told, as_json)
            tick(1)
    if not as_json and len(found) > 1:
        click.echo(f"{len(found)} messages: " + ", ".join(f"{n} {code}" for code, n in sorted(codes.items())))
    return 0 if good else 1


def _door(found: list[Found], mllp: str | None, kafka: bool, data: Path | None) -> AsyncIterator[SendResult]:
    from tools import sending
    from tools.stack import access, ready

    if kafka:
        return sending.by_kafka(found, access.broker(data))
    place = split(mllp or ready.find(data).mllp)
    if place is None:
        raise click.UsageError("--mllp is HOST:PORT")
    return sending.by_mllp(found, *place)


def _print(told: SendResult, as_json: bool) -> None:
    import json

    if as_json:
        click.echo(json.dumps(told.as_json()))
        return
    shown = click.style(f"{told.code or '--':<3}", fg="green" if told.good else "red", bold=True)
    why = f"  {told.error}" if told.error else ""
    click.echo(f"{shown} {told.control_id or '-':<20} {told.file}#{told.index}{why}")
