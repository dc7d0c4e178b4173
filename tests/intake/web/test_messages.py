"""POST /hl7v2: what is taken, what the status says, whose messages somebody may send."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

from services.intake.app import assemble
from services.intake.hl7.parser import messages
from tests.intake.conftest import Hospital
from tests.intake.test_app import settings
from tests.intake.web.conftest import Asking


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("x-application/hl7-v2+er7", 200),
        ("X-Application/HL7-v2+ER7; charset=utf-8", 200),
        ("application/hl7-v2", 200),
        ("text/plain", 200),
        (None, 200),
        ("application/json", 415),
        ("application/hl7-v2+xml", 415),
    ],
)
async def test_er7_text_is_taken_by_its_usual_names(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking, kind: str | None, status: int
) -> None:
    headers = asking("hospital") | ({"content-type": kind} if kind else {})
    answer = await http.post("/hl7v2", content=hospital.message("A01"), headers=headers)
    assert answer.status_code == status
    assert len(await hospital.names()) == (status == 200)


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ((b"", b""), 200, "MSA|AA|"),
        ((b"PID|", b"ZID|"), 200, "MSA|AE|"),
        ((b"|P|2.5.1", b"|D|2.5.1"), 200, "MSA|AR|"),
        ((b"MSH|", b"XXX|"), 200, "MSA|AR|"),
        ((b"|P|2.5.1", b"|P|2.5.1|||NE|NE"), 204, ""),
    ],
    ids=["accepted", "an error", "refused", "no HL7", "no answer wanted"],
)
async def test_the_body_says_what_became_of_the_message(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking, change: tuple[bytes, bytes], status: int, says: str
) -> None:
    raw = hospital.message("A01").replace(*change)
    answer = await http.post("/hl7v2", content=raw, headers=asking("coordinator"))
    assert answer.status_code == status
    assert says in answer.text
    assert hospital.name not in answer.text


async def test_a_message_of_another_facility_is_refused_and_not_stored(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    raw = hospital.message("A01")
    answer = await http.post("/hl7v2", content=raw, headers=asking("hospital", "RIVERBEND"))
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert await hospital.names() == []
    answer = await http.post("/hl7v2", content=raw, headers=asking("hospital", "GOODHEALTH"))
    assert answer.status_code == 200
    assert await hospital.names() == ["admitted"]
    answer = await http.post("/hl7v2", content=b"hello", headers=asking("hospital", "RIVERBEND"))
    assert "|100^" in answer.text


async def test_while_the_store_is_away_the_sender_is_told_to_come_again(hospital: Hospital, asking: Asking) -> None:
    nowhere = SecretStr("postgresql://nobody:nothing@127.0.0.1:9/none")
    service = assemble(settings("unused", database_url=nowhere))
    for door in service.doors:
        await door.start()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(service.web), base_url="http://intake") as http:
        answer = await http.post("/hl7v2", content=hospital.message("A01"), headers=asking("hospital"))
    for door in service.doors:
        await door.stop()
    await service.database.close()
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert (answer.json()["type"], answer.headers["retry-after"]) == ("urn:stepdown:problem:try-again", "2")


async def test_the_charset_of_the_content_type_counts_before_msh_18(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    raw = hospital.message("A01", visit="VÄ").decode().replace("|P|2.5.1", "|P|2.5.1||||||UNICODE UTF-8")
    headers = asking("hospital") | {"content-type": "x-application/hl7-v2+er7; charset=iso-8859-5"}
    answer = await http.post("/hl7v2", content=raw.replace("Ä", "Ж").encode("iso8859-5"), headers=headers)
    assert b"MSA|AA|" in answer.content
    (admitted,) = await hospital.facts()
    assert admitted.as_json["visit_number"] == f"VЖ-{hospital.mrn}"
    ((message_id, sealed),) = await hospital.rows("message_id, sealed")
    (again,) = messages(hospital.intake.seal.open(sealed, message_id))
    assert again.get("PV1", 19) == f"VЖ-{hospital.mrn}", "as it is kept it says the same"
