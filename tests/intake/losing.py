"""An installation of one service, whose database is copied and put back, and whose topics are lost."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib import import_module

import httpx
import sqlalchemy as sa
from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy.ext.asyncio import create_async_engine

from services.intake.app import Doors
from services.intake.receiving.mllp import MllpDoor
from shared.events import topics_of
from shared.facts.envelope import Record
from shared.messaging import outbox
from shared.recovery.comparing import held_by, in_line, only_writer
from shared.recovery.losses import Loss
from shared.run import ServiceProcess
from shared.settings import Settings
from shared.storage.database import Database
from tests.databases import a_database, driver_url, migrate
from tests.intake.conftest import Hospital
from tests.intake.sender import Sender
from tests.intake.test_app import settings
from tests.servers import DatabaseServer
from tests.waiting import until
from tools.stack import topics


@dataclass(frozen=True)
class Installation:
    """A broker with all topics, and a service's database, of which copies can be made and put back."""

    service: str
    settings: Settings
    admin_url: str
    name: str
    copy: str

    async def keep_a_copy(self) -> None:
        """Copy the database as it is now; nobody may be connected."""
        await self._copied(self.name, self.copy)

    async def put_the_copy_back(self) -> None:
        """Let the database be what it was; whoever is connected is thrown out."""
        await self._copied(self.copy, self.name)

    async def _copied(self, old: str, new: str) -> None:
        admin = create_async_engine(driver_url(self.admin_url), isolation_level="AUTOCOMMIT")
        async with admin.connect() as connection:
            await connection.execute(sa.text(f'DROP DATABASE IF EXISTS "{new}" WITH (FORCE)'))
            await connection.execute(sa.text(f'CREATE DATABASE "{new}" TEMPLATE "{old}"'))
        await admin.dispose()

    def on(self, kafka: str) -> Installation:
        """The same database with another broker."""
        return replace(self, settings=self.settings.model_copy(update={"kafka": kafka}))

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        made = Database(driver_url(self.admin_url, self.name))
        try:
            yield made
        finally:
            await made.close()

    async def made_anew(self, topic: str) -> None:
        """Delete a topic, and make it again as `stepdown topics apply` does."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka)
        await admin.start()
        await admin.delete_topics([topic])
        await admin.close()
        await topics.apply(self.settings)

    async def brought_in_line(self) -> None:
        """What `stepdown heal` does at its end; here nothing is told again before it."""
        connect, watched = self.settings.kafka_client(), topics_of(self.service)
        async with self.database() as database, only_writer(database, self.service, connect) as producer:
            await in_line(database, self.service, connect, producer, watched)

    async def losses(self) -> list[Loss]:
        """What `stepdown doctor` finds."""
        async with self.database() as database:
            return await held_by(database, self.service, self.settings.kafka_client(), topics_of(self.service))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Running]:
        """The service, started on it."""
        service: ServiceProcess = import_module(f"services.{self.service}.app").assemble(self.settings)
        await service.start()
        try:
            yield Running(service)
        finally:
            await service.stop()


@dataclass(frozen=True)
class Running:
    """A service with its doors."""

    service: ServiceProcess

    async def ready(self) -> tuple[int, dict[str, str]]:
        status, told = await self._get("/health/ready")
        return status, told["waiting_for"]

    async def _get(self, path: str) -> tuple[int, dict[str, dict[str, str]]]:
        async with self._http() as http:
            answer = await http.get(path)
        return answer.status_code, answer.json()

    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.service.web), base_url="http://service")

    async def is_held(self, why: str) -> None:
        """Not ready, with one sentence; live all the same."""
        status, told = await until(self._why_held)
        assert status == 503
        assert list(told) == ["databases and topics"]
        assert why in told["databases and topics"]
        assert f"`stepdown heal {self.service.name}`" in told["databases and topics"]
        assert (await self._get("/health/live"))[0] == 200

    async def _why_held(self) -> tuple[int, dict[str, str]] | None:
        status, told = await self.ready()
        return (status, told) if "databases and topics" in told else None

    async def is_ready(self) -> bool:
        return await self.ready() == (200, {})

    async def told(self, hospital: Hospital, trigger: str, at: str) -> bytes:
        """MSA-1 of the answer to a message by MLLP."""
        (doors,) = self.service.doors
        assert isinstance(doors, Doors)
        door = doors.doors[0]
        assert isinstance(door, MllpDoor)
        sender = await Sender.to(door.address)
        answer = await sender.send(hospital.message(trigger, at))
        await sender.close()
        return next(line for line in answer.split(b"\r") if line.startswith(b"MSA")).split(b"|")[1]

    async def has_received(self, number: int) -> bool:
        """Its consumers have received so many records, all together."""
        async with self.service.database.read() as connection:
            found = (await connection.execute(sa.text("SELECT sum(received) FROM positions"))).scalar()
        return int(found or 0) >= number

    async def all_sent(self) -> None:
        """Nothing waits in the outbox."""

        async def is_empty() -> bool:
            async with self.service.database.read() as connection:
                return not (await outbox.unsent(connection)).total()

        await until(is_empty)

    async def sends(self, number: int) -> None:
        """So many records go out, one transaction each."""
        for nth in range(number):
            async with self.service.database.begin() as connection:
                record = Record(f"dead.{self.service.name}", b"k%d" % nth, b"{}", [])
                await outbox.send(connection, [record])
        await self.all_sent()


@asynccontextmanager
async def installed_on(kafka: str, postgres: DatabaseServer, service: str = "intake") -> AsyncIterator[Installation]:
    """A service's topics on a broker, and a new database."""
    async with a_database(postgres.url) as database:
        await migrate(database, service)
        url, name = database.engine.url.render_as_string(hide_password=False), str(database.engine.url.database)
        await database.close()
        made = Installation(
            service, settings(url, kafka=kafka, kafka_partitions=2), postgres.url, name, f"copy_{uuid.uuid4().hex[:8]}"
        )
        await topics.apply(made.settings)
        yield made
