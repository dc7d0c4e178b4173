"""How many functions of ours one discharge calls, counted, beside what it called before (bench/calls.json).

A wall clock is no judge on a busy machine; this figure is the same on every machine and in every run. Not counted: the
standard library and packages, and comprehensions, which Python 3.12 no longer calls.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import services
import shared

KEPT = Path(__file__).resolve().parents[1] / "bench" / "calls.json"
OURS = (*services.__path__, *shared.__path__)
INLINED = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
MORE, LESS = 0.10, 0.15
"""By so much of the kept figure it may be more, or less."""


class Calls:
    """So many so far."""

    number = 0

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(OURS) and code.co_name not in INLINED:
            self.number += 1


@contextmanager
def counted() -> Iterator[Calls]:
    """Counts what the body calls."""
    calls, before = Calls(), sys.getprofile()
    sys.setprofile(calls)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def verdict(service: str, found: int, kept: int | None = None) -> str | None:
    """What is wrong with the figure of a service, in a sentence; None where nothing is."""
    before = json.loads(KEPT.read_text(encoding="utf-8"))[service] if kept is None else kept
    if found > before * (1 + MORE):
        return f"{service}: one discharge calls {found} functions, {before} before: mend it, or say why in {KEPT.name}"
    if found < before * (1 - LESS):
        return f"{service}: one discharge calls {found} functions only, {before} before: write it in {KEPT.name}"
    return None
