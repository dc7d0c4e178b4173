"""A whole running system for tests: `stepdown up` as a child process, its doors, its databases, its topics."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from aiokafka import ConsumerRecord

from services.aftercare import checks as aftercare
from services.intake import checks as intake
from services.placement import checks as placement
from services.placement.rules import rules_of
from shared.clock import system_clock
from shared.facts.envelope import Fact, from_record
from shared.site import config
from shared.storage.database import Database
from tests import rest
from tests.databases import everything
from tests.intake.sender import Sender
from tools.stack import SERVICES

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class System:
    """One running `up` on one data directory."""

    data: Path
    process: subprocess.Popen[str]

    @property
    def ready(self) -> dict[str, Any]:
        """The ready file."""
        found: dict[str, Any] = json.loads((self.data / "ready.json").read_text())
        return found

    @property
    def said(self) -> Path:
        """What `up` said on stderr: which service ended and was started again."""
        return self.data.with_name(f"{self.data.name}.up.log")

    @property
    def kafka(self) -> str:
        return str(self.ready["kafka"])

    def pids(self, what: str) -> list[int]:
        """Child processes of this `up` whose command line holds `what`."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if what in _command_line(int(pid))]

    def service_pid(self, name: str) -> int | None:
        """The process of a service as it is now; None between its end and its new start."""
        return next(iter(self.pids(f" run {name}")), None)

    def kill(self, what: str) -> int:
        """SIGKILL for one child, found by its command line; its process id, 0 where it is not there just now."""
        pid = next(iter(self.pids(what)), 0)
        if pid:
            os.kill(pid, signal.SIGKILL)
        return pid

    async def sender(self) -> Sender:
        """A hospital's connection to the MLLP door; waits for the door where it is just starting."""
        host, port = self.ready["mllp"].split(":")
        end = time.monotonic() + 60  # the last of several ends in a row is waited after, and a start takes a while
        while True:
            try:
                return await Sender.to((host, int(port)))
            except OSError:
                assert time.monotonic() < end, "the MLLP door did not open"
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[Database]:
        """A service's database, as its application role."""
        made = Database((self.data / "secrets" / f"{service}.url").read_text())
        try:
            yield made
        finally:
            await made.close()

    def environment(self, service: str) -> dict[str, str]:
        """What `up` gave this service's process, without the pipe to its parent."""
        raw = Path(f"/proc/{self.service_pid(service)}/environ").read_bytes().decode().split("\0")
        found = dict(line.split("=", 1) for line in raw if "=" in line)
        return {name: text for name, text in found.items() if name != "STEPDOWN_PARENT_PIPE"}

    def get(self, service: str, path: str, role: str = "coordinator") -> Any:
        """GET as a user of that role: the JSON answer."""
        ready = self.ready
        request = urllib.request.Request(
            ready[service] + path, headers={"authorization": f"Bearer {ready['tokens'][role]}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return orjson.loads(answer.read())

    def logs(self) -> str:
        """What the services logged."""
        return "".join((self.data / "logs" / f"{name}.log").read_text(errors="replace") for name in SERVICES)

    async def records(self, topic: str) -> list[ConsumerRecord]:
        """All committed records of a topic."""
        return await everything(self.kafka, topic)

    async def facts(self, topic: str = "care.events") -> list[Fact]:
        """All committed records of a topic as facts."""
        return [from_record(record.value, record.headers) for record in await self.records(topic)]

    async def idle(self, seconds: float = 60) -> None:
        """Wait until nothing is under way: outboxes empty, and every consumer has received all of its topic."""
        end = time.monotonic() + seconds
        while left := await rest.under_way(self):
            if time.monotonic() > end:
                raise AssertionError(f"not at rest after {seconds} s: {'; '.join(left)}\n{await rest.told(self)}")
            await asyncio.sleep(0.1)

    async def broken(self) -> list[str]:
        """What is not as promised (contract 5), by each service's own check."""
        site = config.load(None)
        async with (
            self.database("intake") as one,
            self.database("placement") as two,
            self.database("aftercare") as three,
        ):
            found = [f"intake: {text}" async for text in intake.broken(one, site)]
            found += [f"placement: {text}" async for text in placement.broken(two, rules_of(site))]
            async with three.read() as connection:
                found += [f"aftercare: {each}" for each in await aftercare.broken(connection, site, system_clock)]
        return found


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


@contextmanager
def a_system(data: Path, kafka: str | None = None, descriptors: int | None = None) -> Iterator[System]:
    """`stepdown up` on an empty directory, with everything embedded that is not given; at the end it must end well.

    `descriptors`: each of its processes may have so many and no more.
    """
    given = ["--kafka", kafka] if kafka else []
    limited = ["sh", "-c", 'ulimit -n "$0"; exec "$@"', str(descriptors)] if descriptors else []
    with (
        data.with_name(f"{data.name}.up.log").open("w") as said,
        subprocess.Popen(
            [*limited, sys.executable, "-m", "tools.cli.main", "up", "--data", str(data), "--json", *given],
            stdout=subprocess.PIPE, stderr=said, text=True, cwd=ROOT,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline(), f"`up` did not get ready: {Path(said.name).read_text()[-500:]}"
        try:
            yield System(data, process)
        finally:
            process.terminate()
            code = process.wait(60)
        assert code == 0, f"`up` ended with exit {code}"
