"""What the benchmarks ran on: processors, memory, load, versions; nothing is measured here."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("stepdown", "aiokafka", "faststream", "asyncpg", "SQLAlchemy", "orjson", "uvloop")


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, and the load of the minute before: a busy machine shows."""
    return {
        "processor": _processor(),
        "cores": f"{len(os.sched_getaffinity(0))} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "load": f"load before {os.getloadavg()[0]:.1f}",
    }


def versions() -> dict[str, str]:
    """Of Python, Java and the packages on the path."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    if java := _java():
        found["Java"] = java
    return found


def _processor() -> str:
    told = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    return told[0].strip() if told else platform.machine()


def _java() -> str | None:
    if shutil.which("java") is None:
        return None
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.findall(r'"([\d._]+)', said)
    return found[0] if found else None
