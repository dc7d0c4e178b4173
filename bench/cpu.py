"""Seconds of CPU that processes of this machine took, from /proc (Linux): a busy neighbour does not change them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")  # a second has so many
PROC = Path("/proc")


def spent(processes: Iterable[int]) -> float:
    """Seconds that these processes and those that they started took so far, in user and in system mode together."""
    return sum(_of(process) + spent(_children(process)) for process in processes)


def _of(process: int) -> float:
    """utime and stime, fields 14 and 15 of /proc/<pid>/stat (proc_pid_stat(5)), counted from behind the name."""
    told = (PROC / str(process) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / TICK


def _children(process: int) -> list[int]:
    found = (PROC / str(process) / "task").glob("*/children")
    return [int(child) for path in found for child in path.read_text(encoding="utf-8").split()]
