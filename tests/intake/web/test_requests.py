"""Referrals and assessments over HTTP: which episode they are of, once for each key, and what is refused."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.intake.checks import broken
from services.intake.timers import KEYS_KEPT
from shared.clock import SetClock
from shared.web import idempotency
from tests.intake.conftest import NOW, Hospital
from tests.intake.web.conftest import Asking

Body = dict[str, Any]


def referral(hospital: Hospital, **more: Any) -> Body:
    """A referral of a patient."""
    identity = {"identifiers": [{"id": hospital.mrn, "assigning_authority": "GH", "type": "MR"}]}
    return {"facility": "GOODHEALTH", "identity": identity, "source": "primary-care", **more}


def assessment(**more: Any) -> Body:
    """An assessment, still without a patient or episode."""
    return {"facility": "GOODHEALTH", "instrument": "LOCUS", "version": "20", "phase": "intake", **more}


async def posted(http: httpx.AsyncClient, path: str, body: Body, headers: dict[str, str]) -> dict[str, str]:
    """The ids that a request which is taken is answered."""
    answer = await http.post(path, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    told: dict[str, str] = answer.json()
    return told


async def facts(hospital: Hospital, patient_id: str) -> list[Any]:
    """What was stated of a patient, in the order of the outbox."""
    return list(await hospital.facts_about(patient_id))


async def test_a_referral_begins_an_episode_and_tells_who_the_patient_is(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    body = referral(hospital, requested_level="iop", needs=["language:es"], labels=["PSY"])
    body["identity"] |= {
        "name": {"family": f"Ref{hospital.mrn}", "given": "Ann"},
        "birth_date": "1990-05-01",
        "contacts": [{"system": "phone", "value": "555 010 9999", "safe": False}],
        "safe_to_contact": {"phone": False, "email": True},
    }
    told = await posted(http, "/referrals", body, asking("hospital"))
    (fact,) = await facts(hospital, told["patient_id"])
    assert (fact.id, fact.subject, fact.type, fact.sequence) == (
        told["fact_id"], told["episode_id"], "care.referred.v1", 1,
    )  # fmt: skip
    own = {name: fact.as_json[name] for name in ("source", "requested_level", "needs", "labels", "facility")}
    assert own == {
        "source": "primary-care", "requested_level": "iop", "needs": ["language:es"], "labels": ["PSY"],
        "facility": "GOODHEALTH",
    }  # fmt: skip
    question = {"q": f"ref{hospital.mrn} 1990-05-01"}
    (patient,) = (await http.get("/api/patients", params=question, headers=asking("coordinator"))).json()["patients"]
    assert patient["patient_id"] == told["patient_id"]
    assert patient["contacts"] == [{"system": "phone", "value": "555 010 9999", "safe": False}]
    assert patient["safe_to_contact"] == {"phone": False, "email": True}


async def test_an_episode_that_a_referral_begins_for_a_dead_patient_is_told_of_the_death(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.says(hospital.message("A31", visit="").replace(b"19800101|F", b"19800101|F" + b"|" * 22 + b"Y"))
    told = await posted(http, "/referrals", referral(hospital), asking("hospital"))
    facts = [(fact.name, fact.subject, fact.sequence) for fact in await hospital.facts()]
    assert facts == [("referred", told["episode_id"], 1), ("patient-died", told["episode_id"], 2)]


async def test_an_admission_after_a_referral_joins_its_episode_before_kafka_told_anything(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    told = await posted(http, "/referrals", referral(hospital, occurred_at="2026-03-08T09:00:00Z"), asking("hospital"))
    await hospital.tells("A01", "20260310090000")
    assert [(fact.name, fact.subject, fact.sequence) for fact in await facts(hospital, told["patient_id"])] == [
        ("referred", told["episode_id"], 1),
        ("admitted", told["episode_id"], 2),
    ]


@pytest.mark.parametrize(
    ("at", "joins"),
    [
        ("2026-03-11T12:00:00Z", True),
        ("2026-02-20T12:00:00Z", True),
        ("2026-01-02T12:00:00Z", False),
    ],
    ids=["while it is open", "a little before", "long before"],
)
async def test_a_referral_joins_the_open_or_recent_episode(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking, at: str, joins: bool
) -> None:
    await hospital.tells("A01", "20260310090000")
    (admitted,) = await hospital.facts()
    told = await posted(http, "/referrals", referral(hospital, occurred_at=at), asking("coordinator"))
    assert told["patient_id"] == admitted.as_json["patient_id"]
    assert (told["episode_id"] == admitted.subject) is joins


async def test_a_visit_long_after_the_end_is_no_more_of_the_referred_episode(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    told = await posted(http, "/referrals", referral(hospital, occurred_at="2026-01-01T09:00:00Z"), asking("hospital"))
    for trigger, at, visit in (
        ("A01", "20260102090000", "V1"),
        ("A03", "20260103090000", "V1"),
        ("A01", "20260310090000", "V2"),
    ):
        await hospital.tells(trigger, at, visit=visit)
    episodes = [fact.subject for fact in await facts(hospital, told["patient_id"])]
    assert episodes[:3] == [told["episode_id"]] * 3
    assert episodes[3] != told["episode_id"]


async def test_an_assessment_is_of_the_episode_named_or_of_the_patient(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    told = await posted(http, "/referrals", referral(hospital), asking("hospital"))
    found = {"score": 19.5, "severity": "moderate", "dimensions": {"risk-of-harm": 3}, "flags": ["suicide-risk"]}
    body = assessment(episode_id=told["episode_id"], recommended_level="php", **found)
    first = await posted(http, "/assessments", body, asking("hospital", "GOODHEALTH"))
    second = await posted(
        http, "/assessments", assessment(identity=referral(hospital)["identity"]), asking("coordinator")
    )
    assert first["episode_id"] == second["episode_id"] == told["episode_id"]
    _, fact, _ = await facts(hospital, told["patient_id"])
    assert (fact.type, fact.sequence) == ("care.assessed.v1", 2)
    assert {name: fact.as_json[name] for name in (*found, "recommended_level", "instrument", "version", "phase")} == {
        **found, "recommended_level": "php", "instrument": "LOCUS", "version": "20", "phase": "intake",
    }  # fmt: skip


async def test_only_an_episode_that_one_may_see_can_be_assessed(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    told = await posted(http, "/referrals", referral(hospital), asking("hospital"))
    body = assessment(facility="RIVERBEND", episode_id=told["episode_id"])
    answer = await http.post("/assessments", json=body, headers=asking("hospital", "RIVERBEND"))
    nobody = await http.post(
        "/assessments", json=body | {"episode_id": "none"}, headers=asking("hospital", "RIVERBEND")
    )
    assert (answer.status_code, answer.json()) == (404, nobody.json())


async def test_the_same_key_gets_the_first_answer_and_states_one_fact(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    headers = asking("hospital") | {"idempotency-key": f"k-{hospital.mrn}"}
    told = await posted(http, "/referrals", referral(hospital), headers)
    assert await posted(http, "/referrals", referral(hospital), headers) == told
    assert len(await facts(hospital, told["patient_id"])) == 1
    other = await http.post("/referrals", json=referral(hospital, source="court"), headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "urn:stepdown:problem:other-request")
    another = asking("hospital", subject="another") | {"idempotency-key": f"k-{hospital.mrn}"}
    assert (await posted(http, "/referrals", referral(hospital, source="court"), another))["fact_id"] != told["fact_id"]


async def test_of_requests_with_one_key_at_once_one_is_taken(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    headers = asking("hospital") | {"idempotency-key": f"at-once-{hospital.mrn}"}
    told = await asyncio.gather(*(posted(http, "/referrals", referral(hospital), headers) for _ in range(6)))
    assert len({each["fact_id"] for each in told}) == 1
    assert len(await facts(hospital, told[0]["patient_id"])) == 1


async def test_requests_of_one_patient_at_once_are_of_one_episode(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    told = await asyncio.gather(
        *(posted(http, "/referrals", referral(hospital), asking("hospital")) for _ in range(5)),
        *(hospital.tells("A01", visit=f"V{n}") for n in range(3)),
    )
    found = await facts(hospital, told[0]["patient_id"])  # type: ignore[index]
    assert len({fact.subject for fact in found}) == 1
    assert sorted(fact.sequence for fact in found) == list(range(1, 9))


async def test_a_key_is_forgotten_after_a_week(http: httpx.AsyncClient, hospital: Hospital, asking: Asking) -> None:
    headers = asking("hospital") | {"idempotency-key": f"old-{hospital.mrn}"}
    told = await posted(http, "/referrals", referral(hospital), headers)
    given = hospital.intake
    await idempotency.forget(given.database, SetClock(NOW + KEYS_KEPT), KEYS_KEPT)
    assert await posted(http, "/referrals", referral(hospital), headers) == told
    await idempotency.forget(given.database, SetClock(NOW + KEYS_KEPT + timedelta(seconds=1)), KEYS_KEPT)
    assert (await posted(http, "/referrals", referral(hospital), headers))["fact_id"] != told["fact_id"]


ODD = "ODDVALUE"


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/referrals", b"{" + ODD.encode(), 400, None),
        ("/referrals", b"", 400, None),
        ("/referrals", b"[]", 422, ""),
        ("/referrals", {"source": ODD}, 422, "source"),
        ("/referrals", {ODD: 1}, 422, "?"),
        ("/referrals", {"identity": {"identifiers": []}}, 422, "identity.identifiers"),
        ("/referrals", {"identity": {"identifiers": [{"id": "x\0" + ODD}]}}, 422, "identity.identifiers.0.id"),
        ("/referrals", {"needs": [f"two lines\n{ODD}"]}, 422, "needs.0"),
        ("/referrals", {"facility": ODD}, 422, None),
        ("/referrals", {"occurred_at": "2026-03-20"}, 422, "occurred_at"),
        ("/referrals", {"occurred_at": "2199-03-22T12:00:00Z"}, 422, None),
        ("/assessments", {}, 422, ""),
        ("/assessments", {"episode_id": "e", "dimensions": {ODD + " x": 1}}, 422, "dimensions.?.?"),
        ("/assessments", {"episode_id": "e", "score": "NaN"}, 422, "score"),
    ],
)
async def test_what_does_not_fit_is_named_by_field_and_never_repeated(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking, path: str, body: Any, status: int, field: str | None
) -> None:
    if isinstance(body, bytes):
        given: dict[str, Any] = {"content": body}
    else:
        given = {"json": (referral(hospital) if path == "/referrals" else assessment()) | body}
    headers = asking("hospital") | {"content-type": "application/json"}
    answer = await http.post(path, headers=headers, **given)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert ODD not in answer.text
    if field is not None:
        assert field in {each["field"] for each in answer.json()["fields"]}


@pytest.mark.parametrize(
    ("needs", "field"),
    [
        (["transport", f"no_{ODD}"], "needs.1"),
        ([f"risk:{ODD}"], "needs.0"),
        (["language"], "needs.0"),
        (["transport:north"], "needs.0"),
    ],
)
async def test_a_person_s_need_is_one_of_the_site_s_and_a_hospital_s_system_s_is_taken(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking, needs: list[str], field: str
) -> None:
    body = referral(hospital) | {"needs": needs}
    refused = await http.post("/referrals", json=body, headers=asking("coordinator"))
    assert (refused.status_code, [one["field"] for one in refused.json()["fields"]]) == (422, [field])
    assert ODD not in refused.text
    told = await posted(http, "/referrals", body, asking("hospital"))
    (fact,) = await facts(hospital, told["patient_id"])
    assert "unknown" in fact.as_json["needs"]
    assert ODD.encode() not in fact.body


@pytest.mark.parametrize("path", ["/referrals", "/assessments"])
async def test_who_may_not_ask_is_told_so(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking, path: str
) -> None:
    body = referral(hospital)
    assert (await http.post(path, json=body)).status_code == 401
    assert (await http.post(path, json=body, headers=asking("billing"))).status_code == 403
    assert (await http.post(path, content=b"x" * 70_000, headers=asking("hospital"))).status_code == 415
    long = asking("hospital") | {"content-type": "application/json"}
    assert (await http.post(path, content=b"x" * 70_000, headers=long)).status_code == 413


@pytest.mark.parametrize("key", ["", "x" * 201])
async def test_a_key_that_is_none_is_refused(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking, key: str
) -> None:
    headers = asking("hospital") | {"idempotency-key": key}
    assert (await http.post("/referrals", json=referral(hospital), headers=headers)).status_code == 400


async def test_a_referral_elsewhere_is_out_of_scope(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    answer = await http.post("/referrals", json=referral(hospital), headers=asking("hospital", "RIVERBEND"))
    assert answer.status_code == 403
    assert await hospital.patient_id() is None


async def test_what_verify_looks_at_holds_with_referrals(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await posted(http, "/referrals", referral(hospital), asking("hospital"))
    await hospital.tells("A01")
    found = [what async for what in broken(hospital.intake.database, hospital.intake.site)]
    assert [what for what in found if "sequences" in what] == []
