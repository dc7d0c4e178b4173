"""The database stops under load, without a word, and comes back: what was acknowledged is there, the rest was told."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pytest
import sqlalchemy as sa

from services.intake.checks import broken
from services.intake.receiving.receive import Intake
from shared.storage.database import Database
from tests.databases import driver_url, migrate
from tests.intake.conftest import Hospital
from tests.intake.opened import opened
from tests.intake.sender import Sender
from tests.servers import running
from tests.waiting import until
from tools.stack.folder import claim, ports
from tools.stack.postgres import Postgres

SENDERS = 20


class Server:
    """A PostgreSQL that a test may stop and start; it keeps what it committed."""

    def __init__(self, place: Path) -> None:
        self.postgres = Postgres(claim(place), ports({"database": 0})["database"])
        with ThreadPoolExecutor(1) as aside:  # the test session has a loop of its own in this thread
            aside.submit(asyncio.run, self.postgres.prepare()).result()

    async def database(self) -> Database:
        """Its one database, with intake's tables; it goes with the server."""
        made = Database(driver_url(self.postgres.admin_url))
        await migrate(made, "intake")
        return made

    @contextmanager
    def up(self) -> Iterator[Popen[bytes]]:
        """It runs."""
        with running(self.postgres.command(), self.postgres.is_ready) as process:
            yield process


class Feed:
    """One hospital on one connection, one message in flight; what is refused it sends again."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital
        self.acknowledged: set[str] = set()
        self.answers: Counter[str] = Counter()
        self.stop = False

    async def run(self, address: tuple[str, int]) -> None:
        """Send until told to stop; every message ends acknowledged."""
        sender = await Sender.to(address)
        while not self.stop:
            await self._send_until_taken(sender, f"{self.hospital.mrn}-{len(self.acknowledged)}")
        await sender.close()

    async def _send_until_taken(self, sender: Sender, control: str) -> None:
        raw = self.hospital.message("A08" if self.acknowledged else "A01", control=control)
        while control not in self.acknowledged:
            answer = await sender.send(raw)
            code = answer.split(b"\rMSA|")[1][:2].decode()
            assert control.encode() in answer
            assert code == "AA" or (code == "AR" and b"|207^" in answer)
            self.answers[code] += 1
            if code == "AA":
                self.acknowledged.add(control)
            else:
                await asyncio.sleep(0.05)  # a sender that is refused does not hammer


@pytest.mark.parametrize("seconds", [1, pytest.param(10, marks=pytest.mark.slow)])
async def test_a_database_that_stops_under_load_loses_nothing_that_was_acknowledged(
    intake: Intake, tmp_path: Path, seconds: int
) -> None:
    server = Server(tmp_path)
    with server.up() as process:
        own = Intake(await server.database(), intake.site, intake.seal, intake.clock)
        feeds = [Feed(Hospital(own)) for _ in range(SENDERS)]
        async with opened(own) as (door, _), asyncio.TaskGroup() as tasks:
            for feed in feeds:
                tasks.create_task(feed.run(door.address))
            await until(lambda: all(len(feed.acknowledged) > 2 for feed in feeds))
            process.send_signal(signal.SIGQUIT)  # at once, with every transaction broken off
            await until(lambda: process.poll() is not None)
            away, end = sum(len(feed.acknowledged) for feed in feeds), time.monotonic() + seconds
            await until(lambda: time.monotonic() > end and all(feed.answers["AR"] for feed in feeds), seconds + 20)
            assert sum(len(feed.acknowledged) for feed in feeds) <= away + SENDERS  # those then on their way
            with server.up():
                before = [len(feed.acknowledged) for feed in feeds]
                await until(lambda: all(len(f.acknowledged) > n + 2 for f, n in zip(feeds, before, strict=True)), 40)
                for feed in feeds:
                    feed.stop = True
                await until(lambda: not door.connections)
                await _all_is_there(own, feeds)
                await own.database.close()


async def _all_is_there(intake: Intake, feeds: list[Feed]) -> None:
    async with intake.database.read() as connection:
        stored = Counter((await connection.execute(sa.text("SELECT control_id FROM messages"))).scalars())
    for feed in feeds:
        assert {control: stored[control] for control in feed.acknowledged} == dict.fromkeys(feed.acknowledged, 1)
        assert await feed.hospital.standing() == {("admitted", "2026-03-10")}
    assert [what async for what in broken(intake.database, intake.site) if what.subject != "outbox"] == []
