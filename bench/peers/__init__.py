"""What other people's software does with the same work: set up by its own script, run as a process, read as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from subprocess import run
from typing import Any, NamedTuple

from bench.stage import PEERS
from shared.errors import SetUpError

HERE = Path(__file__).parent
PYTHON = (str(PEERS / "python" / "bin" / "python"),)


class Peer(NamedTuple):
    """A peer by its name; `kind` is its folder here with its `set-up`, None for what is in our own environment.

    A ceiling is named as one: it does a part of the work only, and shows what the machine could do at most.
    """

    name: str
    kind: str | None
    command: tuple[str, ...]


def _java(kind: str, main: str) -> tuple[str, ...]:
    return ("java", "-Xmx512m", "-cp", f"{PEERS / kind}:{PEERS / kind}/libs/*", main)


COPY = Peer("bare copy (ceiling)", None, (sys.executable, "-m", "bench.peers.bare_copy"))
STREAMS_LIGHT = Peer("light Kafka Streams (ceiling)", "streams", _java("streams", "Episodes"))
QUIX = Peer("Quix Streams (ceiling)", "python", (*PYTHON, str(HERE / "python" / "quix.py")))
PARSERS = Peer("parsers", "python", (*PYTHON, str(HERE / "python" / "parse.py")))
HAPI_ONLY = Peer("HAPI storing nothing (ceiling)", "hapi", _java("hapi", "Acknowledge"))
HL7_MLLP = Peer("hl7.mllp storing nothing (ceiling)", "python", (*PYTHON, str(HERE / "python" / "acknowledge.py")))
STREAMS = Peer("Kafka Streams", "streams", _java("streams", "EveryFact"))
HAPI = Peer("HAPI that stores", "hapi", _java("hapi", "StoreFirst"))
TEXTBOOK = Peer("textbook service", None, (sys.executable, "-m", "bench.peers.textbook.service"))


@lru_cache
def missing(kind: str | None) -> str | None:
    """Why these peers can't be had here, in one line; None where they are set up. Its script runs once a process."""
    if kind is None:
        return None
    done = run([str(HERE / kind / "set-up")], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else (done.stdout.strip() or "its set-up failed").splitlines()[-1]


async def told_by(peer: Peer, *arguments: str, seconds: float = 300) -> dict[str, Any]:
    """Run it to its end: the JSON of its last line. SetUpError says why there is none."""
    if why := await asyncio.to_thread(missing, peer.kind):
        raise SetUpError(f"{peer.name}: {why}")
    process = await asyncio.create_subprocess_exec(
        *peer.command, *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=HERE.parents[1],
    )  # fmt: skip
    try:
        said, wrong = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise SetUpError(f"{peer.name}: it was not done after {seconds:.0f} s") from None
    if process.returncode or not said.strip():
        raise SetUpError(f"{peer.name}: it ended with {process.returncode} ({_last_line(wrong)})")
    found: dict[str, Any] = json.loads(said.decode().splitlines()[-1])
    return found


def _last_line(said: bytes) -> str:
    return next((line for line in reversed(said.decode("utf-8", "replace").splitlines()) if line.strip()), "no word")


class Beside:
    """What peers came to, run by run; one that fails is left out, and its reason is a note of the row."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.rates: dict[str, list[float]] = {}
        self.notes: dict[str, None] = {}

    async def ask(self, peer: Peer, *arguments: str) -> None:
        """Its records a second, one run more."""
        try:
            told = await told_by(peer, *arguments)
        except SetUpError as why:
            self.notes[str(why)] = None
        else:
            self.rates.setdefault(peer.name, []).append(told["count"] / told["seconds"])
            self.say(f"{peer.name}: {self.rates[peer.name][-1]:.0f}/s")
