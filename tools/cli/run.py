"""`stepdown run <service>`: runs one service in this process, with settings from the environment."""

from __future__ import annotations

import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from shared.errors import SetUpError
from tools.stack import SERVICES

LOOK_EVERY = 0.02
"""Seconds between two looks for the file."""


@click.command("run", short_help="one service, configured by environment")
@click.argument("service", type=click.Choice(SERVICES))
def command(service: str) -> None:
    """Run one service until SIGTERM, configured by STEPDOWN_* variables (for containers; `up` does it too)."""
    if find_spec(f"services.{service}.app") is None:
        raise SetUpError(f"the service {service} has no app.py in this installation")
    from shared.settings import load, variable
    from tools.stack.children import end_with_parent

    end_with_parent(int(variable("parent_pipe") or 0) or None)
    app = import_module(f"services.{service}.app")
    if awaited := variable("start_after"):
        until_there(Path(awaited))
    app.main(load())


def until_there(file: Path) -> None:
    """Wait until a file exists: `up` makes it when broker, database, topics and schemas are ready. Where `up` ends
    before, this process is ended too (`end_with_parent`)."""
    while not file.exists():
        time.sleep(LOOK_EVERY)
