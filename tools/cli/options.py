"""Options that many commands have in the same form."""

from __future__ import annotations

from pathlib import Path

import click

DATA = click.option("--data", type=click.Path(path_type=Path), help="A system's data directory; default: .stepdown.")
RUNNING = click.option(
    "--data", type=click.Path(path_type=Path), help="A running system's data directory; default: .stepdown."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
JSON_LINES = click.option("--json", "as_json", is_flag=True, help="One JSON line for each message.")
