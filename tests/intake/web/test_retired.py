"""A facility that left, over HTTP: in the scope of auditors and administrators alone, and nothing is taken from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.intake.app import assemble
from services.intake.receiving.receive import Intake
from shared.clock import SetClock
from tests.answers import client_of
from tests.intake.conftest import NOW, Hospital
from tests.intake.test_app import settings
from tests.intake.test_facility_leaves import LEFT, column, leave, of
from tests.intake.web.conftest import Asking
from tests.intake.web.test_requests import assessment, posted, referral
from tests.waiting import until


@pytest.fixture
async def http(own_intake: Intake) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service on a database of its own."""
    url = own_intake.database.engine.url.render_as_string(hide_password=False)
    made = assemble(settings(url, revocation_wait=0), clock=SetClock(NOW))
    for door in made.doors:
        await door.start()
    async with client_of(made.web, "intake", "http://intake") as client:
        yield client
    for door in made.doors:
        await door.stop()
    await made.database.close()


async def test_its_patients_are_shown_to_auditors_and_administrators_alone_without_a_name(
    http: httpx.AsyncClient, own_intake: Intake, asking: Asking
) -> None:
    theirs, shared = Hospital(own_intake), Hospital(own_intake)
    await theirs.says(of(theirs.message("A01")))
    await shared.says(shared.message("A01"), of(shared.message("A01", visit="RBV")))
    patient, both = await theirs.patient_id(), await shared.patient_id()

    async def status(role: str, *facilities: str) -> int:
        return (await http.get(f"/api/patients/{patient}", headers=asking(role, *facilities))).status_code

    assert await status("coordinator") == await status("coordinator", LEFT) == 200
    await leave(own_intake)

    async def is_gone() -> bool:
        return await status("coordinator") == await status("coordinator", LEFT, "GOODHEALTH") == 404

    await until(is_gone)
    shown = await http.get(f"/api/patients/{patient}", headers=asking("admin"))
    assert (shown.status_code, shown.json()["facilities"]) == (200, [LEFT])
    assert "name" not in shown.json()
    assert "identifiers" not in shown.json()
    assert shared.name not in shown.text
    other = (await http.get(f"/api/patients/{both}", headers=asking("coordinator"))).json()
    assert (other["name"]["family"], other["identifiers"][0]["id"]) == (shared.name, shared.mrn)
    feeds = (await http.get("/api/feeds", headers=asking("auditor"))).json()["facilities"]
    assert LEFT in {place["facility"] for place in feeds}
    feeds = (await http.get("/api/feeds", headers=asking("interface"))).json()["facilities"]
    assert LEFT not in {place["facility"] for place in feeds}


@pytest.mark.parametrize("path", ["/referrals", "/assessments", "/consents"])
async def test_no_request_tells_of_its_patients_any_more(
    http: httpx.AsyncClient, own_intake: Intake, asking: Asking, path: str
) -> None:
    hospital = Hospital(own_intake)
    body = referral(hospital, facility=LEFT)
    common = {"facility": LEFT, "identity": body["identity"] | {"name": {"family": "BACK"}}}
    consent = {"recipient": "valley-clinic", "purpose": "treatment", "scope": ["PSY"]}
    asked: dict[str, Any] = {"/referrals": body, "/assessments": assessment(), "/consents": consent}[path] | common
    await posted(http, path, asked, asking("admin"))
    await leave(own_intake)
    refused = await http.post(path, json=asked, headers=asking("admin"))
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:stepdown:problem:facility-retired")

    async def is_forbidden() -> bool:
        return (await http.post(path, json=asked, headers=asking("hospital", LEFT))).status_code == 403

    await until(is_forbidden)
    assert await column(own_intake, "SELECT facility FROM identities") == []


async def test_a_message_in_a_request_is_answered_ar_and_is_not_to_be_sent_again(
    http: httpx.AsyncClient, own_intake: Intake, asking: Asking
) -> None:
    hospital = Hospital(own_intake)
    await leave(own_intake)
    answer = await http.post("/hl7v2", content=of(hospital.message("A01")), headers=asking("admin"))
    assert (answer.status_code, "MSA|AR|" in answer.text) == (200, True)
    assert "this facility has left" in answer.text


async def test_messages_that_got_ar_are_listed_by_their_reason(
    http: httpx.AsyncClient, own_intake: Intake, asking: Asking
) -> None:
    hospital = Hospital(own_intake)
    await hospital.says(hospital.message("A01", msh11="D"), of(hospital.message("A01", msh11="D")))
    listed = await http.get("/api/messages", params={"state": "ar"}, headers=asking("coordinator", "GOODHEALTH"))
    [message] = listed.json()["messages"]
    assert (message["facility"], message["code"], message["location"]) == ("GOODHEALTH", 202, "MSH-11")
    assert hospital.name not in listed.text
