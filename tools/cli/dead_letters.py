"""`stepdown dead-letters`: lists and shows records that a service could not read or apply; replays or discards them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tools.cli.events import text_of
from tools.cli.options import DATA

if TYPE_CHECKING:
    from shared.messaging.dead_letter_desk import DeadLetter
    from shared.storage.database import Database

Found = list[tuple[str, "DeadLetter"]]
"""(service, dead letter) of each."""
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
WHY = click.option("--why", help="Why; kept in the audit.")
CHOICE = (
    click.argument("ids", nargs=-1, metavar="[ID]..."),
    click.option("--reason", help="All whose reason has this text."),
    click.option("--all", "every", is_flag=True, help="All that are dead."),
)


def _choice(wrapped: Callable[..., Any]) -> Callable[..., Any]:
    for decorate in reversed(CHOICE):
        wrapped = decorate(wrapped)
    return wrapped


@click.group("dead-letters", short_help="records that could not be applied")
def command() -> None:
    """Records that a service could not read or apply. ID may be the first characters of one."""


@command.command("list")
@click.option("--state", type=click.Choice(["dead", "replay", "replayed", "discarded", "expired"]), help="Only those.")
@click.option("--reason", help="Only those whose reason has this text.")
@DATA
@JSON
def list_(state: str | None, reason: str | None, data: Path | None, as_json: bool) -> None:
    """What there is, oldest first; nothing of any record's content."""
    found = asyncio.run(_with(data, lambda databases: _found(databases, state=state, error=reason)))
    if as_json:
        for service, letter in found:
            click.echo(json.dumps(_as_json(service, letter)))
        return
    for service, letter in found:
        click.echo(
            f"{letter.id[:12]}  {letter.state:<9} {_place(letter):<28} {letter.died_at:%Y-%m-%d %H:%M}  ", nl=False
        )
        click.echo(f"{letter.attempts}×  {service}: {letter.error}")
    click.echo(f"{len(found)} dead letters", err=True)


@command.command()
@click.argument("letter_id", metavar="ID")
@click.option("--content", is_flag=True, help="The record itself too: patient data; the look is audited.")
@WHY
@DATA
@JSON
def show(letter_id: str, content: bool, why: str | None, data: Path | None, as_json: bool) -> None:
    """One dead letter: what is known of it, and its content only where that is asked for."""
    shown = asyncio.run(_with(data, lambda databases: _shown(databases, letter_id, data, content, why)))
    if as_json:
        click.echo(json.dumps(shown))
        return
    for name, value in shown.items():
        click.echo(f"{name:<10} {json.dumps(value) if isinstance(value, dict) else value}")


@command.command()
@_choice
@click.option("--wait", type=click.FloatRange(0), default=10.0, show_default=True, help="Seconds for the outcome.")
@WHY
@DATA
@JSON
def replay(
    *,
    ids: tuple[str, ...],
    reason: str | None,
    every: bool,
    wait: float,
    why: str | None,
    data: Path | None,
    as_json: bool,
) -> int:
    """Give records to their consumer again; the running service does it. Exit 1 where one stays dead."""
    _one_choice(ids, reason, every)

    async def work(databases: dict[str, Database]) -> Found:
        asked = await _ask(databases, await _chosen(databases, ids, reason), "replay", why)
        return await _outcome(databases, asked, wait)

    done = asyncio.run(_with(data, work))
    _tell(done, as_json)
    return 0 if all(letter.state == "replayed" for _, letter in done) else 1


@command.command()
@_choice
@WHY
@DATA
@JSON
def discard(
    *, ids: tuple[str, ...], reason: str | None, every: bool, why: str | None, data: Path | None, as_json: bool
) -> None:
    """Put records away: they were never facts. One that its writer did state leaves its episode waiting for ever."""
    _one_choice(ids, reason, every)

    async def work(databases: dict[str, Database]) -> Found:
        asked = await _ask(databases, await _chosen(databases, ids, reason), "discarded", why)
        return await _outcome(databases, asked, 0)

    _tell(asyncio.run(_with(data, work)), as_json)


