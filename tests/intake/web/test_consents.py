"""Consents over HTTP and by time: for which episodes they are stated, once; taken back; over when their days are."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.intake.app import assemble
from services.intake.checks import broken
from services.intake.receiving.receive import Intake
from services.intake.requests.consents import handlers
from shared.clock import SetClock
from shared.facts.envelope import Fact
from tests.intake.conftest import NOW, Hospital
from tests.intake.test_app import settings
from tests.intake.test_consumer import apply
from tests.intake.test_consumer import told as told_by_placement
from tests.intake.web.conftest import Asking
from tests.intake.web.test_requests import posted, referral
from tests.waiting import until

Body = dict[str, Any]


def consent(hospital: Hospital, **more: Any) -> Body:
    """The patient lets GOODHEALTH tell the clinic of psychiatric care, for treatment; None leaves a field out."""
    body = {"facility": "GOODHEALTH", "identity": referral(hospital)["identity"], "recipient": "valley-clinic"}
    told = {**body, "purpose": "treatment", "scope": ["PSY"], **more}
    return {name: value for name, value in told.items() if value is not None}


async def given(http: httpx.AsyncClient, body: Body, headers: dict[str, str]) -> Body:
    """What a consent that is taken is answered."""
    answer = await http.post("/consents", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    told: Body = answer.json()
    return told


async def about_consents(hospital: Hospital) -> list[Fact]:
    """The facts about this patient's consents, in the order of the outbox."""
    return [fact for fact in await hospital.facts() if fact.name.startswith("consent-")]


async def two_episodes(hospital: Hospital) -> None:
    """One that ended, and one that began later than the site's limit."""
    await hospital.tells("A01", "20260101090000", visit="V1")
    await hospital.tells("A03", "20260105090000", visit="V1")
    await hospital.tells("A01", "20260315090000", visit="V2")


