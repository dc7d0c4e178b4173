"""`stepdown simulate`: writes synthetic patients' HL7 messages to files, and the state in which each episode must
end."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tools.cli.options import JSON


@click.command("simulate", short_help="HL7 messages of synthetic patients as files")
@click.option("--seed", type=click.IntRange(0), required=True, help="The same seed gives the same bytes.")
@click.option("--patients", "number", type=click.IntRange(1, 9999), required=True, help="How many.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR", help="Where to.")
@click.option("--ends", type=click.DateTime(["%Y-%m-%d"]), help="The half-year's last day; default: 2025-06-30.")
@JSON
def command(seed: int, number: int, out: Path, ends: datetime | None, as_json: bool) -> None:
    """Write half a year of several hospitals' messages to DIR: one folder a feed, one file a day, in order of sending.

    DIR/expected.json says what each episode must end as when they are played with `stepdown send DIR` into a fresh
    system, late, doubled, reordered, cancelled and broken messages included:
    {"episodes":[{"mrn","state","level"?,"periods":[{"level","start_date","end_date"?}]}]}. Patients of whom nothing was
    told that begins an episode are not in it. Nobody in them ever lived.
    """
    import json

    from shared.settings import load
    from shared.site import config
    from tools.simulator.messages import FACILITY
    from tools.simulator.simulation import ENDS, simulated, write

    zone = config.load(load().config).zone(FACILITY)
    people = simulated(seed, number, zone, ends.date() if ends else ENDS)
    messages = write(people, out)
    episodes = sum(len(one.expected) for one in people)
    broken = sum(one.broken for each in people for one in each.sent)
    if as_json:
        found = {"out": str(out), "patients": number, "messages": messages, "broken": broken, "episodes": episodes}
        click.echo(json.dumps(found))
    else:
        click.echo(f"{out}: {messages} messages of {number} patients ({broken} of them broken), {episodes} episodes")
        click.echo(f"play them: stepdown send {out}")
