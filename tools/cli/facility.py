"""`stepdown facility retire`: a facility leaves; who its patients are is deleted, what was told of their care stays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools.cli.options import JSON, RUNNING

if TYPE_CHECKING:
    from shared.site.config import Site
    from shared.storage.database import Database
    from shared.storage.retired import Retirement
    from tools.cli.facility_report import Remaining
    from tools.stack.access import Access


@dataclass(frozen=True)
class RetireRequest:
    """What was asked for: the facility as the site names it, and the law and the last day of its records."""

    facility: str
    at: datetime
    dry_run: bool
    with_open: bool
    under: str | None = None
    until: datetime | None = None


@dataclass
class RetireOutcome:
    """What came of it. `open`: episode → stays that are open there; `gone`: kind → how much went, or would go."""

    facility: str
    dry_run: bool
    open: dict[str, int]
    refused: str | None = None
    retired_at: datetime | None = None
    gone: dict[str, int] = field(default_factory=dict)
    remains: Sequence[Remaining] = ()
    label: str | None = None


@click.group("facility", short_help="a facility leaves")
def command() -> None:
    """What is done with a facility as a whole."""


@command.command()
@click.argument("facility")
@click.option("--dry-run", is_flag=True, help="Say what would go, change nothing.")
@click.option("--with-open", is_flag=True, help="Also where stays are open there; they stand as they are.")
@click.option("--under", metavar="LAW", help="The law by which its records are to be kept (42 CFR 2.19(b)).")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day that this law asks for.")
@RUNNING
@JSON
@click.pass_context
def retire(
    context: click.Context,
    *,
    facility: str,
    dry_run: bool,
    with_open: bool,
    under: str | None,
    until: datetime | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """A facility leaves: nothing more is taken from it, and names, contacts, numbers, matches and texts of messages
    that it told are deleted. It does not come back. What was told of care stays: the report says what, why, and until
    when.

    Run it again where it was interrupted. FACILITY is one of the site config, where it has to stay.
    """
    from shared.clock import system_clock

    asked = RetireRequest(facility, system_clock(), dry_run, with_open, under, until)
    told = asyncio.run(_work(data, asked))
    if as_json:
        click.echo(json.dumps(_as_json(told)))
    else:
        _show(told)
    if told.refused:
        if not as_json:
            click.echo(f"stepdown: {told.refused}", err=True)
        context.exit(1)


async def _work(data: Path | None, asked: RetireRequest) -> RetireOutcome:
    from dataclasses import replace

    from shared.storage.database import Database
    from tools.stack import sites
    from tools.stack.access import reach

    reached = reach(data)
    site = sites.site_of(reached.ready, reached.settings)
    named = replace(asked, facility=_named(site, asked.facility))
    opened = {name: Database(url, pool=2, application="stepdown-cli") for name, url in reached.urls.items()}
    try:
        return await _retire(opened, named, site, reached)
    finally:
        for database in opened.values():
            await database.close()


def _named(site: Site, facility: str) -> str:
    """The facility's name as the site has it. Raises WrongUsage for one that it does not have."""
    from shared.errors import WrongUsage

    found = site.facility(facility)
    if found is None:
        raise WrongUsage(f"the site has no such facility; it has: {', '.join(sorted(site.facility_names))}")
    return found.name


async def _retire(databases: dict[str, Database], asked: RetireRequest, site: Site, reached: Access) -> RetireOutcome:
    from services.intake.keeping.leaving import facility as leaving
    from tools.cli.actor import actor
    from tools.cli.facility_report import label, remaining

    intake = databases["intake"]
    await leaving.must_be_ready(intake)
    told = RetireOutcome(asked.facility, asked.dry_run, await _open_stays(databases, asked.facility))
    before = await _known(intake, asked.facility)
    told.refused = _refusal(told, asked, before)
    if asked.dry_run:
        told.gone = await leaving.counts(intake, asked.facility)
    elif told.refused:
        return told
    else:
        await _remember(databases, asked)
        await leaving.wait_for_older(intake)
        told.gone = await leaving.Leaving(intake, asked.facility, actor(), asked.at).delete()
    law = await _known(intake, asked.facility) or _law(asked)
    told.retired_at = None if asked.dry_run and before is None else law.at
    kinds = {
        name: import_module(f"services.{name}.timers").retention_kinds(site, reached.settings.dead_letter_days)
        for name in databases
    }
    told.remains = remaining(await _records(databases, asked.facility), kinds, law, asked.at)
    told.label = label(asked.facility, law)
    return told