async def test_a_consent_is_stated_for_each_episode_of_the_patient(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await two_episodes(hospital)
    told = await given(http, consent(hospital, scope=["PSY", "PART2"], to="2027-03-01"), asking("coordinator"))
    facts = await about_consents(hospital)
    assert (told["state"], len(told["episodes"])) == ("standing", 2)
    assert {(fact.name, fact.subject) for fact in facts} == {("consent-recorded", each) for each in told["episodes"]}
    assert sorted(fact.sequence for fact in facts) == [2, 3]
    value = facts[0].as_json
    assert value["consent_id"] == told["consent_id"]
    assert (value["discloser"], value["recipient"]) == ("GOODHEALTH", "valley-clinic")
    assert (value["scope"], value["from"], value["to"]) == (["PART2", "PSY"], "2026-03-20", "2027-03-01")
    assert value["labels"] == []


@pytest.mark.parametrize("by", ["patient_id", "episode_id"])
async def test_the_patient_is_named_by_our_own_ids_too(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking, by: str
) -> None:
    known = await posted(http, "/referrals", referral(hospital), asking("hospital"))
    told = await given(http, consent(hospital, identity=None, **{by: known[by]}), asking("hospital", "GOODHEALTH"))
    assert (told["patient_id"], told["episodes"]) == (known["patient_id"], [known["episode_id"]])


async def test_a_patient_who_never_came_may_consent_and_the_first_episode_has_it(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    told = await given(http, consent(hospital), asking("coordinator"))
    assert told["episodes"] == []
    await hospital.tells("A01")
    assert await handlers.tell_new_episodes(hospital.intake) == 1
    assert await handlers.tell_new_episodes(hospital.intake) == 0
    begun, fact = await hospital.facts()
    assert (fact.name, fact.subject, fact.sequence) == ("consent-recorded", begun.subject, 2)
    assert fact.as_json["consent_id"] == told["consent_id"]


async def test_a_consent_alone_opens_no_episode_and_moves_none(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    """An episode that only a consent is known of would be taken for one that somebody asked for."""
    await hospital.tells("A01", "20260101090000", visit="V1")
    await hospital.tells("A03", "20260105090000", visit="V1")
    await given(http, consent(hospital), asking("coordinator"))
    await hospital.tells("A01", "20260315090000", visit="V2")
    facts = [fact for fact in await hospital.facts() if fact.name == "admitted"]
    assert len({fact.subject for fact in facts}) == 2


async def test_the_same_key_gets_the_first_answer_and_records_one_consent(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    headers = asking("hospital") | {"idempotency-key": f"c-{hospital.mrn}"}
    told = await asyncio.gather(*(given(http, consent(hospital), headers) for _ in range(4)))
    assert len({each["consent_id"] for each in told}) == 1
    assert len(await about_consents(hospital)) == 1
    other = await http.post("/consents", json=consent(hospital, scope=["SUD"]), headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "urn:stepdown:problem:other-request")


async def test_a_consent_that_is_taken_back_is_so_for_every_episode_and_for_no_new_one(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await two_episodes(hospital)
    told = await given(http, consent(hospital), asking("coordinator"))
    path = f"/consents/{told['consent_id']}/revoked"
    headers = asking("hospital") | {"idempotency-key": f"r-{hospital.mrn}"}
    for _ in range(2):
        answer = await http.post(path, json={"occurred_at": "2026-03-20T11:00:00Z"}, headers=headers)
        assert (answer.status_code, answer.json()) == (202, {**told, "state": "revoking"})
    gone = [fact for fact in await about_consents(hospital) if fact.name == "consent-revoked"]
    assert {fact.subject for fact in gone} == set(told["episodes"])
    assert {fact.as_json["occurred_at"] for fact in gone} == {"2026-03-20T11:00:00Z"}
    assert gone[0].as_json["scope"] == ["PSY"]
    again = await http.post(path, headers=asking("coordinator"))
    assert (again.status_code, again.json()) == (202, answer.json()), "told again it is not stated again"
    await hospital.tells("A01", "20260710090000", visit="V3")
    await handlers.tell_new_episodes(hospital.intake)
    assert len(await about_consents(hospital)) == 4


async def test_a_revocation_is_answered_as_done_when_the_gate_has_it_and_not_before(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    """Attack 6: revoked, answered 200, intake's relay paused, and a fact stated after it left on the consent."""
    await two_episodes(hospital)
    told = await given(http, consent(hospital), asking("coordinator"))
    headers, path = asking("coordinator"), f"/consents/{told['consent_id']}"

    async def stands() -> tuple[str, str, int]:
        """The consent by its own address, in the patient's list, and what who revokes it again is answered."""
        shown = (await http.get(path, headers=headers)).json()
        (listed,) = (await http.get(f"/api/consents?patient_id={told['patient_id']}", headers=headers)).json()[
            "consents"
        ]
        again = await http.post(f"{path}/revoked", headers=headers)
        assert again.json()["state"] == shown["state"] == listed["state"]
        assert ("counts_from" in shown) == (shown["state"] == "revoked")
        return shown["state"], listed["state"], again.status_code

    answer = await http.post(f"{path}/revoked", headers=headers)
    assert (answer.status_code, answer.json()["state"], answer.headers["location"]) == (202, "revoking", path)
    first, second = (fact for fact in await about_consents(hospital) if fact.name == "consent-revoked")
    for version, (fact, seen) in enumerate(
        [(first, first.sequence - 1), (first, first.sequence), (second, second.sequence - 1)], start=1
    ):
        await apply(hospital.intake, told_by_placement(fact.subject, version, seen=seen))
        assert await stands() == ("revoking", "revoking", 202), "the relay, or placement, is behind"
    await apply(hospital.intake, told_by_placement(second.subject, 9, seen=second.sequence + 1))
    assert await stands() == ("revoked", "revoked", 200)
    assert len(await about_consents(hospital)) == 4


async def test_the_answer_waits_for_the_gate_as_long_as_an_answer_may_take(
    intake_url: str, hospital: Hospital, asking: Asking
) -> None:
    made = assemble(settings(intake_url, revocation_wait=5), clock=SetClock(NOW))
    await hospital.tells("A01")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(made.web), base_url="http://intake") as http:
        told = await given(http, consent(hospital), asking("coordinator"))
        path = f"/consents/{told['consent_id']}/revoked"
        asked = asyncio.create_task(http.post(path, headers=asking("coordinator")))
        *_, gone = await until(lambda: _taken_back(hospital))
        assert not asked.done()
        await apply(hospital.intake, told_by_placement(gone.subject, 1, seen=gone.sequence))
        assert ((await asked).status_code, (await asked).json()["state"]) == (200, "revoked")
    await made.database.close()


async def _taken_back(hospital: Hospital) -> list[Fact]:
    return [fact for fact in await about_consents(hospital) if fact.name == "consent-revoked"]


async def test_a_consent_that_was_stated_for_no_episode_is_revoked_at_once(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    told = await given(http, consent(hospital), asking("coordinator"))
    answer = await http.post(f"/consents/{told['consent_id']}/revoked", headers=asking("coordinator"))
    assert (answer.status_code, answer.json()["state"]) == (200, "revoked")


async def test_of_many_who_take_it_back_at_once_one_does_and_all_are_told_so(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    told = await given(http, consent(hospital), asking("coordinator"))
    path = f"/consents/{told['consent_id']}/revoked"
    answers = await asyncio.gather(*(http.post(path, headers=asking("coordinator")) for _ in range(5)))
    assert [(each.status_code, each.json()) for each in answers] == [(202, {**told, "state": "revoking"})] * 5
    assert [fact.name for fact in await about_consents(hospital)] == ["consent-recorded", "consent-revoked"]


async def test_a_consent_runs_out_at_the_end_of_its_last_day_where_it_was_given(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    told = await given(http, consent(hospital, to="2026-03-31"), asking("coordinator"))
    midnight = datetime(2026, 4, 1, 4, tzinfo=UTC)  # in New York
    clock = SetClock(midnight - timedelta(seconds=1))
    later = Intake(hospital.intake.database, hospital.intake.site, hospital.intake.seal, clock)
    await handlers.run_out(later)
    assert len(await about_consents(hospital)) == 1
    clock.forward(timedelta(seconds=1))
    while await handlers.run_out(later):
        pass
    _, over = await about_consents(hospital)
    assert (over.name, over.as_json["consent_id"]) == ("consent-expired", told["consent_id"])
    assert datetime.fromisoformat(over.as_json["occurred_at"]) == midnight
    answer = await http.post(f"/consents/{told['consent_id']}/revoked", headers=asking("coordinator"))
    assert (answer.status_code, answer.json()["state"]) == (409, "expired")


async def test_the_consents_of_a_patient_are_listed_for_those_who_may_see_them(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    body = consent(hospital, recipient=None, recipient_class="treating-provider", to="2027-01-01")
    told = await given(http, body, asking("coordinator"))
    path = f"/api/consents?patient_id={told['patient_id']}"
    (found,) = (await http.get(path, headers=asking("auditor"))).json()["consents"]
    assert (found["consent_id"], found["recipient_class"], found["to"]) == (
        told["consent_id"],
        "treating-provider",
        "2027-01-01",
    )
    assert "over_at" not in found
    assert (await http.get(path, headers=asking("auditor", "RIVERBEND"))).json() == {"consents": []}
    assert (await http.get("/api/consents", headers=asking("auditor"))).status_code == 422
    assert (await http.get(path, headers=asking("hospital"))).status_code == 403
    query = sa.text("SELECT count(*) FROM audit WHERE action = 'consents-read' AND subject = :patient")
    async with hospital.intake.database.read() as connection:
        assert (await connection.execute(query, {"patient": told["patient_id"]})).scalar_one() == 2


ODD = "ODDVALUE"


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"recipient": "odd-value"}, 422, "recipient"),
        ({"recipient": None, "recipient_class": "odd-value"}, 422, "recipient_class"),
        ({"recipient": None}, 422, ""),
        ({"recipient_class": "treating-provider"}, 422, ""),
        ({"identity": None}, 422, ""),
        ({"patient_id": "also"}, 422, ""),
        ({"scope": []}, 422, "scope"),
        ({"scope": [ODD]}, 422, "scope.0"),
        ({"purpose": f"{ODD} and more"}, 422, "purpose"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, 422, ""),
        ({"from": ODD}, 422, "from"),
        ({"facility": ODD}, 422, "facility"),
        ({"discloser": ODD}, 422, "discloser"),
        ({"occurred_at": "2199-03-22T12:00:00Z"}, 422, "occurred_at"),
        ({ODD: 1}, 422, "?"),
        ({"identity": None, "patient_id": ODD}, 404, None),
        ({"identity": None, "episode_id": ODD}, 404, None),
    ],
)
async def test_what_does_not_fit_is_named_by_field_and_never_repeated(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking, change: Body, status: int, field: str | None
) -> None:
    answer = await http.post("/consents", json=consent(hospital, **change), headers=asking("coordinator"))
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert ODD not in answer.text
    if field is not None:
        assert field in {each["field"] for each in answer.json()["fields"]}


async def test_who_may_not_ask_is_told_so(http: httpx.AsyncClient, hospital: Hospital, asking: Asking) -> None:
    told = await given(http, consent(hospital), asking("coordinator"))
    path = f"/consents/{told['consent_id']}/revoked"
    assert (await http.post("/consents", json=consent(hospital))).status_code == 401
    assert (await http.post("/consents", json=consent(hospital), headers=asking("program"))).status_code == 403
    elsewhere = asking("coordinator", "RIVERBEND")
    assert (await http.post("/consents", json=consent(hospital), headers=elsewhere)).status_code == 403
    assert (await http.post(path, headers=asking("billing"))).status_code == 403
    assert (await http.post(path, headers=elsewhere)).status_code == 404
    assert (await http.get(f"/consents/{told['consent_id']}", headers=elsewhere)).status_code == 404
    assert (await http.get(f"/consents/{told['consent_id']}", headers=asking("program"))).status_code == 403
    assert (await http.get("/consents/none", headers=asking("coordinator"))).status_code == 404
    assert (await http.post("/consents/none/revoked", headers=asking("coordinator"))).status_code == 404
    assert (await http.post(path, json={"reason": "mine"}, headers=asking("coordinator"))).status_code == 422


async def test_what_verify_looks_at_holds_with_consents(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await two_episodes(hospital)
    told = await given(http, consent(hospital), asking("coordinator"))
    await http.post(f"/consents/{told['consent_id']}/revoked", headers=asking("coordinator"))
    await hospital.tells("A02", "20260316090000", visit="V2", unit="PHP1")
    found = [what async for what in broken(hospital.intake.database, hospital.intake.site)]
    assert [what for what in found if "sequences" in what.text] == []
