"""Intake on a real database of its own, and messages as a hospital sends them."""

from __future__ import annotations

import itertools
import ssl
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from services.intake.hl7.model import PatientId
from services.intake.people import patients
from services.intake.receiving.read import Answer, Received
from services.intake.receiving.receive import Intake
from services.intake.requests.consents.tables import CONSENTS
from services.intake.tables import INTAKE
from shared.clock import SetClock
from shared.facts.envelope import Fact, from_record
from shared.messaging.outbox import stored
from shared.site import config
from shared.storage.database import Database
from shared.storage.sealing import Seal
from shared.storage.tables import KEYS, PLUMBING
from tests.databases import a_database, empty, migrate
from tests.intake.opened import Connect
from tests.intake.sender import Sender
from tests.servers import DatabaseServer

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
_COUNT = itertools.count(1)


@asynccontextmanager
async def made_database(admin_url: str) -> AsyncIterator[Database]:
    """A database with intake's tables and a random name; gone afterwards."""
    async with a_database(admin_url) as made:
        await migrate(made, "intake")
        yield made


@pytest.fixture(scope="session")
async def database(postgres: DatabaseServer) -> AsyncIterator[Database]:
    """A database that tests share; each has patients of its own in it."""
    async with made_database(postgres.url) as made:
        yield made


@pytest.fixture(scope="session")
def intake_url(database: Database) -> str:
    """Where it is."""
    return database.engine.url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def intake(database: Database) -> Intake:
    """The handlers on it, with the sample site."""
    return Intake(database, config.load(config.SAMPLE), Seal({"k1": bytes(32)}), SetClock(NOW))


@pytest.fixture(scope="session")
async def emptied(postgres: DatabaseServer) -> AsyncIterator[Database]:
    """Another database, for tests that look at all of it."""
    async with made_database(postgres.url) as made:
        yield made


@pytest.fixture
async def own_intake(emptied: Database, intake: Intake) -> Intake:
    """The handlers on a database in which there is nothing yet."""
    tables = (*INTAKE.sorted_tables, *CONSENTS.sorted_tables, *PLUMBING.sorted_tables, *KEYS.sorted_tables)
    await empty(emptied, [table.name for table in tables])
    return Intake(emptied, intake.site, intake.seal, intake.clock)


async def patient_known_by(intake: Intake, number: str, authority: str = "GH", kind: str = "MR") -> str | None:
    """Our id of the patient to whom a number leads; None while nobody told of it."""
    about = patients.IdentityClaim((PatientId(number, authority, kind),), "GOODHEALTH", {}, NOW, NOW)
    keys = [key for each in intake.numbering.of(about) for key in each.keys]
    query = sa.text("SELECT patient_id FROM patient_identifiers WHERE key = ANY(:keys) AND leads <> 'not'")
    async with intake.database.read() as connection:
        return (await connection.execute(query, {"keys": keys})).scalar_one_or_none()


