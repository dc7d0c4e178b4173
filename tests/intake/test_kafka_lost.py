"""A database or a topic that was lost is seen: intake takes and sends nothing, and goes on once all is in line again.

Intake as a whole, on a broker and a database of its own; each test ends with both in line again.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
import sqlalchemy as sa
from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy.ext.asyncio import create_async_engine

from services.intake.app import Doors, assemble
from services.intake.receiving.mllp import MllpDoor
from shared.events import topics_of
from shared.messaging import outbox
from shared.recovery.comparing import held_by, in_line, only_writer
from shared.run import ServiceProcess
from shared.settings import Settings
from shared.storage.database import Database
from tests.databases import a_database, driver_url, everything, migrate, produce
from tests.intake.conftest import Hospital
from tests.intake.sender import Sender
from tests.intake.test_app import settings
from tests.servers import DatabaseServer, a_broker
from tests.waiting import until
from tools.stack import topics

WATCHED = topics_of("intake")


@dataclass(frozen=True)
class Installation:
    """A broker with intake's topics, and intake's database, of which copies can be made and put back."""

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
        async with (
            self.database() as database,
            only_writer(database, "intake", self.settings.kafka_client()) as producer,
        ):
            await in_line(database, "intake", self.settings.kafka_client(), producer, WATCHED)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Running]:
        """Intake, started on it."""
        service = assemble(self.settings)
        await service.start()
        try:
            yield Running(service)
        finally:
            await service.stop()


@dataclass(frozen=True)
class Running:
    """Intake with its doors."""

    service: ServiceProcess

    async def ready(self) -> tuple[int, dict[str, str]]:
        status, told = await self._get("/health/ready")
        return status, told["waiting_for"]

    async def _get(self, path: str) -> tuple[int, dict[str, dict[str, str]]]:
        async with self._http() as http:
            answer = await http.get(path)
        return answer.status_code, answer.json()

    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.service.web), base_url="http://intake")

    async def is_held(self, why: str) -> None:
        """Not ready, with one sentence; live all the same."""
        status, told = await until(self._why_held)
        assert status == 503
        assert list(told) == ["databases and topics"]
        assert why in told["databases and topics"]
        assert "`stepdown heal intake`" in told["databases and topics"]
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

    async def all_sent(self) -> None:
        """Nothing waits in the outbox."""

        async def is_empty() -> bool:
            async with self.service.database.read() as connection:
                return not (await outbox.unsent(connection)).total()

        await until(is_empty)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own: the topics have their real names."""
    with a_broker(tmp_path_factory.mktemp("lost")) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="module")
async def installed(broker: str, postgres: DatabaseServer) -> AsyncIterator[Installation]:
    async with a_database(postgres.url) as database:
        await migrate(database, "intake")
        url = database.engine.url.render_as_string(hide_password=False)
        name, copy = str(database.engine.url.database), f"copy_{uuid.uuid4().hex[:8]}"
        await database.close()
        given = settings(url, kafka=broker, kafka_partitions=2)
        await topics.apply(given)
        made = Installation(given, postgres.url, name, copy)
        yield made


async def test_a_database_that_was_put_back_is_seen_at_the_start(installed: Installation, hospital: Hospital) -> None:
    async with installed.running() as intake:
        assert await intake.told(hospital, "A01", "20260310090000") == b"AA"
        await intake.all_sent()
    await installed.keep_a_copy()
    async with installed.running() as intake:
        assert await intake.told(hospital, "A03", "20260312100000") == b"AA"
        await intake.all_sent()
    await installed.put_the_copy_back()
    before = len(await everything(installed.settings.kafka, "care.events"))
    async with installed.running() as intake:
        await intake.is_held("the database is older than its topics: 1 records of this service that it does not know")
        assert await intake.told(hospital, "A13", "20260312110000") == b"AR"
        raw = hospital.message("A08", "20260312120000")
        await produce(installed.settings.kafka, "hospital.adt", [(b"GOODHEALTH|M", raw, [])])
        async with installed.database() as database:
            (loss,) = await held_by(database, "intake", installed.settings.kafka_client(), WATCHED)
            assert (loss.kind, loss.topic, loss.records) == ("database-older", "care.events", 1)
            async with database.read() as connection:
                assert (await connection.execute(sa.text("SELECT sum(received) FROM positions"))).scalar() in {None, 0}
        assert len(await everything(installed.settings.kafka, "care.events")) == before
        await installed.brought_in_line()
        await until(intake.is_ready)
        assert await intake.told(hospital, "A08", "20260311100000") == b"AA"


async def test_a_database_that_is_put_back_while_intake_runs_is_seen(
    installed: Installation, hospital: Hospital
) -> None:
    await installed.keep_a_copy()
    async with installed.running() as intake:
        assert await intake.told(hospital, "A01", "20260310090000") == b"AA"
        await intake.all_sent()
        await installed.put_the_copy_back()
        await intake.is_held("the database is older than its topics")
        assert await intake.told(hospital, "A03", "20260312100000") == b"AR"
        await installed.brought_in_line()
        await until(intake.is_ready)


@pytest.mark.parametrize("while_it_runs", [False, True], ids=["at the start", "while it runs"])
async def test_a_topic_that_was_made_anew_is_seen(
    installed: Installation, hospital: Hospital, while_it_runs: bool
) -> None:
    async with installed.running() as intake:
        assert await intake.told(hospital, "A01", "20260310090000") == b"AA"
        await intake.all_sent()
        if while_it_runs:
            await installed.made_anew("care.events")
            await intake.is_held("care.events was made anew")
            assert await intake.told(hospital, "A03", "20260312100000") == b"AR"
            await installed.brought_in_line()
            await until(intake.is_ready)
            return
    await installed.made_anew("care.events")
    async with installed.running() as intake:
        await intake.is_held("care.events was made anew")
        assert await intake.told(hospital, "A03", "20260312100000") == b"AR"
        await installed.brought_in_line()
        await until(intake.is_ready)


async def test_a_database_of_before_the_counts_begins_to_count_and_loses_nothing(
    installed: Installation, hospital: Hospital
) -> None:
    """As after an upgrade: no counts in the database, none on ops.writers, records on Kafka and in the outbox."""
    await installed.made_anew("ops.writers")
    async with installed.database() as database, database.begin() as connection:
        await connection.execute(sa.text("DELETE FROM written"))
    async with installed.running() as intake:
        await until(intake.is_ready)
        assert await intake.told(hospital, "A01", "20260310090000") == b"AA"
        await intake.all_sent()
    async with installed.running() as intake:
        await until(intake.is_ready)
