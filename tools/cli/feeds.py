"""`stepdown feeds`: the state of the hospitals' feeds from intake's API, without the content of any message."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from tools.cli.asking import Service
from tools.cli.options import JSON


@click.command("feeds", short_help="how the hospitals' feeds do")
@click.option("--data", type=click.Path(path_type=Path), help="The running system's data directory.")
@JSON
def command(data: Path | None, as_json: bool) -> None:
    """By facility: the last message, counts by trigger and answer, what waits or went wrong, and which units and codes
    of it the site config does not have.

    The system is the one that runs on --data; where it has no tokens of its own, STEPDOWN_TOKEN has one with the role
    interface, coordinator or auditor; an auditor is not told the codes.
    """
    told = Service.of(data, roles=("interface", "coordinator", "auditor")).get("/api/feeds")
    if as_json:
        click.echo(json.dumps(told))
    else:
        _show(told["facilities"])


def _show(facilities: Iterable[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    names = ("AA", "AE", "AR", "repeat")
    table = Table("facility", "last message", *names, "waiting", "unmapped (units)")
    for place in facilities:
        sums = {name: sum(one["count"] for one in place["counts"] if one["answer"] == name) for name in names}
        unmapped = f"{place['unmapped']} ({place['unmapped_units']})" if place["unmapped"] else ""
        quiet = " (silent)" if place.get("silent") else ""
        cells = ((place["last_at"] or "never")[:19] + quiet, *(str(sums[name] or "") for name in names))
        table.add_row(place["facility"], *cells, str(place["waiting"] or ""), unmapped)
    console = Console()
    console.print(table)
    for place in facilities:
        for one in place["unmapped_codes"]:
            said = f"{one['count']} {'messages' if one['kind'] == 'unit' else 'visits'}"
            line = f"{place['facility']} unmapped {one['kind']} {one['code']} ({one['field']}): {said}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        for one in (*place["oldest_ae"], *place["oldest_waiting"]):
            why = f"{one['code']} at {one.get('location', '?')}" if "code" in one else one.get("reason", "")
            line = f"{place['facility']} {one.get('trigger', '-')} {one['message_id']} since {one['since']}: {why}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
