"""`stepdown heal`: brings databases and topics in line again after either was lost, made anew or restored older."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools.cli.options import JSON, RUNNING

if TYPE_CHECKING:
    from tools.heal.report import Healed


@click.command("heal", short_help="bring databases and topics in line after a loss")
@click.argument("service", type=click.Choice(["intake", "placement", "aftercare"]), required=False)
@click.option("--dry-run", is_flag=True, help="Only say what would be done; nothing is written.")
@RUNNING
@JSON
def command(service: str | None, dry_run: bool, data: Path | None, as_json: bool) -> None:
    """Bring databases and topics in line again after either was lost, made anew or restored older; all services, or
    one.

    \b
    What the tables hold and the topics lack is told again, under the same ids and numbers.
    What topics hold and the tables lack is adopted.
    What no topic has is named by kind and count.

    Safe to run twice, to be ended at any time and run again, and to run beside the services. `stepdown verify` holds
    afterwards, once the services have read what was told.
    """
    healed = asyncio.run(_heal(data, service, dry_run=dry_run))
    click.echo(json.dumps(healed.as_json())) if as_json else _print(healed)


async def _heal(data: Path | None, service: str | None, *, dry_run: bool) -> Healed:
    from tools.cli.actor import actor
    from tools.cli.progress import bar
    from tools.heal.whole import heal
    from tools.stack import SERVICES, sites
    from tools.stack.access import reach, seal_of

    reached = reach(data)
    site = sites.site_of(reached.ready, reached.settings)
    seals = {name: seal_of(name, data) for name in SERVICES}
    with bar("comparing" if dry_run else "healing", None) as tick:
        return await heal(
            reached.urls, reached.settings, site, seals,
            services=[service] if service else SERVICES, dry_run=dry_run, actor=actor(), tick=tick,
        )  # fmt: skip


def _print(healed: Healed) -> None:
    """A line for each service and kind, then what cannot come back."""
    if healed.nothing:
        click.echo(f"databases and topics are in line ({healed.seconds:.1f} s)")
    for service, counts in healed.done.items():
        for kind, number in counts.items():
            click.echo(f"{service}: {number:,} {kind}")
    for each in healed.gone:
        click.echo(f"cannot come back: {each}")
    if not healed.nothing:
        click.echo("nothing was written" if healed.dry else f"done in {healed.seconds:.1f} s; now `stepdown verify`")
