"""What benchmarks run on: a fresh broker and database (fsync on), topics, schemas, the services that they ask for."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa

from bench.cpu import spent
from services.intake import checks as intake
from services.placement import checks as placement
from shared.errors import SetUpError, StepdownError
from shared.messaging.outbox import unsent
from shared.site import config
from shared.storage.database import Database
from shared.storage.tables import positions
from tools.stack import apache_kafka, postgres, up
from tools.stack.folder import claim, ports
from tools.stack.supervise import Child, Supervision

PEERS = Path(__file__).parent / ".peers"
CHECKS = {"intake": intake.broken, "placement": placement.broken_at}
PROGRAM = (sys.executable, "-m", "tools.cli.main")
DATABASE = f"PostgreSQL {postgres.VERSION}, embedded, fsync on"
EMBEDDED = f"embedded broker (noida-db {version('noida-db')})"


@dataclass(frozen=True)
class Stage:
    """A system of which no service runs yet: `begin` starts one."""

    system: up.System
    data: Path
    kafka: str
    broker: str

    async def begin(self, *services: str) -> float:
        """Start these services as their own processes, ready afterwards; when they were (monotonic seconds)."""
        await self.system.begin(*services)
        return time.monotonic()

    async def begin_together(self, service: str, processes: int) -> tuple[str, ...]:
        """Start so many processes of a service at the same time; their names."""
        more, _ = await asyncio.gather(self.system.more(service, processes - 1), self.system.begin(service))
        return (service, *more)

    async def end(self, *services: str) -> None:
        """Stop these services in order."""
        await self.system.supervision.stop(services)

    def cpu(self, *services: str) -> float:
        """Seconds of CPU that the processes of these services took so far."""
        return spent(self.system.supervision.pid(name) for name in services)

    def url(self, service: str) -> str:
        """The database of a service, as its application role."""
        return (self.data / "secrets" / f"{service}.url").read_text(encoding="utf-8")

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[Database]:
        """The same, to look into."""
        made = Database(self.url(service), pool=2, application="stepdown-bench")
        try:
            yield made
        finally:
            await made.close()

    async def checked(self, *services: str) -> None:
        """What each service checks of its own database after a benchmark. Raises StepdownError: figures are void."""
        for service in services:
            async with self.database(service) as database:
                found = [one async for one in CHECKS[service](database, config.load(None), checked=_nobody)]
            if found:
                raise StepdownError(f"{service} is not as promised after this: {found[0].subject}, {found[0].text}")


def _nobody(promise: int, number: int) -> None:
    """Nobody counts."""


@asynccontextmanager
async def staged(broker: str, program: tuple[str, ...] = PROGRAM) -> AsyncIterator[Stage]:
    """A fresh system on `apache` or the `embedded` broker, in a folder that is gone afterwards."""
    place = Path(tempfile.mkdtemp(prefix="stepdown-bench-"))
    try:
        async with _broker(broker, place) as (kafka, told):
            options = up.Options(place / "system", kafka=kafka, program=program, services=())
            system = up.System(claim(options.data), options, up.StartReporter(_quiet, _nothing, _loud))
            try:
                await _patiently(system.start)
                yield Stage(system, options.data, system.environment["STEPDOWN_KAFKA"], told)
            finally:
                await system.stop()
                system.folder.release()
    finally:
        shutil.rmtree(place, ignore_errors=True)


@asynccontextmanager
async def _broker(broker: str, place: Path) -> AsyncIterator[tuple[str | None, str]]:
    """(bootstrap servers, or None for `up` to start the embedded one; what it is)."""
    if broker == "embedded":
        yield None, EMBEDDED
        return
    java = await asyncio.to_thread(apache_kafka.java)
    libs = await apache_kafka.fetched(PEERS / "apache-kafka")
    folder = claim(place / "broker")
    taken = apache_kafka.Ports(**ports({"broker": 0, "controller": 0}))
    kafka, supervision = apache_kafka.ApacheKafka(folder, libs, taken), Supervision(_loud)
    try:
        await supervision.start(Child(kafka.command(), kafka.is_ready, kafka.prepare))
        yield kafka.bootstrap, f"Apache Kafka {apache_kafka.VERSION} from its jars, {java}"
    finally:
        await supervision.stop_all()
        folder.release()


async def _patiently(start: Callable[[], Awaitable[None]], tries: int = 5) -> None:
    """A broker that has just begun may not know itself as the controller yet."""
    for left in reversed(range(tries)):
        try:
            return await start()
        except SetUpError:
            if not left:
                raise
            await asyncio.sleep(1)
    return None


async def until(done: Callable[[], Awaitable[bool]], what: str, seconds: float = 900) -> float:
    """When it was done (monotonic seconds), asked every 20 ms. StepdownError after so long."""
    end = time.monotonic() + seconds
    while not await done():
        if time.monotonic() > end:
            raise StepdownError(f"{what} was not done after {seconds:.0f} s")
        await asyncio.sleep(0.02)
    return time.monotonic()


async def at_rest(database: Database, topic: str, received: int) -> bool:
    """Whether each consumer of the topic received so many records and all that it had to send is on Kafka."""
    of_each = sa.select(sa.func.sum(positions.c.received)).where(positions.c.topic == topic)
    async with database.read() as connection:
        found = (await connection.execute(of_each.group_by(positions.c.consumer))).scalars().all()
        if not found or min(found) < received:
            return False
        return not await unsent(connection)


def _quiet(text: str) -> None:
    """Steps are nobody's business here."""


def _nothing(*_: object) -> None:
    """Nor is that it is ready."""


def _loud(text: str) -> None:
    sys.stderr.write(f"{text}\n")


__all__ = ["DATABASE", "EMBEDDED", "PEERS", "PROGRAM", "Stage", "at_rest", "staged", "until"]
