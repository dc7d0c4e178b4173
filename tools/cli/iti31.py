"""`stepdown iti31`: plays stories of ADT events at an MLLP endpoint, and says for each whether it ended as it must."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tools.cli.options import RUNNING
from tools.cli.places import HostPort, split

if TYPE_CHECKING:
    from tools.iti31.messages import Endpoint
    from tools.iti31.play import Play
    from tools.iti31.stories import Story

SAMPLE_CODES = {
    "ward": "3W",
    "other-ward": "DTX",
    "residence": "RES",
    "day-program": "PHP1",
    "evening-program": "IOP1",
    "clinic": "OPC",
    "emergency": "ED",
}
"""Place of the stories → the sample site's unit."""


@click.command("iti31", short_help="play the table of ADT events at an MLLP door")
@click.argument("endpoint", required=False, type=HostPort(), metavar="[HOST:PORT]")
@click.option("--adapter", metavar="MODULE:CLASS",
              help="How another system is asked what stands; see tools/iti31/adapter.py.")  # fmt: skip
@click.option("--place", "places", multiple=True, metavar="PLACE=CODE",
              help="The system's code (PV1-3.1) for a place of the stories.")  # fmt: skip
@click.option("--application", default="ADT1", show_default=True, help="MSH-3 of what is sent.")
@click.option("--facility", default="GOODHEALTH", show_default=True, help="MSH-4 of what is sent.")
@click.option("--story", "only", multiple=True, metavar="NAME", help="Only this story; may be given again.")
@RUNNING
@click.option("--json", "as_json", is_flag=True, help="One JSON line for each playing of a story.")
def command(  # noqa: PLR0917 - one for each option
    endpoint: str | None, adapter: str | None, places: tuple[str, ...], application: str, facility: str,
    only: tuple[str, ...], data: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Play ADT events, their conflicts and their orders of arrival (HL7 v2.5.1 chapter 3, IHE ITI-31), and print a
    table of which ended as they must.

    Without HOST:PORT at the system that runs on .stepdown, on the sample site. It leaves made-up patients there: play
    at no system that real people are in. Exit 1 where a story ended otherwise.
    """
    from tools.iti31.messages import Endpoint
    from tools.iti31.stories import PLACES, stories

    codes = SAMPLE_CODES | dict(_pair(each) for each in places)
    if unknown := sorted(codes.keys() - set(PLACES)):
        raise click.UsageError(f"--place: the stories have no {unknown[0]}; they have {', '.join(PLACES)}")
    if missing := sorted(set(only) - {each.name for each in stories()}):
        raise click.UsageError(f"--story: there is no story {missing[0]}")
    chosen = [each for each in stories() if not only or each.name in only]
    played = asyncio.run(_played(chosen, endpoint, adapter, Endpoint(codes, application, facility), data))
    if as_json:
        for one in played:
            click.echo(json.dumps(_as_json(one)))
    else:
        _table(played)
    return 1 if any(one.wrong for one in played) else 0


def _pair(text: str) -> tuple[str, str]:
    place, mark, code = text.partition("=")
    if not mark:
        raise click.UsageError("--place is PLACE=CODE")
    return place, code


async def _played(
    chosen: Iterable[Story], endpoint: str | None, adapter: str | None, told: Endpoint, data: Path | None
) -> list[Play]:
    from tools.cli.progress import bar
    from tools.iti31.adapter import named
    from tools.iti31.ours import Stepdown
    from tools.iti31.play import play_all, plays
    from tools.stack import ready

    place = split(endpoint or ready.find(data).mllp)
    if place is None:
        raise click.UsageError("HOST:PORT is where an MLLP door listens")
    every = list(plays(chosen))
    with bar("playing", len(every)) as tick:
        if adapter:
            await play_all(every, named(adapter)(*place), told, tick)
        else:
            async with Stepdown(*place, data=data) as ours:
                await play_all(every, ours, told, tick)
    return every


def _table(played: Sequence[Play]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from tools.iti31.play import ORDERS

    table = Table("story", *ORDERS, "otherwise", title=f"{len(played)} playings", show_lines=False)
    by_story: dict[str, list[Play]] = {}
    for one in played:
        by_story.setdefault(one.story.name, []).append(one)
    for name, each in by_story.items():
        cells = []
        for order in ORDERS:
            mine = [one for one in each if one.order == order]
            good = sum(not one.wrong for one in mine)
            cells.append(f"[red]{good} of {len(mine)}[/]" if good < len(mine) else f"[green]{good}[/]" if mine else "-")
        wrong = next((one for one in each if one.wrong), None)
        table.add_row(name, *cells, escape(f"{'; '.join(wrong.wrong)} ({_arrived(wrong)})") if wrong else "")
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    good = sum(not any(one.wrong for one in each) for each in by_story.values())
    click.echo(f"{good} of {len(by_story)} stories end as they must in every order")


def _arrived(one: Play) -> str:
    """The events of a play in the order in which they arrived."""
    return " ".join(one.story.says[nth].event for nth in one.arrivals)


def _as_json(one: Play) -> dict[str, Any]:
    return {
        "story": one.story.name,
        "of": one.story.of,
        "order": one.order,
        "arrived": _arrived(one),
        "good": not one.wrong,
        "otherwise": one.wrong,
    }
