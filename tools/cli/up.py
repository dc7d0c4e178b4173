"""`stepdown up`: runs everything on this machine until SIGTERM or Ctrl-C. Here is what it prints; how it starts and
stops its parts is in tools/stack/up.py."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from tools.cli.places import DatabaseUrl

if TYPE_CHECKING:
    from tools.stack.ready import Ready

PORT = click.IntRange(0, 65535)
HTTP_PORT = click.IntRange(0, 65533)  # three services: this one and the next two


@click.command("up", short_help="start everything")
@click.option("--data", type=click.Path(path_type=Path), envvar="STEPDOWN_DATA", default=".stepdown",
              show_default=True, help="Where databases, topics, secrets and the ready file are kept.")  # fmt: skip
@click.option("--ready-file", type=click.Path(path_type=Path), help="Write the ready file here too.")
@click.option("--kafka", envvar="STEPDOWN_KAFKA", metavar="BOOTSTRAP|apache",
              help="Bootstrap servers of a running broker; none is started then. `apache` starts Apache Kafka itself "
              "instead of the embedded broker; it needs Java 17, and Maven the first time.")  # fmt: skip
@click.option("--database-url", type=DatabaseUrl(), metavar="URL", envvar="STEPDOWN_DATABASE_URL",
              help="Administrator's URL of a running PostgreSQL (better as STEPDOWN_DATABASE_URL, "
              "which no process list shows); none is started then.")  # fmt: skip
@click.option(
    "--mllp-port",
    type=PORT,
    default=0,
    help="MLLP door; 0, the default: the port that it had with this --data, at first any free one.",
)
@click.option("--http-port", type=HTTP_PORT, default=0,
              help="Intake's API; placement's and aftercare's have the next two. 0, the default: the ports that they "
              "had.")  # fmt: skip
@click.option("--desk-port", type=PORT, default=0,
              help="Where people work: one host for the desks of all three. 0, the default: the port that it "
              "had.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the addresses as one JSON document when ready.")
def command(as_json: bool, **asked: Any) -> None:
    """Start what is not given, the topics and schemas, and the three services; run until SIGTERM or Ctrl-C.

    Restart with the same --data goes on where it stopped, on the same ports.
    """
    from tools.stack.up import Options, StartReporter, up

    with Progress(quiet=as_json) as progress:

        def ready(system: Ready, path: Path) -> None:
            progress.done()
            click.echo(addresses_of(system, path) if as_json else for_people(system, path))
            sys.stdout.flush()

        told = StartReporter(
            step=progress.step, ready=ready, event=lambda text: click.echo(f"stepdown: {text}", err=True)
        )
        asyncio.run(up(Options(**asked), told))


def addresses_of(system: Ready, path: Path) -> str:
    """The addresses as one JSON document, without the tokens, which are secrets and stand in the ready file."""
    addresses = {name: getattr(system, name) for name in ("kafka", "mllp", "intake", "placement", "aftercare", "desk")}
    return json.dumps(addresses | {"config": system.config, "ready_file": str(path)})


def for_people(system: Ready, path: Path) -> str:
    """The addresses, one on a line; for each desk the link that signs a coordinator in, where `up` issues tokens."""
    lines = (
        ("coordinators' desk", system.sign_in.get("placement", f"{system.desk}/placement/")),
        ("follow-up desk", system.sign_in.get("aftercare", f"{system.desk}/aftercare/")),
        ("intake's API", system.intake + "/api/openapi.json"),
        ("MLLP", system.mllp),
        ("Kafka", system.kafka),
        ("site config", ", version ".join(system.config.values()) or "not told"),
        ("tokens, addresses" if system.tokens else "addresses", str(path)),
    )
    listed = "\n".join(f"  {name:<21} {place}" for name, place in lines)
    return f"Stepdown is ready; Ctrl-C stops it.\n{listed}"


class Progress:
    """Shows each step of the start as a spinner on stderr where that is a terminal, and nothing elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._status: Any = None
        if not quiet and sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("starting")

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done()

    def step(self, text: str) -> None:
        """Show that a step begins."""
        if self._status:
            self._status.update(text + " …")
            self._status.start()

    def done(self) -> None:
        """Stop the spinner."""
        if self._status:
            self._status.stop()
