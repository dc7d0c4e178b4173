"""Programs in Go that know the formats of others: the machine's, or built once with the local Go. Judges nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from shared.errors import SetUpError

HELM = "helm.sh/helm/v3/cmd/helm@v3.19.0"
OURS = ("kinds", "compose_file")
"""Folders beside this file with a program each."""


def found(name: str, cache: Path) -> str:
    """`helm` or one of OURS, in `cache` where it had to be built. Raises SetUpError where it can't be had."""
    if name not in OURS:
        return shutil.which(name) or _built(cache / name, ["install", HELM], cache)
    return _built(cache / name, ["build", "-o", str(cache.absolute() / name), "."], Path(__file__).parent / name)


def _built(program: Path, arguments: list[str], folder: Path) -> str:
    """A program, built by Go in `folder` within 500 s where it is not there."""
    if not program.exists():
        if not (go := shutil.which("go")):
            raise SetUpError(f"there is no {program.name} here, and no Go to build it with")
        given = {**os.environ, "GOBIN": str(program.parent.absolute())}
        try:
            subprocess.run([go, *arguments], check=True, capture_output=True, timeout=500, cwd=folder, env=given)
        except (OSError, subprocess.SubprocessError) as fault:
            raise SetUpError(f"{program.name} could not be built ({type(fault).__name__})") from None
    return str(program.absolute())
