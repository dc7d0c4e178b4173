"""`stepdown verify`: checks the invariants of contract 5; prints ✓ or ✗, how much was checked, and what is broken."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools.cli.options import JSON, RUNNING

if TYPE_CHECKING:
    from tools.verify import Report
    from tools.verify.report import Promise

NAMED = 10
"""Broken things of one invariant that are printed."""


@click.command("verify", short_help="check what is promised")
@RUNNING
@click.option("--settle", type=click.FloatRange(0), default=20.0, show_default=True,
              help="Seconds to wait at most until nothing is on its way.")  # fmt: skip
@JSON
@click.pass_context
def command(context: click.Context, data: Path | None, settle: float, as_json: bool) -> None:
    """Check the invariants across the three databases and the topics; exit 1 when one is broken. Reads only."""
    report = asyncio.run(_verify(data, settle))
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        _print(report)
    context.exit(0 if report.ok else 1)


async def _verify(data: Path | None, settle: float) -> Report:
    from tools.cli.progress import bar
    from tools.stack import sites
    from tools.stack.access import reach
    from tools.verify import verify

    reached = reach(data)
    site = sites.site_of(reached.ready, reached.settings)
    with bar("checking", None) as tick:
        return await verify(reached.urls, reached.settings, site, settle=settle, tick=tick)


def _print(report: Report) -> None:
    for promise in report.promises.values():
        _line(promise)
        for one in promise.broken[:NAMED]:
            click.echo(f"       {one}")
        if promise.count > NAMED:
            click.echo(f"       … and {promise.count - NAMED} more (--json names them)")
    for note in report.notes:
        click.echo(f"note: {note}")


def _line(promise: Promise) -> None:
    from shared.invariants import PROMISES

    text = PROMISES[promise.number]
    mark = click.style("✗", fg="red", bold=True) if promise.count else click.style("✓", fg="green", bold=True)
    said = f"{promise.count} broken" if promise.count else f"{promise.checked:,} checked"
    click.echo(f"{mark} 5.{promise.number} {text}: {said}")
