"""`stepdown topics apply`: makes or alters the topics of the contract on a broker."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from tools.cli.options import JSON


@click.group("topics", short_help="create or alter the topics")
def command() -> None:
    """The topics that the services write and read."""


@command.command("apply")
@click.option("--data", type=click.Path(path_type=Path), help="A running system's data directory; its broker is used.")
@JSON
def apply(data: Path | None, as_json: bool) -> None:
    """Make the topics that are missing and set the configuration of the others; safe to run again.

    The broker is the one of --data, else of STEPDOWN_KAFKA, else of the system that runs on .stepdown.
    """
    import os

    from shared.settings import load
    from tools.stack import ready, sites, topics

    running = None if os.environ.get("STEPDOWN_KAFKA") and data is None else ready.find(data)
    settings = load(kafka=running.kafka) if running else load()
    wanted = topics.of(sites.site_of(running, settings))
    made = asyncio.run(topics.apply(settings, wanted))
    if as_json:
        click.echo(json.dumps({"topics": [topic.name for topic in wanted], "made": made}))
        return
    click.echo(f"{len(wanted)} topics are as they should be, {len(made)} of them new.")
