"""A client of FHIR is told at which issuer it gets its token."""

from __future__ import annotations

import httpx

from shared.clock import SetClock
from shared.run import ServiceProcess
from shared.storage.database import Database
from tests.answers import client_of
from tests.sign_in.conftest import intake_with

PATH = "/fhir/.well-known/smart-configuration"


async def test_the_configuration_has_the_addresses_that_the_issuer_says(
    intake: ServiceProcess, mock_issuer: str
) -> None:
    async with httpx.AsyncClient(trust_env=False) as there:
        said = (await there.get(f"{mock_issuer}/.well-known/openid-configuration")).json()
    async with client_of(intake.web, "intake", "http://intake") as client:
        told = (await client.get(PATH)).json()
    assert told["issuer"] == mock_issuer
    for name in ("token_endpoint", "authorization_endpoint", "jwks_uri"):
        assert told[name] == said[name]
    assert {"system/*.rs", "user/Patient.rs"} <= set(told["scopes_supported"])


async def test_without_an_issuer_there_is_none(database: Database, clock: SetClock) -> None:
    async with intake_with(database, clock, None) as made, client_of(made.web, "intake", "http://intake") as client:
        answer = await client.get(PATH)
    assert (answer.status_code, answer.json()["resourceType"]) == (404, "OperationOutcome")
