"""HAPI's validator of FHIR R4: fetched with Maven, run with the local Java."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from shared.errors import SetUpError
from tools.stack.apache_kafka import java

HERE = Path(__file__).parent / "validator"
FETCHING, VALIDATING = 900, 900
"""Seconds for Maven to bring the jars (some 130 MB), and for a run."""


class Finding(NamedTuple):
    """What the validator says of a resource: which one it was, how grave it is, where, and in its words."""

    number: int
    severity: str
    place: str
    words: str


def fetched(cache: Path) -> Path | str:
    """The folder with its jars, fetched into `cache` the first time; or why there is none."""
    pom = HERE / "pom.xml"
    libs = cache / hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    if libs.is_dir():
        return libs
    if shutil.which("mvn") is None or shutil.which("javac") is None:
        return "no HAPI validator: there is no Maven (mvn), or no Java development kit, here"
    draft = libs.with_suffix(".draft")
    words = ["mvn", "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={draft}"]
    try:
        java()
        subprocess.run(words, check=True, timeout=FETCHING, capture_output=True)
    except SetUpError as why:
        return f"no HAPI validator: {why}"
    except (OSError, subprocess.SubprocessError) as fault:
        return f"no HAPI validator: Maven did not bring its jars ({type(fault).__name__})"
    draft.rename(libs)
    return libs


def findings(libs: Path, every: Sequence[dict[str, Any]]) -> list[Finding]:
    """What the validator finds in these resources: errors and warnings."""
    command = ["java", "-Xmx1g", "-cp", f"{libs}/*", str(HERE / "Validate.java")]
    lines = b"\n".join(orjson.dumps(one) for one in every) + b"\n"
    told = subprocess.run(command, input=lines, capture_output=True, check=True, timeout=VALIDATING)
    rows = [line.split("\t", 3) for line in told.stdout.decode().splitlines()]
    found = [Finding(int(number), severity, place, words) for number, severity, place, words in rows]
    assert (found[-1].severity, found[-1].number) == ("done", len(every)), "it read them all"
    return found[:-1]
