"""The service assembled from its settings, and its HTTP door."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import SecretStr

from services.intake.app import assemble
from shared.errors import SetUpError
from shared.run import ServiceProcess
from shared.settings import Settings
from shared.web.auth import dev_tokens
from tests.intake.conftest import Hospital

SECRET = "0" * 64
TOKENS = dev_tokens(SECRET, datetime.now(UTC))


def settings(url: str, **more: object) -> Settings:
    """Settings of a development installation."""
    key = base64.b64encode(bytes(32)).decode()
    given: dict[str, object] = {
        "database_url": SecretStr(url.replace("+asyncpg", "")),
        "message_keys": SecretStr(f"k1:{key}"),
        "token_secret": SecretStr(SECRET),
        **more,
    }
    return Settings.model_validate(given)


@pytest.fixture
async def service(intake_url: str) -> AsyncIterator[ServiceProcess]:
    """The service with its doors open; no broker."""
    found = assemble(settings(intake_url))
    for door in found.doors:
        await door.start()
    yield found
    for door in found.doors:
        await door.stop()
    await found.database.close()


@pytest.fixture
async def http(service: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    """A client of its HTTP door."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(service.web), base_url="http://intake") as client:
        yield client


def test_without_a_key_the_service_says_what_to_set(intake_url: str) -> None:
    with pytest.raises(SetUpError, match="STEPDOWN_MESSAGE_KEYS"):
        assemble(settings(intake_url, message_keys=None))


async def test_the_first_page_tells_where_the_document_is_below_the_prefix_too(http: httpx.AsyncClient) -> None:
    for at in ("", "/intake"):
        page = await http.get(f"{at}/")
        assert f'href="{at}/api/openapi.json"' in page.text
        assert (await http.get(f"{at}/api/openapi.json")).status_code == 200
        wrong = await http.get(f"{at}/nowhere", headers={"accept": "text/html"})
        assert (wrong.status_code, f'href="{at}/"' in wrong.text) == (404, True)


async def test_a_message_in_a_request_is_answered_like_one_over_mllp(
    http: httpx.AsyncClient, hospital: Hospital
) -> None:
    raw = hospital.message("A01", control="BY-HTTP")
    answer = await http.post("/hl7v2", content=raw, headers={"authorization": f"Bearer {TOKENS['hospital']}"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "x-application/hl7-v2+er7")
    assert "MSA|AA|BY-HTTP" in answer.text
    assert await hospital.names() == ["admitted"]


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("billing", 403)])
async def test_only_a_hospital_may_send(http: httpx.AsyncClient, token: str | None, status: int) -> None:
    headers = {"authorization": f"Bearer {TOKENS[token]}"} if token else {}
    answer = await http.post("/hl7v2", content=b"MSH|", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_a_body_too_long_is_refused(http: httpx.AsyncClient) -> None:
    headers = {"authorization": f"Bearer {TOKENS['hospital']}"}
    answer = await http.post("/hl7v2", content=b"x" * 1_048_577, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:stepdown:problem:too-long")


async def test_it_says_what_it_waits_for(http: httpx.AsyncClient) -> None:
    answer = await http.get("/health/ready")
    assert (answer.status_code, answer.json()["waiting_for"]["service"]) == (503, "starting")
