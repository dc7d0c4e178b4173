"""A request that is sent again with its Idempotency-Key: also after an upgrade, also while its key is forgotten."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from services.intake.app import assemble
from services.intake.requests.commands import Referral
from services.intake.requests.consents.commands import ConsentTakenBack
from shared.clock import SetClock
from shared.storage.database import Connection, Database
from shared.storage.sealing import Seal
from shared.web import idempotency
from tests.answers import client_of
from tests.databases import a_database, driver_url, migrate
from tests.intake.conftest import NOW, Hospital
from tests.intake.test_app import settings
from tests.intake.web.conftest import Asking
from tests.intake.web.test_consents import consent, given
from tests.intake.web.test_requests import referral
from tests.servers import DatabaseServer

_ANSWERED = sa.text(
    "INSERT INTO idempotency (key, request, status, body, made_at) VALUES (:key, :request, :status, :body, :at)"
)


async def test_what_was_answered_before_the_upgrade_is_answered_so_after_it(
    postgres: DatabaseServer, hospital: Hospital, asking: Asking
) -> None:
    body, told = referral(hospital), b'{"episode_id":"e","patient_id":"p","fact_id":"f"}'
    async with a_database(postgres.url) as database:
        await migrate(database, "intake", "0012")
        made = assemble(
            settings(driver_url(postgres.url, database.engine.url.database), revocation_wait=0), clock=SetClock(NOW)
        )
        seal = Seal(settings(postgres.url).keys())
        row: dict[str, Any] = {
            "key": seal.blind("idempotency\x1fa-hospital\x1f/referrals\x1fk"),
            "request": seal.blind(Referral.model_validate(body).model_dump_json()),
            "status": 201, "body": told, "at": NOW,
        }  # fmt: skip
        async with database.begin() as connection:
            await connection.execute(_ANSWERED, row)
        await migrate(database, "intake")
        headers = asking("hospital") | {"idempotency-key": "k"}
        async with client_of(made.web, "intake", "http://intake") as http:
            again = await http.post("/referrals", json=body, headers=headers)
            other = await http.post("/referrals", json={**body, "source": "court"}, headers=headers)
        await made.database.close()
        assert (again.status_code, again.content) == (201, told)
        assert (other.status_code, other.json()["type"]) == (422, "urn:stepdown:problem:other-request")


async def test_a_revocation_is_remembered_as_it_was_before_the_upgrade(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    told = await given(http, consent(hospital), asking("coordinator"))
    path = f"/consents/{told['consent_id']}/revoked"
    await http.post(path, headers=asking("coordinator") | {"idempotency-key": "r"})
    blind, body = hospital.intake.seal.blind, ConsentTakenBack().model_dump_json()
    key, request = blind(f"idempotency\x1fa-coordinator\x1f{path}\x1fr"), blind(f"{path}\x1f{body}")
    query = sa.text("SELECT caller, request FROM answered_requests WHERE key = :key")
    async with hospital.intake.database.read() as connection:
        assert (await connection.execute(query, {"key": key.hex()})).one() == ("", request)


async def test_nothing_that_was_sent_is_in_what_is_remembered(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    headers = asking("hospital") | {"idempotency-key": "a key of theirs"}
    await http.post("/referrals", json=referral(hospital), headers=headers)
    async with hospital.intake.database.read() as connection:
        rows = (await connection.execute(sa.text("SELECT * FROM answered_requests"))).mappings().all()
    kept = json.dumps([{name: str(value) for name, value in row.items()} for row in rows])
    assert "a-hospital" not in kept
    assert "a key of theirs" not in kept
    assert hospital.mrn not in kept


class ForgottenBetween:
    """A connection: before its first look at a row, the timer has taken that away."""

    def __init__(self, connection: Connection, database: Database, clock: SetClock) -> None:
        self.connection, self.database, self.clock, self.looks = connection, database, clock, 0

    async def execute(self, statement: Any) -> Any:
        """The statement's result."""
        self.looks += statement.is_select
        if statement.is_select and self.looks == 1:
            await idempotency.forget(self.database, self.clock, timedelta(days=7))
        return await self.connection.execute(statement)


async def test_a_key_that_is_forgotten_while_somebody_asks_for_it_is_free(hospital: Hospital) -> None:
    asked = idempotency.HashedRequest("", f"late-{hospital.mrn}", b"1")
    database, later = hospital.intake.database, NOW + timedelta(days=9)
    async with database.begin() as connection:
        assert await idempotency.begin(connection, asked, NOW) is None
    async with database.begin() as connection:
        between = ForgottenBetween(connection, database, SetClock(later))
        assert await idempotency.begin(between, asked, later) is None  # type: ignore[arg-type]
        assert between.looks == 1


async def test_a_revocation_that_is_refused_is_recorded(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    told = await given(http, consent(hospital), asking("coordinator"))
    async with hospital.intake.database.begin() as connection:
        await connection.execute(sa.text("UPDATE consents SET state = 'expired'"))
    answer = await http.post(f"/consents/{told['consent_id']}/revoked", headers=asking("coordinator"))
    assert answer.status_code == 409
    query = sa.text("SELECT actor, action, code FROM refusals WHERE subject = :consent")
    async with hospital.intake.database.read() as connection:
        found = (await connection.execute(query, {"consent": told["consent_id"]})).one()
    assert found == ("a-coordinator", "consent-revoked", "not-standing")