def _one_choice(ids: tuple[str, ...], reason: str | None, every: bool) -> None:
    if (bool(ids), bool(reason), every).count(True) != 1:
        raise click.UsageError("name one or more by ID, or all with a --reason, or --all")


async def _with(data: Path | None, work: Callable[[dict[str, Database]], Awaitable[Any]]) -> Any:
    from shared.storage.database import Database
    from tools.stack.access import databases

    opened = {name: Database(url, pool=1, application="stepdown-cli") for name, url in databases(data).items()}
    try:
        return await work(opened)
    finally:
        for database in opened.values():
            await database.close()


async def _found(databases: dict[str, Database], **wanted: Any) -> Found:
    from shared.messaging import dead_letter_desk

    found: Found = []
    for service, database in databases.items():
        async with database.read() as connection:
            found += [(service, letter) for letter in await dead_letter_desk.listed(connection, **wanted)]
    return found


async def _by_id(databases: dict[str, Database], begins: str) -> tuple[str, DeadLetter]:
    found = await _found(databases, id_begins=begins) if begins else []
    if len(found) != 1:
        raise click.ClickException(f"{len(found) or 'no'} dead letters have an id that begins so: see the list")
    return found[0]


async def _chosen(databases: dict[str, Database], ids: tuple[str, ...], reason: str | None) -> Found:
    if ids:
        return [await _by_id(databases, one) for one in ids]
    return await _found(databases, state="dead", error=reason)


async def _ask(databases: dict[str, Database], chosen: Found, to: str, why: str | None) -> Found:
    from shared.clock import system_clock
    from shared.messaging import dead_letter_desk
    from tools.cli.actor import actor

    done: list[str] = []
    for service, database in databases.items():
        ids = [letter.id for name, letter in chosen if name == service]
        async with database.begin() as connection:
            done += await dead_letter_desk.ask(connection, ids, to, at=system_clock(), actor=actor(), reason=why)
    for _, letter in chosen:
        if letter.id not in done:
            click.echo(f"stepdown: {letter.id[:12]} is {letter.state}: only what is dead can be {to}", err=True)
    return [one for one in chosen if one[1].id in done]


async def _outcome(databases: dict[str, Database], asked: Found, wait: float) -> Found:
    """The dead letters as they are once none waits for its replay, or after `wait` seconds."""
    end = time.monotonic() + wait
    while True:
        now = [await _by_id(databases, letter.id) for _, letter in asked]
        if time.monotonic() >= end or all(letter.state != "replay" for _, letter in now):
            return now
        await asyncio.sleep(0.1)


async def _shown(
    databases: dict[str, Database], begins: str, data: Path | None, content: bool, why: str | None
) -> dict[str, Any]:
    from shared.clock import system_clock
    from shared.messaging import dead_letter_desk
    from tools.cli.actor import actor
    from tools.stack.access import seal_of

    service, letter = await _by_id(databases, begins)
    shown = _as_json(service, letter)
    if content:
        async with databases[service].begin() as connection:
            seal = seal_of(service, data)
            inside = await dead_letter_desk.content(
                connection, letter.id, seal, at=system_clock(), actor=actor(), reason=why
            )
        shown |= {"key": text_of(inside.key), "value": text_of(inside.value)}
        shown["headers"] = {name: text_of(value) for name, value in inside.headers}
    return shown


def _tell(done: Found, as_json: bool) -> None:
    for service, letter in done:
        if as_json:
            click.echo(json.dumps(_as_json(service, letter)))
            continue
        said = {
            "replay": "waits: it is replayed when the service runs",
            "dead": f"is still dead: {letter.error}",
        }.get(letter.state, f"is {letter.state}")
        click.echo(f"{letter.id[:12]}  {service}  {said}")


def _as_json(service: str, letter: DeadLetter) -> dict[str, Any]:
    from dataclasses import asdict

    found = {"service": service, **asdict(letter), "died_at": letter.died_at.isoformat()}
    return {("offset" if name == "kafka_offset" else name): value for name, value in found.items()}


def _place(letter: DeadLetter) -> str:
    return f"{letter.topic}/{letter.partition}/{letter.kafka_offset}"
