"""`stepdown config check`: a site config by itself; `stepdown config diff`: what would change with it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tools.cli.options import JSON, RUNNING

if TYPE_CHECKING:
    from shared.site.config import Site
    from tools.site_diff.found import SiteDifference

FOLDER = click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
SHOWN = 20
"""Lines of each list that are printed where nothing else is asked."""


@click.group("config")
def config() -> None:
    """Site configs: checked, and compared with what is stored."""


@config.command()
@FOLDER
@JSON
def check(folder: Path, as_json: bool) -> None:
    """Check the site config in DIR, a folder or a file: file and line of every problem; exit 1 where there is one.

    Needs no running system. What would change with it on one: `stepdown config diff`.
    """
    from shared.site.config import load
    from shared.site.marked_yaml import ConfigError

    try:
        site = load(folder)
    except ConfigError as wrong:
        if not as_json:
            raise
        problems = [str(each) for each in wrong.problems]
        click.echo(json.dumps({"ok": False, "problems": problems}))
        raise click.exceptions.Exit(1) from None
    told = _summary(site)
    if as_json:
        click.echo(json.dumps({"ok": True, "problems": [], **told}))
        return
    counts = ", ".join(f"{value} {name}" for name, value in told.items() if isinstance(value, int))
    click.echo(f"{site.name}: {counts}; version {site.version}")


@config.command()
@FOLDER
@RUNNING
@click.option("--list", "listed", type=click.IntRange(0), default=SHOWN, show_default=True, metavar="N",
              help="Visits and periods that are named; with --json as well.")  # fmt: skip
@click.option("--code", help="Name only the visits with this code: a unit, payer or disposition as it is sent.")
@JSON
def diff(folder: Path, data: Path | None, listed: int, code: str | None, as_json: bool) -> None:
    """Say what would change if DIR were the site config of the running system: visits, facts and service periods,
    counted by unit, payer and disposition. Nothing is written.

    Messages are not read again: what is read otherwise (zones, which facility a message is of, processing ids) counts
    for those that come after the change, and for those that `stepdown messages read-again` names.
    """
    found = _compared(folder, data)
    visits = [each for each in found.visits if code is None or any(one.code == code for one in each.codes)]
    if as_json:
        lines = {"visit_lines": [_visit(each) for each in visits[:listed]]}
        periods = {"period_lines": [_period(each) for each in found.periods[:listed]]}
        click.echo(json.dumps({**found.as_json(), **lines, **periods}))
        return
    _show(found)
    for visit in visits[:listed]:
        facts = ", ".join(f"{kind} {day}" for kind, day in visit.stated) or "nothing more is stated"
        click.echo(f"  visit {visit.visit_id} {visit.facility}: {facts}; {visit.fallen} taken back or replaced")
    for each in found.periods[:listed]:
        what = f" ({', '.join(each.fields)})" if each.fields else ""
        place = f"{each.change} {each.episode_id} {each.level} {each.payer}"
        click.echo(f"  period {place} {each.start} to {each.end or '…'}{what}")
    if (left := max(0, len(visits) - listed) + max(0, len(found.periods) - listed)) > 0:
        click.echo(f"  … and {left} more (--list N names more of them)")


command = config


def _summary(site: Site) -> dict[str, Any]:
    units = sum(len(each.units) for each in site.facilities)
    return {
        "name": site.name, "version": site.version, "facilities": len(site.facilities), "units": units,
        "programs": len(site.programs), "payers": len(site.payers),
    }  # fmt: skip


def _compared(folder: Path, data: Path | None) -> SiteDifference:
    from shared.site.config import folder_of, load
    from tools.cli.progress import bar
    from tools.site_diff.whole import compare, stored_patients
    from tools.stack import sites
    from tools.stack.access import reach

    load(folder)
    reached = reach(data)
    sites.site_of(reached.ready, reached.settings)
    told = reached.ready.config.get("folder") if reached.ready else None
    now = Path(told) if told else folder_of(reached.settings.config)
    patients = asyncio.run(stored_patients(reached.urls["intake"]))
    with bar("comparing patients", len(patients)) as tick:
        return compare(reached.urls, (now, folder), patients, tick)


def _show(found: SiteDifference) -> None:
    from rich.console import Console
    from rich.table import Table

    told = found.as_json()
    facts, periods = told["facts"], told["periods"]
    said = ", ".join(f"{number} {kind}" for kind, number in facts["stated"].items()) or "none"
    click.echo(f"{found.messages:,} messages of {found.patients:,} patients: {len(found.visits):,} visits would change")
    click.echo(f"facts: stated {said}; {facts['taken_back_or_replaced']} taken back or replaced")
    click.echo("periods: " + ", ".join(f"{number} {name}" for name, number in periods.items()))
    if found.deaths:
        click.echo(f"{found.deaths} facts of deaths would be stated or taken back")
    if found.undecided:
        click.echo(f"{found.undecided} episodes name a facility that this config does not have")
    if not (counts := found.by_code()):
        return
    table = Table("what is mapped otherwise", "facility", "code", "visits", "facts", "periods")
    for each in counts:
        table.add_row(each.code.kind, each.code.facility, each.code.code, *map(str, each.counts().values()))
    Console(markup=False, highlight=False).print(table)


def _visit(visit: Any) -> dict[str, Any]:
    return {**visit._asdict(), "codes": [one._asdict() for one in visit.codes]}


def _period(period: Any) -> dict[str, Any]:
    days = {"start": period.start.isoformat(), "end": period.end and period.end.isoformat()}
    return {**period._asdict(), **days}
