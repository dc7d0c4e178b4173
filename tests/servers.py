"""The real broker and database that tests run against: given ones, containers, or the embedded ones on free ports."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import containers
from tools.stack.broker import Broker
from tools.stack.children import Command, die_with
from tools.stack.folder import claim, ports
from tools.stack.postgres import Postgres


@dataclass(frozen=True)
class DatabaseServer:
    """A PostgreSQL server and its administrator's URL, `postgresql://…/postgres`."""

    url: str = field(repr=False)


MEMORY, ROOM, A_DAY = Path("/dev/shm"), 4 << 30, 86_400
"""A file system in memory, the bytes that must be free in it, the seconds after which what a killed run left goes."""


@contextmanager
def quick_folder(kept: Path) -> Iterator[Path]:
    """A folder for the data of servers: in memory where there is room, gone afterwards but for its logs, which go to
    `kept`; else `kept` itself.

    A database is hundreds of files: to make and drop them on a disk takes longer than most tests.
    """
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        yield kept
        return
    for left in MEMORY.glob("stepdown-test-*"):
        if time.time() - left.stat().st_mtime > A_DAY:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="stepdown-test-", dir=MEMORY, ignore_cleanup_errors=True) as made:
        try:
            yield Path(made)
        finally:
            for log in Path(made).rglob("*.log"):
                shutil.copy(log, kept / log.name)


@contextmanager
def a_database_server(place: Path) -> Iterator[DatabaseServer]:
    """STEPDOWN_DATABASE_URL, else a container where that is wanted, else the embedded one below `place`."""
    if given := os.environ.get("STEPDOWN_DATABASE_URL"):
        yield DatabaseServer(given)
    elif wants_containers():
        with containers.postgres() as url:
            yield DatabaseServer(url)
    else:
        server = Postgres(claim(place), ports({"database": 0})["database"], durable=False)
        with ThreadPoolExecutor(1) as aside:  # the test session has a loop of its own in this thread
            aside.submit(asyncio.run, server.prepare()).result()
        with running(server.command(), server.is_ready):
            yield DatabaseServer(server.admin_url)


@contextmanager
def a_broker(place: Path) -> Iterator[str]:
    """The bootstrap servers: STEPDOWN_KAFKA, else a container where that is wanted, else the embedded broker."""
    if given := os.environ.get("STEPDOWN_KAFKA"):
        yield given
    elif wants_containers():
        with containers.apache_kafka() as bootstrap:
            yield bootstrap
    else:
        broker = Broker(claim(place), ports({"broker": 0})["broker"])
        with running(broker.command(), broker.is_ready):
            yield broker.bootstrap


@contextmanager
def running(command: Command, is_ready: Callable[[], bool], seconds: float = 30) -> Iterator[subprocess.Popen[bytes]]:
    """A child process of the test run, ready to be used; asked to end afterwards, and killed with the test run."""
    account = command.account
    with command.log.open("ab") as log:
        process = subprocess.Popen(
            command.arguments,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=command.folder, env=command.environment,
            user=account.user if account else None, group=account.group if account else None,
            extra_groups=[] if account else None, start_new_session=True,
            preexec_fn=die_with(os.getpid(), command.orphaned),  # noqa: PLW1509  # prctl only
        )  # fmt: skip
    try:
        deadline = time.monotonic() + seconds
        while not is_ready():
            assert process.poll() is None, f"{command.name} ended: {command.log.read_text(errors='replace')[-500:]}"
            assert time.monotonic() < deadline, f"{command.name} was not ready in time"
            time.sleep(0.02)
        yield process
    finally:
        process.send_signal(command.stop)
        process.wait(30)


def wants_containers() -> bool:
    """STEPDOWN_TEST_CONTAINERS=1, and a Docker engine answers."""
    return os.environ.get("STEPDOWN_TEST_CONTAINERS") == "1" and containers.engine_answers()
