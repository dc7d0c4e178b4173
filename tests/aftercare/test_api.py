"""What people do over HTTP, on the real database: referrals, contacts, follow-ups by hand, risks, plans, measures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.aftercare.checks import broken
from services.aftercare.desk.api import routes
from services.aftercare.desk.writes import WRITES
from services.aftercare.engine.apply import Rules
from services.aftercare.tables import entries
from shared.clock import SetClock
from shared.storage.database import Database
from shared.storage.tables import audit, refusals
from shared.web.app import web_app
from shared.web.auth import DEV_ISSUER, Tokens
from tests.aftercare.builders import LEFT, day, document, inpatient, stay
from tests.aftercare.test_handlers import SITE, sent, take_in
from tests.aftercare.test_web import KEY, _ready, token
from tests.answers import client_of

COMPLETED = stay("iop", LEFT - timedelta(days=30), LEFT, id="P1", how="completed", reason="goals-met")


class Desk:
    """The API as somebody with a token uses it."""

    def __init__(self, client: httpx.AsyncClient, clock: SetClock) -> None:
        self.client, self.clock = client, clock

    async def get(
        self, path: str, *roles: str, facilities: tuple[str, ...] = ("*",), query: dict[str, str] | None = None
    ) -> httpx.Response:
        return await self.client.get(path, params=query, headers=self._bearer(roles or ("coordinator",), facilities))

    async def post(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        roles: tuple[str, ...] = ("coordinator",),
        facilities: tuple[str, ...] = ("*",),
        **headers: str,
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, json=body or {}, headers=self._bearer(roles, facilities) | named)

    async def listed(self, name: str, **query: str) -> list[dict[str, Any]]:
        answer = await self.get(f"/api/{name}", query=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def _bearer(self, roles: tuple[str, ...], facilities: tuple[str, ...]) -> dict[str, str]:
        return {"authorization": f"Bearer {token(*roles, facilities=facilities)}"}


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    clock = SetClock(day(2))
    app = web_app(
        title="aftercare",
        tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)),
        ready=_ready,
        routes=routes(database, Rules(SITE, clock)),
    )
    async with client_of(app, "aftercare", "http://aftercare") as client:
        yield Desk(client, clock)
    async with database.read() as connection:
        assert await broken(connection, SITE, clock) == []


@pytest.fixture
async def completed(database: Database) -> None:
    """An episode whose IOP was completed: aftercare has started."""
    await take_in(database, document(COMPLETED))


async def test_where_another_facility_told_a_death_calls_stop_until_a_person_here_decides(
    desk: Desk, database: Database
) -> None:
    death = {"ce_id": "d-1", "facility": "RIVERBEND", "at": day(1).isoformat()}
    await take_in(database, document(inpatient(), version=2, deaths=[death], state="closed"))
    [plan] = await desk.listed("plans", state="active")
    assert plan["calls_stopped"] == "ask-before-calling"
    assert "contact_due" not in plan
    assert "RIVERBEND" not in str(plan)
    path = f"/api/plans/{plan['id']}/calls"
    assert (await desk.post(path, {"decision": "go-on"}, facilities=("RIVERBEND",))).status_code == 404
    assert (await desk.post(path, {"decision": "perhaps"})).status_code == 422
    assert (await desk.post(path, {"decision": "go-on"})).status_code == 200
    [plan] = await desk.listed("plans", state="active")
    assert "contact_due" in plan
    assert (await desk.post(path, {"decision": "go-on"})).status_code == 409
    assert (await desk.post(path, {"decision": "stop"})).status_code == 200
    assert await desk.listed("plans", state="active") == []


async def a_referral(desk: Desk, kind: str = "outpatient-therapy") -> str:
    return next(str(r["id"]) for r in await desk.listed("referrals") if r["kind"] == kind)


AT = day(5).isoformat()
BODIES: dict[str, dict[str, Any]] = {
    "declined": {"reason": "no-capacity"},
    "scheduled": {"at": AT, "mode": "telehealth"},
    "rescheduled": {"at": day(9).isoformat()},
    "cancellation-requested": {"by": "patient", "reason": "found-other-care"},
    "cancelled": {"reason": "found-other-care"},
    "no-show": {"by": "patient"},
}


async def move(desk: Desk, referral: str, *moves: str) -> httpx.Response:
    for each in moves:
        answer = await desk.post(f"/api/referrals/{referral}/{each}", BODIES.get(each))
    return answer


@pytest.mark.usefixtures("completed")
async def test_a_completed_program_has_a_plan_with_the_templates_referrals_and_contacts(desk: Desk) -> None:
    [plan] = await desk.listed("plans", state="active")
    assert (plan["template"], plan["trigger"], plan["episode_id"]) == ("step-out", "P1.ended", "E1")
    assert [c["name"] for c in plan["contacts"]] == ["first-call"]
    assert datetime.fromisoformat(plan["contact_due"]) == LEFT + timedelta(hours=72)
    assert {(r["kind"], r["due_by"], r["state"]) for r in await desk.listed("referrals")} == {
        ("outpatient-therapy", "2026-04-08", "referred"),
        ("medication", "2026-04-15", "referred"),
    }


@pytest.mark.usefixtures("completed")
@pytest.mark.parametrize(
    ("moves", "state"),
    [
        (["received", "accepted", "scheduled", "completed"], "completed"),
        (["accepted", "scheduled", "no-show", "rescheduled", "completed"], "completed"),
        (["received", "declined"], "declined"),
        (["received", "accepted", "cancellation-requested", "cancelled"], "cancelled"),
        (["cancelled"], "cancelled"),
    ],
)
async def test_a_referral_goes_its_way_to_an_end(desk: Desk, moves: list[str], state: str) -> None:
    referral = await a_referral(desk)
    answer = await move(desk, referral, *moves)
    assert (answer.status_code, answer.json()["state"]) == (200, state)
    assert [told["move"] for told in answer.json()["history"]] == moves
    assert answer.json()["possible"] == []


@pytest.mark.usefixtures("completed")
async def test_a_move_that_is_not_possible_now_says_what_is_and_the_refusal_is_recorded(
    desk: Desk, database: Database
) -> None:
    referral = await a_referral(desk)
    before = await sent(database)
    answer = await move(desk, referral, "scheduled")
    assert answer.status_code == 409
    assert answer.json()["state"] == "referred"
    assert answer.json()["possible"] == ["received", "accepted", "declined", "cancelled"]
    assert await sent(database) == before
    async with database.read() as connection:
        found = (await connection.execute(sa.select(refusals.c.actor, refusals.c.action, refusals.c.code))).all()
    assert [tuple(row) for row in found] == [("u1", "referral-scheduled", "not-possible-now")]


@pytest.mark.usefixtures("completed")
async def test_an_appointment_follows_its_referral(desk: Desk) -> None:
    referral = await a_referral(desk)
    await move(desk, referral, "accepted", "scheduled")
    [first] = await desk.listed("appointments")
    assert (first["state"], first["referral_id"], first["mode"]) == ("scheduled", referral, "telehealth")
    await move(desk, referral, "no-show", "rescheduled", "completed")
    assert [a["state"] for a in await desk.listed("appointments")] == ["missed", "kept"]


@pytest.mark.usefixtures("completed")
async def test_another_referral_takes_the_place_of_a_declined_one_only(desk: Desk) -> None:
    referral = await a_referral(desk)
    body = {"episode_id": "E1", "kind": "outpatient-therapy", "provider": "RIVERBEND", "instead_of": referral}
    early = await desk.post("/api/referrals", body)
    assert (early.status_code, early.json()["state"]) == (409, "referred")
    await move(desk, referral, "declined")
    made = await desk.post("/api/referrals", body)
    assert (made.status_code, made.json()["state"], made.json()["instead_of"]) == (201, "referred", referral)


@pytest.mark.usefixtures("completed")
async def test_who_saw_an_older_state_is_told_412_and_nothing_is_done(desk: Desk, database: Database) -> None:
    referral = await a_referral(desk)
    seen = (await desk.get(f"/api/referrals/{referral}")).headers["etag"]
    first = await desk.post(f"/api/referrals/{referral}/received", if_match=seen)
    assert first.status_code == 200
    assert first.headers["etag"] != seen
    before = await sent(database)
    for stale in (seen, '"x"', "7", 'W/"1"'):
        answer = await desk.post(f"/api/referrals/{referral}/accepted", if_match=stale)
        assert (answer.status_code, answer.headers["content-type"]) == (412, "application/problem+json")
    assert await sent(database) == before
    again = await desk.post(f"/api/referrals/{referral}/accepted", if_match=first.headers["etag"])
    assert again.status_code == 200


@pytest.mark.usefixtures("completed")
async def test_a_request_sent_again_with_its_key_is_done_once_and_answered_alike(
    desk: Desk, database: Database
) -> None:
    body = {"episode_id": "E1", "at": day(1).isoformat(), "mode": "phone", "outcome": "reached"}
    first = await desk.post("/api/contacts", body, idempotency_key="k1")
    before = await sent(database)
    again = await desk.post("/api/contacts", body, idempotency_key="k1")
    assert first.status_code == again.status_code == 201
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert await sent(database) == before
    other = await desk.post("/api/contacts", body | {"mode": "telehealth"}, idempotency_key="k1")
    assert (other.status_code, other.json()["type"]) == (422, "urn:stepdown:problem:idempotency-key-reused")
    assert len(await desk.listed("contacts")) == 1


@pytest.mark.usefixtures("completed")
async def test_a_key_whose_request_was_refused_may_be_tried_again(desk: Desk) -> None:
    referral = await a_referral(desk)
    path = f"/api/referrals/{referral}/scheduled"
    assert (await desk.post(path, BODIES["scheduled"], idempotency_key="k2")).status_code == 409
    await move(desk, referral, "accepted")
    assert (await desk.post(path, BODIES["scheduled"], idempotency_key="k2")).status_code == 200


@pytest.mark.usefixtures("completed")
async def test_of_many_at_once_one_moves_the_referral_and_one_key_is_one_contact(
    desk: Desk, database: Database
) -> None:
    referral = await a_referral(desk)
    moves = [desk.post(f"/api/referrals/{referral}/{to}", BODIES.get(to)) for to in ("accepted", "declined") * 4]
    # declined is possible after accepted: of each, one is done
    done = [answer.status_code for answer in await asyncio.gather(*moves)]
    assert done.count(200) <= 2
    assert set(done) == {200, 409}
    body = {"episode_id": "E1", "at": day(1).isoformat(), "mode": "phone", "outcome": "reached"}
    sendings = [desk.post("/api/contacts", body, idempotency_key="once") for _ in range(8)]
    answers = await asyncio.gather(*sendings)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == len(await desk.listed("contacts")) == 1


async def contact(desk: Desk, at: datetime, outcome: str, **more: Any) -> httpx.Response:
    body = {"episode_id": "E1", "at": at.isoformat(), "mode": "phone", "outcome": outcome, **more}
    return await desk.post("/api/contacts", body)


@pytest.mark.usefixtures("completed")
async def test_two_missed_contacts_raise_a_risk_and_a_kept_one_clears_it(desk: Desk) -> None:
    await contact(desk, day(1, 9), "no-answer")
    assert await desk.listed("risks") == []
    await contact(desk, day(1, 15), "left-message")
    [risk] = await desk.listed("risks", state="raised")
    assert risk["signals"] == ["missed-contacts"]
    await contact(desk, day(2, 9), "reached")
    [risk] = await desk.listed("risks", state="cleared")
    assert risk["reason"] == "patient-reached"


async def test_a_contact_recorded_in_error_takes_what_followed_from_it_along(desk: Desk, database: Database) -> None:
    await take_in(database, document(inpatient()))
    made = (await contact(desk, day(1), "reached", provider_kind="therapist")).json()["id"]
    assert {f["state"] for f in await desk.listed("follow-ups")} == {"kept"}
    path = f"/api/contacts/{made}/withdrawn"
    assert (await desk.post(path, {"reason": "wrong-patient"})).status_code == 200
    assert {f["state"] for f in await desk.listed("follow-ups")} == {"due"}
    assert await desk.listed("contacts") == []
    assert (await sent(database))[-3:] == ["6 fact-cancelled", "7 fact-cancelled", "8 fact-cancelled"]
    assert (await desk.post(path, {"reason": "other"})).status_code == 404


@pytest.mark.usefixtures("completed")
async def test_a_person_clears_a_risk_with_a_reason_once(desk: Desk, database: Database) -> None:
    for hour in (9, 15):
        await contact(desk, day(1, hour), "no-answer")
    [risk] = await desk.listed("risks")
    path = f"/api/risks/{risk['id']}/cleared"
    answer = await desk.post(path, {"reason": "seen-in-person"}, roles=("clinician",))
    assert (answer.status_code, answer.json()["state"], answer.json()["decided_by"]) == (200, "cleared", "person")
    assert (await sent(database))[-1].endswith("relapse-risk-cleared")
    assert (await desk.post(path, {"reason": "other"})).status_code == 409


async def test_a_telephone_visit_with_a_therapist_keeps_the_follow_up(desk: Desk, database: Database) -> None:
    await take_in(database, document(inpatient()))
    await contact(desk, day(1), "reached", provider_kind="peer")
    assert {f["state"] for f in await desk.listed("follow-ups")} == {"due"}
    await contact(desk, day(2, 9), "reached", provider_kind="therapist")
    assert {(f["state"], f["kept_at"][:10]) for f in await desk.listed("follow-ups")} == {("kept", "2026-04-03")}


@pytest.mark.parametrize(("at", "status"), [(day(1), 200), (day(0), 409), (day(2, 10) + timedelta(minutes=6), 422)])
async def test_a_follow_up_seen_elsewhere_is_kept_by_a_person(
    desk: Desk, database: Database, at: datetime, status: int
) -> None:
    await take_in(database, document(inpatient()))
    follow_up = (await desk.listed("follow-ups"))[0]["follow_up_id"]
    body = {"at": at.isoformat(), "mode": "in-person", "provider_kind": "psychiatrist", "reason": "seen-elsewhere"}
    answer = await desk.post(f"/api/follow-ups/{follow_up}/kept", body)
    assert answer.status_code == status
    state = (await desk.get(f"/api/follow-ups/{follow_up}")).json()["state"]
    assert state == ("kept" if status == 200 else "due")


async def test_what_a_person_decided_returns_when_a_readmission_that_stood_over_it_goes(
    desk: Desk, database: Database
) -> None:
    await take_in(database, document(inpatient()))
    follow_up = (await desk.listed("follow-ups"))[0]["follow_up_id"]
    path = f"/api/follow-ups/{follow_up}"
    assert (await desk.post(f"{path}/excluded", {"reason": "hospice"})).json()["reason"] == "hospice"
    await take_in(database, document(inpatient(), stay("inpatient", day(3), id="V2"), version=2))
    over = (await desk.get(path)).json()
    assert (over["state"], over["reason"]) == ("excluded", "readmitted")
    refused = await desk.post(f"{path}/excluded", {"reason": "other"})
    assert (refused.status_code, refused.json()["possible"]) == (409, [])
    await take_in(database, document(inpatient(), version=3))
    assert (await desk.get(path)).json()["reason"] == "hospice"


@pytest.mark.usefixtures("completed")
async def test_goals_are_met_when_no_referral_is_open_and_the_end_is_final(desk: Desk) -> None:
    [plan] = await desk.listed("plans")
    path = f"/api/plans/{plan['id']}/closed"
    early = await desk.post(path, {"outcome": "goals-met"})
    assert (early.status_code, early.json()["type"]) == (409, "urn:stepdown:problem:referrals-open")
    for referral in await desk.listed("referrals"):
        await move(desk, referral["id"], "accepted", "completed")
    closed = await desk.post(path, {"outcome": "goals-met"})
    assert (closed.json()["state"], closed.json()["outcome"]) == ("closed", "goals-met")
    assert (await desk.post(path, {"outcome": "other"})).status_code == 409


@pytest.mark.usefixtures("completed")
async def test_an_admission_takes_the_patient_out_of_the_plan(desk: Desk, database: Database) -> None:
    await take_in(database, document(COMPLETED, stay("inpatient", day(6), id="V2"), version=2))
    [plan] = await desk.listed("plans", state="in-care")
    answer = await desk.post(f"/api/plans/{plan['id']}/closed", {"outcome": "other"})
    assert (answer.status_code, answer.json()["state"]) == (409, "in-care")
    assert (await desk.post("/api/referrals", {"episode_id": "E1", "kind": "psychiatry"})).status_code == 409


@pytest.mark.usefixtures("completed")
async def test_a_completion_taken_back_leaves_only_what_people_moved(desk: Desk, database: Database) -> None:
    referral = await a_referral(desk)
    await move(desk, referral, "received")
    await take_in(database, document(COMPLETED | {"to": None, "ended_by": None}, version=2))
    assert await desk.listed("plans") == []
    assert [r["id"] for r in await desk.listed("referrals")] == [referral]
    assert (await move(desk, referral, "accepted")).status_code == 200


async def test_rates_are_those_of_the_discharges_that_count_and_say_why_the_others_do_not(
    desk: Desk, database: Database
) -> None:
    """Detox, a child of three and a medical stay open no window; days attended keep that of a same-day step-down."""
    attended = {"attended": [{"date": day(n).date().isoformat(), "mode": "in-person"} for n in (1, 2, 3, 4)]}
    cases = [
        (inpatient(), stay("php", day(0, 13), id="S") | attended),
        (inpatient() | {"setting": "withdrawal-management", "labels": ["SUD"]},),
        (inpatient() | {"age_years": 3},),
        (inpatient() | {"diagnosis": {"system": "I10", "code": "J18.9"}},),
        (inpatient(), stay("inpatient", day(4), id="V2")),
        (inpatient(), stay("residential", day(1), id="S")),
        (inpatient(), stay("residential", day(9), id="S")),
        (inpatient(kind="transfer"),),
        (inpatient(),),
    ]
    await take_in(database, *(document(*stays, episode_id=f"E{n}") for n, stays in enumerate(cases)))
    asked = {"from": "2026-04-01", "to": "2026-04-01"}
    for row in (await desk.get("/api/measures", query=asked)).json()["items"]:
        assert (row["numerator"], row["denominator"], row["rate"], row["due"]) == (1, 2, 0.5, 1)
        assert row["excluded_by"] == {"non-acute-stay": 2, "readmitted": 1, "transferred": 1}
    excluded = (await desk.get("/api/follow-ups", query={"state": "excluded"})).json()["items"]
    assert {row["reason"] for row in excluded} == {"non-acute-stay", "readmitted", "transferred"}


async def test_a_plan_begins_at_the_discharge_and_is_ended_only_when_nothing_is_looked_for(
    desk: Desk, database: Database
) -> None:
    await take_in(database, document(inpatient(), search="open"))
    [plan] = await desk.listed("plans", state="active")
    assert (plan["contact_due"], plan["search"]) == ((LEFT + timedelta(hours=72)).isoformat(), "open")
    assert "overdue" not in plan
    desk.clock.at = day(5)
    assert (await desk.listed("plans", state="active"))[0]["overdue"] is True
    path = f"/api/plans/{plan['id']}/closed"
    early = await desk.post(path, {"outcome": "in-other-care"})
    assert (early.status_code, early.json()["type"]) == (409, "urn:stepdown:problem:search-open")
    called = await desk.post(
        "/api/contacts", {"episode_id": "E1", "at": day(4).isoformat(), "mode": "phone", "outcome": "reached"}
    )
    assert called.status_code == 201
    [reached] = await desk.listed("plans", state="active")
    assert ("contact_due" in reached, reached["contacts"][0]["late"]) == (False, True)
    await take_in(database, document(inpatient(), version=2))
    assert (await desk.post(path, {"outcome": "in-other-care"})).status_code == 200
    assert [(one["state"], one["outcome"]) for one in await desk.listed("plans")] == [("closed", "in-other-care")]


async def test_measures_count_kept_of_those_not_excluded_by_facility(desk: Desk, database: Database) -> None:
    await take_in(
        database,
        document(inpatient(), stay("php", day(1), id="S"), episode_id="E1"),
        document(inpatient(), episode_id="E2"),
        document(inpatient(kind="deceased"), episode_id="E3"),
        document(inpatient(facility="RIVERBEND"), episode_id="E4"),
        document(inpatient(day(40)), episode_id="E5"),
    )
    asked = {"from": "2026-04-01", "to": "2026-04-30", "measure": "FUH-7"}
    found = (await desk.get("/api/measures", query=asked)).json()["items"]
    shown = [(row["facility"], row["numerator"], row["denominator"], row["excluded"], row["rate"]) for row in found]
    assert shown == [("GOODHEALTH", 1, 2, 1, 0.5), ("RIVERBEND", 0, 1, 0, 0.0)]
    scoped = await desk.get("/api/measures", "auditor", facilities=("RIVERBEND",), query=asked)
    assert [row["facility"] for row in scoped.json()["items"]] == ["RIVERBEND"]


@pytest.mark.parametrize(
    ("path", "body", "status", "fields"),
    [
        ("/api/contacts", {"episode_id": "E1", "at": AT, "mode": "fax-secret", "outcome": "reached"}, 422, ["mode"]),
        ("/api/contacts", {"episode_id": "E1"}, 422, ["at", "mode", "outcome"]),
        ("/api/contacts", {"episode_id": "E1", "at": AT, "mode": "phone", "outcome": "reached"}, 422, ["at"]),
        ("/api/referrals", {"episode_id": "E1", "kind": "secret"}, 422, ["kind"]),
        ("/api/referrals", {"episode_id": "E1", "kind": "family", "secret": 1}, 422, ["?"]),
        ("/api/referrals", {"episode_id": "secret", "kind": "family"}, 404, None),
        ("/api/referrals/secret/received", {}, 404, None),
        ("/api/follow-ups/secret/excluded", {"reason": "hospice"}, 404, None),
        ("/api/risks/secret/cleared", {"reason": "other"}, 404, None),
        ("/api/appointments", {"episode_id": "E1", "at": "2026-04-01T10:00:00"}, 422, ["at"]),
    ],
)
@pytest.mark.usefixtures("completed")
async def test_what_is_not_as_it_must_be_names_the_field_and_not_the_value(
    desk: Desk, path: str, body: dict[str, Any], status: int, fields: list[str] | None
) -> None:
    answer = await desk.post(path, body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert [f["field"] for f in answer.json().get("fields", [])] == (fields or [])
    assert "secret" not in answer.text


@pytest.mark.usefixtures("completed")
async def test_a_body_that_is_no_json_or_too_long_is_refused(desk: Desk) -> None:
    bearer = {"authorization": f"Bearer {token('coordinator')}"}
    for content, status in ((b"{", 400), (b" " * 70_000, 413)):
        answer = await desk.client.post("/api/referrals", content=content, headers=bearer)
        assert answer.status_code == status


@pytest.mark.usefixtures("completed")
@pytest.mark.parametrize("role", ["program", "auditor", "billing", "hospital"])
async def test_only_coordinators_and_clinicians_write(desk: Desk, role: str) -> None:
    referral = await a_referral(desk)
    assert (await desk.post(f"/api/referrals/{referral}/received", roles=(role,))).status_code == 403


@pytest.mark.usefixtures("completed")
async def test_another_facilitys_entries_are_not_there_to_read_or_write(desk: Desk) -> None:
    referral = await a_referral(desk)
    elsewhere = ("RIVERBEND",)
    for name in ("plans", "referrals", "contacts", "appointments", "risks", "follow-ups"):
        assert (await desk.get(f"/api/{name}", facilities=elsewhere)).json()["items"] == []
    assert (await desk.get(f"/api/referrals/{referral}", facilities=elsewhere)).status_code == 404
    assert (await desk.post(f"/api/referrals/{referral}/received", facilities=elsewhere)).status_code == 404
    body = {"episode_id": "E1", "kind": "family"}
    assert (await desk.post("/api/referrals", body, facilities=elsewhere)).status_code == 404


async def test_pages_of_a_list_follow_each_other(desk: Desk, database: Database) -> None:
    await take_in(database, *(document(COMPLETED, episode_id=f"E{n}") for n in range(5)))
    whole = await desk.listed("referrals")
    seen: list[Any] = []
    more: dict[str, str] = {}
    while more is not None:
        page = (await desk.get("/api/referrals", query={"limit": "3", **more})).json()
        seen += page["items"]
        more = {"cursor": page["next"]} if page["next"] else None  # type: ignore[assignment]
    assert seen == whole
    assert len(whole) == 10


@pytest.mark.parametrize(
    ("query", "field"),
    [({"state": "x"}, "state"), ({"limit": "0"}, "limit"), ({"cursor": "x"}, "cursor"), ({"secret": "1"}, "?")],
)
async def test_a_list_that_cannot_be_asked_for_is_422(desk: Desk, query: dict[str, str], field: str) -> None:
    answer = await desk.get("/api/plans", query=query)
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, field)


@pytest.mark.usefixtures("completed")
async def test_every_act_and_every_reading_leaves_a_row_of_audit(desk: Desk, database: Database) -> None:
    referral = await a_referral(desk)
    await move(desk, referral, "received")
    async with database.read() as connection:
        rows = (await connection.execute(sa.select(audit.c.action, audit.c.subject))).all()
    assert {("referral-read", "E1"), ("referral-received", "E1")} <= {tuple(row) for row in rows}


@pytest.mark.usefixtures("completed")
async def test_a_list_that_differs_from_the_facts_is_found(desk: Desk, database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(sa.update(entries).where(entries.c.kind == "plan").values(state="closed"))
    async with database.read() as connection:
        assert {b.promise for b in await broken(connection, SITE, desk.clock)} == {"lists-are-the-facts"}
    await take_in(database, document(COMPLETED, version=2))  # a newer document writes the lists anew


async def test_the_document_of_the_api_has_every_route_and_only_names_that_are_there(desk: Desk) -> None:
    told = (await desk.client.get("/api/openapi.json")).json()
    assert told["openapi"].startswith("3.1")
    assert {write.path for write in WRITES} <= told["paths"].keys()
    served = {route.path for route in routes(None, Rules(SITE, desk.clock))}  # type: ignore[arg-type,attr-defined]
    assert served - {"/api/openapi.json"} == told["paths"].keys()
    for path in told["paths"].values():
        for operation in path.values():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if body:
                assert body["schema"]["$ref"].rsplit("/", 1)[1] in told["components"]["schemas"]
