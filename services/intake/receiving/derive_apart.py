"""Derives long visits in a separate process: it is CPU work that would block the event loop and so every door.

The process is this module: it gets the site, then visits' messages a page at a time, and says what they mean together.
It has no database, no socket and no secret; it ends when its input does, so it never outlives the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple

from services.intake.hl7 import codec
from services.intake.hl7.mapping import FacilityMap
from services.intake.hl7.model import VisitMessage
from services.intake.visits.derive import Derived
from services.intake.visits.reconcile import VisitRecord, meant_by
from shared.errors import Transient
from shared.site.config import Site

_LENGTH = struct.Struct(">I")
PATIENCE = 50.0
"""Seconds that one answer may take; the database ends the waiting transaction after 60."""


class StoredMessage(NamedTuple):
    """A message as it is stored, and the note on what became of it; None for a new message."""

    visit_id: str
    message_id: str
    arrived_at: datetime
    said: bytes
    note: str | None = None
    reason: str | None = None
    superseded: bool = False


class Apart:
    """The separate process: started at the first question, and again if it died. It answers one question at a time."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def derive(
        self, visits: Mapping[str, VisitRecord], pages: AsyncIterable[Sequence[StoredMessage]]
    ) -> dict[str, Derived]:
        """Visit id → what its messages mean, those of `pages`; of the notes those that changed.

        Raises Transient where the process died or does not answer.
        """
        async with self._turn:
            process = await self._begun()
            try:
                async with asyncio.timeout(PATIENCE):
                    return await _asked(process, [_bare(visit) for visit in visits.values()], pages)
            except (OSError, EOFError, TimeoutError) as fault:
                self._end()
                raise Transient(f"long visits can't be derived now ({type(fault).__name__})") from None
            except BaseException:
                self._end()  # half a question was asked
                raise

    async def _begun(self) -> asyncio.subprocess.Process:
        """The process; started, and given the site config, if it does not run."""
        if self._process is None or self._process.returncode is not None:
            own = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.intake.receiving.derive_apart",
                stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=own,
            )  # fmt: skip
            _pipe(self._process.stdin).write(pickle.dumps(self._site))
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def stop(self) -> None:
        """End the process."""
        process = self._process
        self._end()
        if process is not None:
            await process.wait()


def _bare(visit: VisitRecord) -> VisitRecord:
    """The visit without what takes room: its messages come as they are stored, and facts are not compared there."""
    return replace(visit, messages=[], notes={}, standing={}, newest=None)


async def _asked(
    process: asyncio.subprocess.Process, visits: list[VisitRecord], pages: AsyncIterable[Sequence[StoredMessage]]
) -> dict[str, Derived]:
    """Send a question to the process and read its answer. Raises EOFError where the process has ended."""
    to, back = _pipe(process.stdin), process.stdout
    to.write(pickle.dumps(visits))
    async for page in pages:
        to.write(pickle.dumps([tuple(row) for row in page]))
        await to.drain()
    to.write(pickle.dumps([]))
    if back is None:
        raise EOFError
    (length,) = _LENGTH.unpack(await back.readexactly(_LENGTH.size))
    found = pickle.loads(await back.readexactly(length))  # noqa: S301 - it is our own process
    if isinstance(found, dict):
        return found
    raise RuntimeError(f"a long visit can't be derived ({found})")


def _pipe(given: asyncio.StreamWriter | None) -> asyncio.StreamWriter:
    if given is None:
        raise EOFError
    return given


# ── in that process ───────────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    """Answer questions until the input ends."""
    with contextlib.suppress(OSError):
        os.nice(10)  # the doors go first
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        places = FacilityMap(pickle.load(asked))  # noqa: S301 - it is our own parent
        while True:
            found = pickle.dumps(_answer(asked, places))
            answers.write(_LENGTH.pack(len(found)) + found)
            answers.flush()


def _answer(asked: BinaryIO, places: FacilityMap) -> Any:
    """Read a question, and return what its visits mean; in case of an error the name of its class."""
    visits = {visit.visit_id: visit for visit in pickle.load(asked)}  # noqa: S301
    notes: dict[str, tuple[str | None, str | None]] = {}
    gone: set[str] = set()
    pages = iter(lambda: pickle.load(asked), [])  # noqa: S301
    rows = [StoredMessage(*row) for page in pages for row in page]
    try:
        for visit_id, message_id, arrived_at, said, note, reason, superseded in rows:
            visits[visit_id].messages.append(VisitMessage(codec.decode(said), message_id, arrived_at))
            notes[message_id] = (note, reason)
            gone |= {message_id} if superseded else set()
        return {visit_id: _changed(meant_by(visit, places), notes, gone) for visit_id, visit in visits.items()}
    except Exception as fault:  # noqa: BLE001 - its text may have a value in it
        return type(fault).__name__


def _changed(found: Derived, notes: Mapping[str, tuple[str | None, str | None]], gone: set[str]) -> Derived:
    """What a visit means, of the notes those alone that differ from the stored ones. `gone`: superseded messages."""
    was = frozenset(gone & {note.message_id for note in found.notes})
    changed = tuple(note for note in found.notes if notes.get(note.message_id) != note[1:])
    return found._replace(notes=changed, was_superseded=was)


if __name__ == "__main__":
    main()
