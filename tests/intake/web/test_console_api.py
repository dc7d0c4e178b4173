"""Who runs the interface sees every message of the own facilities, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from bench.statements import counted
from services.intake.receiving.receive import Intake
from shared.run import ServiceProcess
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking

HERE = "GOODHEALTH"


async def listed(http: httpx.AsyncClient, headers: dict[str, str], **asked: Any) -> list[dict[str, Any]]:
    """The messages that an address asks for."""
    answer = await http.get("/api/messages", params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


async def by_number(http: httpx.AsyncClient, headers: dict[str, str], **asked: Any) -> list[dict[str, Any]]:
    """The messages that a body asks for."""
    answer = await http.post("/api/messages/find", json=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


@pytest.fixture
async def stay(hospital: Hospital) -> Hospital:
    """An admission, a discharge, its cancel, and a discharge of a visit that nobody began."""
    await hospital.says(hospital.message("A01", control=f"{hospital.mrn}-1"))
    await hospital.says(hospital.message("A03", "20260312100000", control=f"{hospital.mrn}-2"))
    await hospital.says(hospital.message("A13", "20260312110000", control=f"{hospital.mrn}-3"))
    await hospital.says(hospital.message("A03", "20260313100000", visit="V7", control=f"{hospital.mrn}-4"))
    return hospital


async def test_a_patient_s_messages_are_found_by_the_record_number_and_say_what_each_did(
    http: httpx.AsyncClient, stay: Hospital, asking: Asking
) -> None:
    waits, cancel, end, start = await by_number(http, asking("interface", HERE), mrn=stay.mrn)
    assert (start["trigger"], start["note"], start["answer"]) == ("A01", "applied", "AA")
    assert [(each["type"], each["state"]) for each in start["facts"]] == [("admitted", "stands")]
    assert (end["note"], [(each["type"], each["state"]) for each in end["facts"]]) == (
        "taken-back",
        [("discharged", "taken-back")],
    )
    assert end["facts"][0]["by"] == cancel["message_id"]
    assert [each["type"] for each in cancel["facts"]] == ["fact-cancelled"]
    assert (waits["note"], waits["waits_for"]) == ("waiting", "beginning")
    assert "facts" not in waits


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"trigger": "A13"}, ["A13"]),
        ({"trigger": "ADT^A13"}, ["A13"]),
        ({"note": "waiting"}, ["A03"]),
        ({"note": "taken-back"}, ["A03"]),
        ({"answer": "AE"}, []),
        ({"since": "2027-01-01T00:00:00Z"}, []),
        ({"until": "2026-03-20T00:00:00Z"}, []),
        ({"since": "2026-03-20T12:00:00Z", "note": "applied"}, ["A13", "A01"]),
        ({"facility": "GOODHEALTH", "trigger": "A01"}, ["A01"]),
    ],
)
async def test_messages_are_narrowed_by_what_is_known_of_them(
    http: httpx.AsyncClient, stay: Hospital, asking: Asking, asked: dict[str, str], found: list[str]
) -> None:
    told = await by_number(http, asking("interface"), mrn=stay.mrn, **asked)
    assert [each["trigger"] for each in told] == found


async def test_a_message_is_found_by_its_control_id_and_by_its_visit(
    http: httpx.AsyncClient, stay: Hospital, asking: Asking
) -> None:
    (one,) = await listed(http, asking("auditor"), control_id=f"{stay.mrn}-2")
    assert one["trigger"] == "A03"
    of_visit = await by_number(http, asking("interface"), visit_number=f"V7-{stay.mrn}")
    assert [each["control_id"] for each in of_visit] == [f"{stay.mrn}-4"]


async def test_a_page_follows_the_page_before_it(http: httpx.AsyncClient, stay: Hospital, asking: Asking) -> None:
    asked: dict[str, Any] = {"mrn": stay.mrn, "limit": 3}
    first = (await http.post("/api/messages/find", json=asked, headers=asking("interface"))).json()
    second = (
        await http.post("/api/messages/find", json={**asked, "cursor": first["next"]}, headers=asking("interface"))
    ).json()
    assert [each["trigger"] for each in first["messages"] + second["messages"]] == ["A03", "A13", "A03", "A01"]
    assert second["next"] is None


async def test_what_was_refused_is_kept_and_listed_with_its_error(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    raw = hospital.message("A01", control=f"{hospital.mrn}-AR", msh11="D")
    assert (await hospital.says(raw))[0].code == "AR"
    (one,) = await listed(http, asking("interface"), control_id=f"{hospital.mrn}-AR")
    assert (one["answer"], one["note"], one["code"], one["location"]) == ("AR", "refused", 202, "MSH-11")
    assert await listed(http, asking("interface"), control_id=f"{hospital.mrn}-AR", answer="AA") == []
    told = await http.get(f"/api/messages/{one['message_id']}/text", headers=asking("interface"))
    assert hospital.mrn in told.json()["text"]


async def test_a_facility_never_sees_another_s_messages(
    http: httpx.AsyncClient, stay: Hospital, asking: Asking
) -> None:
    (one, *_) = await by_number(http, asking("interface", HERE), mrn=stay.mrn)
    elsewhere = asking("interface", "RIVERBEND")
    assert await by_number(http, elsewhere, mrn=stay.mrn, authority="GH") == []
    assert await by_number(http, elsewhere, visit_number=f"V7-{stay.mrn}") == []
    assert await listed(http, elsewhere, control_id=f"{stay.mrn}-1") == []
    for address in (f"/api/messages/{one['message_id']}", f"/api/messages/{one['message_id']}/text"):
        assert (await http.get(address, headers=elsewhere)).status_code == 404
        assert (await http.get(address, headers=asking("interface", HERE))).status_code == 200
    refused = await http.get("/api/messages", params={"facility": HERE}, headers=elsewhere)
    assert refused.status_code == 403


async def test_one_message_says_which_message_took_it_back_though_nothing_was_ever_stated(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    start = hospital.message("A01", control=f"{hospital.mrn}-S", unit="NEWWING")
    cancel = hospital.message("A11", "20260311100000", control=f"{hospital.mrn}-C", unit="NEWWING")
    await hospital.says(start)
    await hospital.says(cancel)
    back, gone = await by_number(http, asking("interface"), mrn=hospital.mrn)
    assert (gone["note"], back["note"]) == ("taken-back", "applied")
    whole = (await http.get(f"/api/messages/{gone['message_id']}", headers=asking("interface"))).json()
    assert whole["taken_back_by"] == back["message_id"]
    assert whole["has_text"] is True


async def test_the_text_is_for_the_interface_alone_and_every_look_is_audited(
    http: httpx.AsyncClient, stay: Hospital, asking: Asking, intake: Intake
) -> None:
    (one, *_) = await by_number(http, asking("interface"), mrn=stay.mrn)
    address = f"/api/messages/{one['message_id']}/text"
    for role in ("coordinator", "auditor", "hospital", "clinician"):
        assert (await http.get(address, headers=asking(role))).status_code == 403
    told = (await http.get(address, headers=asking("interface", subject="ines"))).json()
    assert told["text"].splitlines()[0].startswith("MSH|")
    assert stay.name in told["text"]
    query = sa.text("SELECT actor FROM audit WHERE action = 'message-opened' AND subject = :id")
    async with intake.database.read() as connection:
        assert list((await connection.execute(query, {"id": one["message_id"]})).scalars()) == ["ines"]


async def test_a_text_that_is_deleted_is_said_to_be_gone(
    http: httpx.AsyncClient, stay: Hospital, asking: Asking, intake: Intake
) -> None:
    (one, *_) = await by_number(http, asking("interface"), mrn=stay.mrn)
    async with intake.database.begin() as connection:
        await connection.execute(
            sa.text("UPDATE messages SET sealed = NULL WHERE message_id = :id"), {"id": one["message_id"]}
        )
    answer = await http.get(f"/api/messages/{one['message_id']}/text", headers=asking("interface"))
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:stepdown:problem:text-not-kept")


async def test_a_longer_page_costs_no_more_statements(
    http: httpx.AsyncClient, service: ServiceProcess, another: Callable[[], Hospital], asking: Asking
) -> None:
    numbers = []
    for messages in (4, 9):
        hospital = another()
        await hospital.tells("A01")
        for nth in range(messages):
            await hospital.tells("A03" if nth % 2 else "A13", f"202603{11 + nth}100000")
        with counted(service.database) as sent:
            found = await by_number(http, asking("interface"), mrn=hospital.mrn)
        assert len(found) == messages + 1
        numbers.append(len(sent))
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize(
    "body", [{"mrn": ""}, {"note": "SECRET"}, {"limit": 0}, {"more": 1}, {"since": "2026-01-01"}, {"cursor": "SECRET"}]
)
async def test_a_question_that_does_not_fit_is_refused_without_repeating_it(
    http: httpx.AsyncClient, asking: Asking, body: dict[str, Any]
) -> None:
    answer = await http.post("/api/messages/find", json=body, headers=asking("interface"))
    assert answer.status_code == 422
    assert "SECRET" not in answer.text
    assert (await http.post("/api/messages/find", json={}, headers=asking("coordinator"))).status_code == 403
