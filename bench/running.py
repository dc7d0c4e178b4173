"""What the command line asks of this package: run one benchmark now, keep what it found, show it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from bench import asked, page
from bench.report import RESULTS, Report, lines


def run_now(name: str, **how: Any) -> Report:
    """Run one benchmark to its end; not on uvloop, which starts no child under another account."""
    return asyncio.run(asked.run(name, **how))


def keep(report: Report, folder: Path | None) -> None:
    """Save it; what is the project's own record goes into the documents too."""
    if folder is not None:
        report.save(folder)
    if folder == RESULTS:
        page.write()


__all__ = ["RESULTS", "keep", "lines", "run_now"]
