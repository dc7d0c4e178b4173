"""`stepdown retention`: deletes what is older than the site keeps it, or says what would go; kinds and counts alone."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from tools.cli.options import JSON, RUNNING

if TYPE_CHECKING:
    from shared.retention import RetentionKind
    from shared.storage.database import Database


class Told(NamedTuple):
    """One kind of one service: for how many days it is kept (None: for ever), and how much of it is or was older."""

    service: str
    kind: str
    days: int | None
    number: int


@click.command("retention", short_help="delete what is kept for no longer")
@click.option("--dry-run", is_flag=True, help="Say what would go, delete nothing.")
@RUNNING
@JSON
def command(*, dry_run: bool, data: Path | None, as_json: bool) -> None:
    """Delete what is older than the site keeps it (site config, `retention`), by service and kind.

    The services do the same by themselves, once an hour. What each kind is, and what is lost with it: docs/run-it.md,
    How long things are kept.
    """
    found = asyncio.run(_work(data, dry_run=dry_run))
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "kinds": [each._asdict() for each in found]}))
        return
    done = "would go" if dry_run else "went"
    for each in found:
        kept = "for ever" if each.days is None else f"{each.days} days"
        click.echo(f"{each.service:<10} {each.kind:<18} kept {kept:<10} {each.number:>9,} {done}")


async def _work(data: Path | None, *, dry_run: bool) -> list[Told]:
    from shared.storage.database import Database
    from tools.stack import sites
    from tools.stack.access import reach

    reached = reach(data)
    site = sites.site_of(reached.ready, reached.settings)
    found: list[Told] = []
    for service, url in reached.urls.items():
        kinds = import_module(f"services.{service}.timers").retention_kinds(site, reached.settings.dead_letter_days)
        database = Database(url, pool=1, application="stepdown-cli")
        try:
            numbers = await _numbers(database, kinds, dry_run=dry_run)
        finally:
            await database.close()
        found += [Told(service, k.name, k.kept.days if k.kept else None, numbers.get(k.name, 0)) for k in kinds]
    return found


async def _numbers(database: Database, kinds: list[RetentionKind], *, dry_run: bool) -> dict[str, int]:
    from shared import retention
    from shared.clock import system_clock
    from tools.cli.actor import actor

    if dry_run:
        return await retention.due(database, kinds, system_clock())
    return await retention.delete_old(database, kinds, at=system_clock(), actor=actor())