class Hospital:
    """One patient at GOODHEALTH who says things through `intake`, and what came of it."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.mrn = f"M{next(_COUNT)}{uuid.uuid4().hex[:6]}"
        self.name = "MARKERNAME"

    def message(
        self,
        trigger: str,
        at: str = "20260310090000",
        *,
        visit: str = "V1",
        unit: str = "3W",
        control: str | None = None,
        pv1: dict[int, str] | None = None,
        msh11: str = "P",
    ) -> bytes:
        """An ADT message of this patient; `at` is EVN-2, and PV1-44 or PV1-45 where the trigger has one."""
        own = {2: "I", 3: f"{unit}^101^A", 19: f"{visit}-{self.mrn}" if visit else ""}
        own |= {44: at} if trigger in {"A01", "A04"} else {45: at, 36: "01"} if trigger == "A03" else {}
        own |= pv1 or {}
        fields = [own.get(place, "") for place in range(1, 46)]
        return "\r".join(
            [
                f"MSH|^~\\&|ADT|GOODHEALTH|SD|SD|{at}||ADT^{trigger}|{control or f'C{next(_COUNT)}'}|{msh11}|2.5.1",
                f"EVN|{trigger}|{at}",
                f"PID|1||{self.mrn}^^^GH^MR||{self.name}^GIVENMARKER||19800101|F",
                "PV1|" + "|".join(fields),
                "",
            ]
        ).encode()

    async def says(self, *messages: bytes) -> list[Answer]:
        """The answers to messages, in one batch."""
        return await self.intake.receive([self.intake.messages_of(Received(raw, "mllp", NOW)) for raw in messages])

    async def tells(self, trigger: str, at: str = "20260310090000", **more: Any) -> str:
        """The answer code to one message."""
        return (await self.says(self.message(trigger, at, **more)))[0].code

    async def facts(self) -> list[Fact]:
        """What was stated of this patient's visits, in the order of the outbox."""
        return await self.facts_about(await self.patient_id())

    async def facts_about(self, patient_id: str | None) -> list[Fact]:
        """What was stated of a patient, in the order of the outbox."""
        async with self.intake.database.read() as connection:
            rows = await stored(connection)
        found = [from_record(row.value, row.headers) for row in rows]
        return [fact for fact in found if fact.as_json["patient_id"] == patient_id]

    async def names(self) -> list[str]:
        """The facts' names."""
        return [fact.name for fact in await self.facts()]

    async def standing(self) -> set[tuple[str, str]]:
        """(name, day of clinical time in UTC) of the facts that stand by what went out."""
        facts = await self.facts()
        gone = {fact.as_json.get("cancels") or fact.as_json.get("replaces") for fact in facts}
        return {
            (f.name, f.as_json["occurred_at"][:10]) for f in facts if f.id not in gone and f.name != "fact-cancelled"
        }

    async def rows(self, what: str) -> list[Any]:
        """Columns of this patient's messages, in the order they came."""
        query = sa.text(
            f"SELECT {what} FROM messages WHERE patient_id IN "
            "(SELECT patient_id FROM visits WHERE visit_key LIKE :mrn) ORDER BY message_id"
        )
        async with self.intake.database.read() as connection:
            return list((await connection.execute(query, {"mrn": f"%{self.mrn}"})).all())

    async def notes(self) -> list[tuple[str, str, str | None]]:
        """(trigger, note, reason) of this patient's messages, in the order they came."""
        query = "SELECT trigger, note, reason FROM messages WHERE patient_id = :patient ORDER BY message_id"
        async with self.intake.database.read() as connection:
            found = (await connection.execute(sa.text(query), {"patient": await self.patient_id()})).all()
        return [(row.trigger, row.note, row.reason) for row in found]

    async def identity(self) -> bytes:
        """Names and contacts as last stated, opened."""
        patient = await self.patient_id()
        query = sa.text("SELECT sealed FROM identities WHERE patient_id = :patient AND facility = 'GOODHEALTH'")
        async with self.intake.database.read() as connection:
            sealed = (await connection.execute(query, {"patient": patient})).scalar_one()
        return self.intake.seal.open(sealed, f"identity:{patient}:GOODHEALTH")

    async def patient_id(self) -> str | None:
        """Our id of the patient; None while nobody told of it."""
        return await patient_known_by(self.intake, self.mrn)


@pytest.fixture
def hospital(intake: Intake) -> Hospital:
    """A patient nobody told of before."""
    return Hospital(intake)


@pytest.fixture
def another(intake: Intake) -> Callable[[], Hospital]:
    """More of them."""
    return lambda: Hospital(intake)


@pytest.fixture
async def connected() -> AsyncIterator[Connect]:
    """Opens connections to an MLLP door; all are closed afterwards."""
    made: list[Sender] = []

    async def open_one(
        address: tuple[str, int], tls: ssl.SSLContext | None = None, come_from: str | None = None
    ) -> Sender:
        made.append(await Sender.to(address, tls, come_from))
        return made[-1]

    yield open_one
    for sender in made:
        await sender.close()
