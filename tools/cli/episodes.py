"""`stepdown episodes`: episodes from placement's API, as a table, or one of them as a story in words."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any

import click

from tools.cli.options import JSON, RUNNING

PAGE = 200


@click.group("episodes", short_help="episodes, facts and periods")
def command() -> None:
    """Episodes of care as placement has them."""


@command.command("list")
@click.option("--state", help="Only episodes in this state (active, between, closed, …).")
@click.option("--level", help="Only episodes at this level of care.")
@click.option("--facility", help="Only episodes of this facility.")
@RUNNING
@click.option("--json", "as_json", is_flag=True, help="One JSON line for each episode.")
def list_(state: str | None, level: str | None, facility: str | None, data: Path | None, as_json: bool) -> None:
    """Every episode: its state and level of care, since when, and what needs somebody's eyes."""
    from tools.cli.stories import line_of

    asked = {"state": state, "level": level, "facility": facility}
    zone = _zones(data)
    found = _pages({name: value for name, value in asked.items() if value}, data)
    if as_json:
        for one in found:
            click.echo(json.dumps(one))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("episode", "state", "since", "facility", "to look at")
    for one in found:
        table.add_row(*line_of(one, zone(one.get("facility"))))
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    click.echo(f"{table.row_count} episodes", err=True)


@command.command("show")
@click.argument("episode_id", metavar="ID")
@RUNNING
@JSON
def show(episode_id: str, data: Path | None, as_json: bool) -> None:
    """One episode: its stays, its facts in clinical order with those taken back marked, its service periods."""
    from urllib.parse import quote

    from tools.cli.stories import story

    zone = _zones(data)
    found = _get(f"/api/episodes/{quote(episode_id, safe='')}", data)
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in story(found, zone(_facility(found))):
        click.echo(line)


def _facility(found: dict[str, Any]) -> str | None:
    """The facility of the last fact in the answer; None where it has no facts."""
    facts = found["facts"]
    return str(facts[-1]["value"].get("facility")) if facts else None


def _zones(data: Path | None) -> Callable[[str | None], tzinfo]:
    """Returns facility → time zone, by the running system's site config; UTC for a facility that it does not have.

    Raises WrongUsage where the environment names another site config than the running system's.
    """
    from shared.settings import load
    from tools.stack import ready, sites

    site = sites.site_of(ready.find(data), load())

    def zone(facility: str | None) -> tzinfo:
        found = site.facility(facility) if facility else None
        return found.zone_info if found else UTC

    return lru_cache(256)(zone)


def _pages(asked: dict[str, str], data: Path | None) -> Iterator[dict[str, Any]]:
    from urllib.parse import urlencode

    cursor: str | None = None
    while True:
        page = _get(
            "/api/episodes?" + urlencode(asked | {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})), data
        )
        yield from page["episodes"]
        cursor = page["next"]
        if cursor is None:
            return


def _get(path: str, data: Path | None) -> Any:
    """The JSON of a GET to placement, with the coordinator's development token. Raises ClickException where it is
    refused or placement does not answer."""
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    from tools.stack import ready

    system = ready.find(data)
    if "coordinator" not in system.tokens:
        raise click.ClickException("this system has no development tokens: sign in at the coordinators' desk instead")
    asking = Request(system.placement + path, headers={"Authorization": f"Bearer {system.tokens['coordinator']}"})  # noqa: S310
    try:
        with urlopen(asking, timeout=30) as answer:  # noqa: S310 - the address is from our own ready file
            return json.load(answer)
    except HTTPError as no:
        raise click.ClickException(_problem(no.read()) or f"placement answered {no.code}") from None
    except (URLError, OSError, ValueError) as fault:
        raise click.ClickException(f"placement does not answer ({type(fault).__name__})") from None


def _problem(body: bytes) -> str | None:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return None
