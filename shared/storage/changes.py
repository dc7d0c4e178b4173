"""What kind of thing changed in a service's database, heard from it at each commit (LISTEN); triggers of its tables say
it (storage/first_changes.py).

One connection of a process listens, and only while somebody wants to hear. Changes of a time in which it did not listen
are lost: it says that there was a gap, and whoever hears has to look anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import asyncpg
import msgspec
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from shared.storage.database import Database, driver_of

log = logging.getLogger(__name__)
CHANNEL = "stepdown_changed"
TOO_MANY = "all"
"""What a notification says where the kinds of its changes alone do not fit into its 8,000 bytes."""


class Change(NamedTuple):
    """Rows of one kind that a transaction wrote or took away, in a state that they had before it or have after it.

    `facilities`: a reader has to see all of them, or `asked_by`; empty: the table does not say (a seat: `program`'s
    facility). `patients`: whose rows; None: too many to name them.
    """

    kind: str
    state: str
    facilities: tuple[str, ...]
    asked_by: str | None
    program: str | None
    patients: tuple[str, ...] | None


_CHANGES = msgspec.json.Decoder(tuple[Change, ...])


def changes_of(payload: str) -> tuple[Change, ...] | None:
    """The changes of a notification; None where it names none of them (TOO_MANY, or what this release cannot read)."""
    if payload == TOO_MANY:
        return None
    try:
        return _CHANGES.decode(payload)
    except msgspec.DecodeError:
        return None


@dataclass(frozen=True, slots=True)
class ListeningTimes:
    """Seconds: to connect or to be answered, at most (`answer`); between two looks whether the connection lives
    (`look`); before it is opened again (`pause`); that it is kept when nobody wants to hear any more (`linger`)."""

    answer: float = 10.0
    look: float = 20.0
    pause: float = 1.0
    linger: float = 60.0


@dataclass(slots=True)
class Listener:
    """Listens on one connection of its own. `heard` is called with the changes of each commit, `gap` when changes may
    have been lost: the connection is new, or a notification could not name them."""

    database: Database
    heard: Callable[[Sequence[Change]], None]
    gap: Callable[[], None]
    times: ListeningTimes = field(default_factory=ListeningTimes)
    listening: bool = False
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _unwanted_since: float | None = None
    _task: asyncio.Task[None] | None = None

    def want(self, wanted: bool) -> None:
        """Whether somebody wants to hear from now on; the first time a task begins that opens the connection."""
        if wanted:
            self._wanted.set()
            self._unwanted_since = None
            self._task = self._task or asyncio.create_task(self._run(), name="listener")
        else:
            self._wanted.clear()
            self._unwanted_since = asyncio.get_running_loop().time()

    async def stop(self) -> None:
        """Close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            try:
                await self._listen()
            except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as fault:
                log.warning("nothing is heard of changes now", extra={"why": type(fault).__name__})
            except Exception:
                log.exception("listening for changes failed")
            finally:
                self.listening = False
            await asyncio.sleep(self.times.pause)

    async def _listen(self) -> None:
        """Hear until the connection is lost, or nobody has wanted to for a while."""
        lost = asyncio.Event()
        engine = self._engine()
        try:
            async with asyncio.timeout(self.times.answer):
                connection = await engine.connect()
            try:
                driver = driver_of(connection)
                driver.add_termination_listener(lambda _: lost.set())
                await driver.add_listener(CHANNEL, self._notified)
                self.listening = True
                self.gap()
                while not lost.is_set() and not self._is_over():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self.times.look):
                            await lost.wait()
                    if not lost.is_set():
                        await driver.fetchval("SELECT 1", timeout=self.times.answer)
            finally:
                async with asyncio.timeout(self.times.answer):
                    await connection.invalidate()
                await connection.close()
        finally:
            await engine.dispose()

    def _engine(self) -> AsyncEngine:
        """Makes one connection, beside the pool of the service's work."""
        given = {"application_name": "stepdown-listens"}
        return create_async_engine(
            self.database.engine.url,
            poolclass=NullPool,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            connect_args={"timeout": self.times.answer, "server_settings": given},
        )

    def _is_over(self) -> bool:
        since, now = self._unwanted_since, asyncio.get_running_loop().time()
        return since is not None and now - since >= self.times.linger

    def _notified(self, _: Any, __: int, ___: str, payload: str) -> None:
        found = changes_of(payload)
        if found is None:
            self.gap()
        else:
            self.heard(found)
