"""Apache Kafka's own jars: fetched once with Maven into a cache, and the local Java that runs them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import uuid
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Callable
from pathlib import Path

from shared.errors import SetUpError

POM = Path(__file__).parent / "pom.xml"
VERSION: str = re.findall(r"kafka_2\.13</artifactId><version>([\d.]+)", POM.read_text(encoding="utf-8"))[0]
JAVA = 17  # what the brokers of Kafka 4 need
PATIENCE = 600
"""Seconds for Maven to fetch the jars, some 45 MB."""
A_JAR = re.compile(rb"^\[INFO\] (?:Copying|Downloaded).*\.jar", re.MULTILINE)


def java() -> str:
    """The local Java's version in words. Raises SetUpError where there is none, or it is older than Kafka needs."""
    try:
        said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        raise SetUpError(f"there is no Java {JAVA} here") from None
    version = re.findall(r'"([\d._]+)', said)
    if not version or int(version[0].split(".")[0]) < JAVA:
        raise SetUpError(f"the Java here is older than {JAVA}")
    return f"Java {version[0]}"


def user_cache() -> Path:
    """Where a person's jars are kept: `stepdown/apache-kafka` in XDG_CACHE_HOME, else in ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stepdown" / "apache-kafka"


async def fetched(cache: Path, say: Callable[[str], None] = lambda _: None, pom: Path = POM) -> Path:
    """The folder in `cache` with the jars of a pom.xml, fetched where it is missing; `say` gets a few words for each.
    Raises SetUpError where there is no Maven, or it does not bring them within PATIENCE."""
    libs = kept_in(cache, pom)
    if is_there(libs):
        return libs
    if shutil.which("mvn") is None:
        raise SetUpError("there is no Maven (mvn) here")
    draft = libs.with_name(f"{libs.name}.{uuid.uuid4().hex[:8]}")
    try:
        await asyncio.wait_for(_run_maven(pom, draft, say), PATIENCE)
        with contextlib.suppress(OSError):  # somebody else was quicker
            draft.rename(libs)
    except (OSError, TimeoutError) as fault:
        raise SetUpError(f"Maven did not bring the jars of Apache Kafka ({type(fault).__name__})") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return libs


def kept_in(cache: Path, pom: Path = POM) -> Path:
    """The folder in `cache` for the jars of a pom.xml."""
    return cache / f"{VERSION}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:8]}"


def is_there(libs: Path) -> bool:
    """True where the jars were fetched before: the folder gets its name when all are in it."""
    return libs.is_dir()


async def _run_maven(pom: Path, draft: Path, say: Callable[[str], None]) -> None:
    """Let Maven copy the jars into `draft`, and end it where the caller is cancelled. Raises SetUpError where it
    fails."""
    words = ["mvn", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={draft}"]
    process = await asyncio.create_subprocess_exec(*words, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    assert process.stdout is not None  # noqa: S101
    number = 0
    try:
        while line := await process.stdout.readline():
            if A_JAR.match(line):
                number += 1
                say(f"fetching Apache Kafka {VERSION}, {number} files")
        if await process.wait():
            raise SetUpError(f"Maven did not bring the jars of Apache Kafka (exit {process.returncode})")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
