"""The progress of `stepdown demo` on stderr: a bar with its rate on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

from tools.simulator.show import Steps


class DemoProgress:
    """Shows progress on stderr: a bar on a terminal, plain lines elsewhere, nothing when `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.bar: Bar | None = None
        if not quiet and sys.stderr.isatty():
            shown = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(),
                     TextColumn("{task.fields[rate]}"))  # fmt: skip
            self.bar = Bar(*shown, console=Console(stderr=True), transient=True)

    def __enter__(self) -> Self:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done()

    def step(self, text: str) -> None:
        """Show that the next part of the demo begins."""
        if self.bar:
            for task in self.bar.task_ids:
                self.bar.remove_task(task)
            self.bar.add_task(text, total=None, rate="")
        elif not self.quiet:
            click.echo(f"{text} …", err=True)

    def playing(self) -> Steps:
        """Show that playing begins; returns the functions by which it reports its steps."""
        self.step("playing half a year: hospitals, coordinators, programs, aftercare")
        return Steps(total=self._total, tick=self._tick, step=self.step)

    def done(self) -> None:
        """Stop the bar."""
        if self.bar:
            self.bar.stop()

    def _total(self, number: int) -> None:
        if self.bar:
            self.bar.update(self.bar.task_ids[-1], total=number)

    def _tick(self) -> None:
        if self.bar:
            task: TaskID = self.bar.task_ids[-1]
            self.bar.advance(task)
            speed = self.bar.tasks[-1].speed
            self.bar.update(task, rate=f"{speed:,.0f} steps/s" if speed else "")
