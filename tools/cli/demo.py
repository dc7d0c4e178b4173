"""`stepdown demo`: starts a system, plays simulated patients on it, prints the figures and verifies the invariants."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from tools.cli.options import JSON

if TYPE_CHECKING:
    from tools.simulator.show import Shown


@click.command("demo", short_help="simulated patients through the real doors")
@click.option("--patients", "number", type=click.IntRange(1, 9999), default=200, show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(0, 999), default=7, show_default=True, help="Whose lives are played.")
@click.option("--data", type=click.Path(path_type=Path), help="Keep everything here; default: nothing is kept.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw the page into this file (SVG).")
@click.option("--serve", is_flag=True, help="Play this morning too, and keep running until Ctrl-C.")
@JSON
@click.pass_context
def command(
    context: click.Context,
    *,
    number: int,
    seed: int,
    data: Path | None,
    picture: Path | None,
    serve: bool,
    as_json: bool,
) -> None:
    """Start everything, play half a year of synthetic patients on it, show what came of them, and verify.

    Simulated hospitals send ADT over MLLP and Kafka; simulated coordinators, programs and aftercare act over HTTP. Exit
    0 only when verify holds.
    """
    with _folder(data) as folder:
        try:
            context.exit(asyncio.run(_demo(folder, Asked(number, seed, picture, serve, as_json))))
        except asyncio.CancelledError:
            raise click.Abort from None


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="stepdown-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made)


class Asked(NamedTuple):
    """The options of the command."""

    number: int
    seed: int
    picture: Path | None
    serve: bool
    as_json: bool


async def _demo(data: Path, asked: Asked) -> int:
    from shared.clock import system_clock
    from shared.settings import load
    from shared.site import config
    from tools.cli import demo_page
    from tools.cli.demo_progress import DemoProgress
    from tools.simulator.show import Plan, play_and_verify
    from tools.stack import access, up

    _ends_at_a_signal()
    plan = Plan(asked.number, asked.seed, system_clock(), config.load(load().config), morning=asked.serve)
    steps = DemoProgress(quiet=asked.as_json)
    with steps:
        steps.step("starting broker, database and three services")
        reporter = up.StartReporter(
            step=steps.step, ready=lambda *_: None, event=lambda text: click.echo(text, err=True)
        )
        async with up.running(up.Options(data), reporter):
            system = access.reach(data)
            shown = await play_and_verify(plan, system, steps.playing())
            steps.done()
            _print(shown, asked.as_json, data if asked.serve else None)
            if asked.picture:
                asked.picture.write_text(demo_page.picture(shown), encoding="utf-8")
            if asked.serve:
                await _until_a_signal()
    return 0 if shown.report.ok else 1


def _print(shown: Shown, as_json: bool, served: Path | None) -> None:
    """Print the page or the JSON document; with the system's addresses where it goes on running (`served`: its data
    directory)."""
    from tools.cli import demo_page, up
    from tools.stack import ready

    system = (ready.find(served), served / ready.NAME) if served else None
    if as_json:
        addresses = {"system": json.loads(up.addresses_of(*system))} if system else {}
        click.echo(json.dumps(demo_page.as_json(shown) | addresses))
    else:
        demo_page.for_people(shown)
        click.echo(f"\n{up.for_people(*system)}" if system else "")
    sys.stdout.flush()


async def _until_a_signal() -> None:
    """Wait until a signal cancels this task, which is no failure here."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


def _ends_at_a_signal() -> None:
    """Cancel the current task at SIGTERM and SIGINT."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, task.cancel)
