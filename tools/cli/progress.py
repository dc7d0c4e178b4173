"""A progress bar on a terminal, nothing elsewhere; on stderr, so that stdout is what a command tells."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FEW = 20
"""Fewer steps than this need no bar."""


@contextmanager
def bar(text: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A function that is called with how many steps were done; `total` None: nobody knows how many there are."""
    if not sys.stderr.isatty() or (total is not None and total < FEW):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    shown = (TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(text, total=total)
        yield lambda steps: progress.advance(task, steps)