def _refusal(told: RetireOutcome, asked: RetireRequest, before: Retirement | None) -> str | None:
    """Why the facility can't leave now; None where it can, or has left already. A dry run is refused nothing."""
    if not told.open or asked.with_open or asked.dry_run or before is not None:
        return None
    return (
        f"{sum(told.open.values())} stays are open at {asked.facility} in {len(told.open)} episodes: end them first, "
        "or say --with-open, and they stand as they are"
    )


async def _open_stays(databases: dict[str, Database], facility: str) -> dict[str, int]:
    """Episode → open stays: as care.episodes has them, and visits that it may not have yet."""
    from services.aftercare.engine import views as aftercare
    from services.intake.keeping.leaving import views as intake

    async with databases["aftercare"].read() as connection:
        told = await aftercare.open_stays(connection, facility)
    async with databases["intake"].read() as connection:
        visits = await intake.open_visits(connection, facility)
    return {episode: max(told.get(episode, 0), visits.get(episode, 0)) for episode in sorted({*told, *visits})}


async def _known(database: Database, facility: str) -> Retirement | None:
    from shared.storage.retired import retirement

    async with database.read() as connection:
        return await retirement(connection, facility)


def _law(asked: RetireRequest) -> Retirement:
    from shared.storage.retired import Retirement
    from tools.cli.actor import actor

    until = asked.until.date() if asked.until else None
    return Retirement(asked.facility, asked.at, actor(), asked.under, until)


async def _remember(databases: dict[str, Database], asked: RetireRequest) -> None:
    """Write into each service's database that the facility left, with an audit entry the first time."""
    from shared.storage import audit
    from shared.storage.retired import retire as remember
    from shared.storage.retired import retired

    told = _law(asked)
    for database in databases.values():
        async with database.begin() as connection:
            if asked.facility not in await retired(connection):
                await audit.note(connection, [audit.Entry(told.at, told.actor, "facility-retired", told.facility)])
            await remember(connection, told)


async def _records(databases: dict[str, Database], facility: str) -> dict[str, dict[str, int]]:
    """Service → kind → how many records of the facility remain."""
    from services.aftercare.engine import views as aftercare
    from services.intake.keeping.leaving import views as intake
    from services.placement.engine import views as placement

    found = {}
    for name, views in (("intake", intake), ("placement", placement), ("aftercare", aftercare)):
        async with databases[name].read() as connection:
            found[name] = await views.records_of(connection, facility)
    return found


def _as_json(told: RetireOutcome) -> dict[str, object]:
    return {
        "facility": told.facility,
        "dry_run": told.dry_run,
        "retired_at": told.retired_at.isoformat() if told.retired_at else None,
        "open": [{"episode_id": episode, "stays": number} for episode, number in told.open.items()],
        "refused": told.refused,
        "deleted": told.gone,
        "remains": [each._asdict() for each in told.remains],
        "label": told.label,
    }


def _show(told: RetireOutcome) -> None:
    for episode, number in told.open.items():
        click.echo(f"open  {episode}  {number} {'stay' if number == 1 else 'stays'}")
    done = "would go" if told.dry_run else "went"
    for kind, number in told.gone.items():
        click.echo(f"{kind:<18} {number:>9,} {done}")
    for each in told.remains:
        much = "" if each.number is None else f"{each.number:,}"
        click.echo(f"remains  {each.where:<12} {each.what:<36} {much:>9}  {each.why}; until: {each.until}")
    if told.label:
        click.echo(f"label  {told.label}")
