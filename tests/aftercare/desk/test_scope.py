"""Another facility's patient stays unseen: every route of aftercare, with a token of another facility (promise 9)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from starlette.applications import Starlette

from services.aftercare.app import assemble
from services.aftercare.desk import api, page
from services.aftercare.desk.writes import WRITERS
from services.aftercare.engine.apply import Rules
from services.aftercare.tables import facts
from services.aftercare.worklists.lists import WORKLISTS
from shared.clock import SetClock
from shared.settings import Settings
from shared.storage.database import Database
from shared.web.app import web_app
from shared.web.auth import DEV_ISSUER, Tokens
from shared.web.sessions import SESSION, token_of
from tests.aftercare.builders import LEFT, day, document, inpatient, stay
from tests.aftercare.desk.test_follow_ups import KEY, _ready, token
from tests.aftercare.test_handlers import SITE, take_in
from tests.answers import client_of
from tests.scoping import Tried, reads, routes_of, told_of

KEYS = SecretStr(f"k1:{base64.b64encode(bytes(32)).decode()}")
HERE, THERE = ("GOODHEALTH",), ("RIVERBEND",)
AT = day(1).isoformat()
BODIES: dict[str, dict[str, Any]] = {
    "/api/contacts": {"episode_id": "E1", "at": AT, "mode": "phone", "outcome": "no-answer"},
    "/api/appointments": {"episode_id": "E1", "at": day(9).isoformat(), "mode": "phone"},
    "/api/referrals": {"episode_id": "E1", "kind": "psychiatry"},
    "calls": {"decision": "go-on"},
    "closed": {"outcome": "lost-contact"},
    "withdrawn": {"reason": "wrong-patient"},
    "cleared": {"reason": "judged-safe"},
    "kept": {"at": AT, "mode": "in-person", "provider_kind": "therapist", "reason": "other"},
    "excluded": {"reason": "hospice"},
    "declined": {"reason": "no-capacity"},
    "scheduled": {"at": day(9).isoformat(), "mode": "phone"},
    "rescheduled": {"at": day(9).isoformat(), "mode": "phone"},
    "cancellation-requested": {"by": "patient", "reason": "other"},
    "cancelled": {"reason": "other"},
    "replay": {"reason": "other"},
    "discarded": {"reason": "other"},
}
OVER = {"facility": "GOODHEALTH", "episode_id": "ghsecret-other"}
OVER |= {"since": day(1).isoformat(), "until": day(3).isoformat()}
LISTS = ("plans", "referrals", "contacts", "appointments", "risks", "follow-ups", "leftovers")
WORK = [one.name for one in WORKLISTS]
WARD = inpatient(to=LEFT - timedelta(days=20), id="ghsecret-visit")
IOP = stay("iop", LEFT - timedelta(days=19), LEFT, id="ghsecret-iop", how="completed", reason="goals-met")
PROGRAM = stay("iop", day(1), id="rbsecret-iop", facility="RIVERBEND")


@pytest.fixture
def app(database: Database) -> Starlette:
    rules = Rules(SITE, SetClock(day(2)))
    routes = [*api.routes(database, rules), *page.routes(database, rules, page.pages())]
    return web_app(title="aftercare", tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)), ready=_ready, routes=routes)


@pytest.fixture
async def http(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, "aftercare", "http://aftercare") as client:
        yield client


async def asked(http: httpx.AsyncClient, one: Tried, facilities: tuple[str, ...]) -> httpx.Response:
    signed = token(one.role, facilities=facilities)
    if one.path.startswith("/api/"):
        header = {"authorization": f"Bearer {signed}"}
        return await http.request(one.method, one.path, params=one.query, json=one.body, headers=header)
    if one.path.startswith("/fhir/"):
        header = {"authorization": f"Bearer {signed}"}
        return await http.request(one.method, one.path, params=one.query, data=one.body, headers=header)
    http.cookies.set(SESSION, signed)
    form = {"form_token": token_of(signed), "form_zone": facilities[0], **(one.body or {})}
    answer = await http.request(one.method, one.path, params=one.query, data=form if one.method == "POST" else None)
    http.cookies.clear()
    return answer


async def posted(http: httpx.AsyncClient, path: str, facilities: tuple[str, ...], **more: Any) -> dict[str, Any]:
    body = BODIES.get(path, BODIES.get(path.rpartition("/")[2], {})) | more
    answer = await asked(http, Tried("coordinator", "POST", path, None, body), facilities)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def at_goodhealth(http: httpx.AsyncClient, database: Database) -> None:
    """A plan with referrals, a window, contacts that raised a risk, an appointment, what a merge left: all at
    GOODHEALTH."""
    await take_in(database, document(WARD, IOP, ended_merges=[OVER]))
    for hour in range(3):
        await posted(http, "/api/contacts", HERE, at=day(1, 9 + hour).isoformat())
    await posted(http, "/api/appointments", HERE)
    await posted(http, "/api/referrals", HERE)


async def ids_of(http: httpx.AsyncClient, facilities: tuple[str, ...] = ("*",)) -> dict[str, list[str]]:
    found = {}
    for name in LISTS:
        rows = (await asked(http, Tried("coordinator", "GET", f"/api/{name}"), facilities)).json()["items"]
        found[name] = [row.get("id") or row["follow_up_id"] for row in rows]
    return found


async def own_facts(database: Database, facility: str) -> set[str]:
    async with database.read() as connection:
        query = sa.select(facts.c.ce_id).where(facts.c.value["facility"].astext == facility)
        return set((await connection.execute(query)).scalars())


def trying(method: str, path: str, ids: dict[str, list[str]]) -> list[Tried]:
    if path.startswith("/fhir/"):
        own = {"Task": "referrals", "Appointment": "appointments", "CarePlan": "plans"}[path.split("/")[2]]
        every = [f"a-{each}" for each in ids.get(own, [])] or ["a-none"]
        found = list(reads(path, every, [{}, {"patient": "P1"}]))
        return found if method == "GET" else [Tried("admin", method, path, None, {"patient": "P1"})]
    name = path.removeprefix("/api").split("/")[1]
    if method == "GET":
        days = {"from": "2026-01-01", "to": "2026-12-31"}
        queries = [{"episode_id": "E1"}, {"facility": "GOODHEALTH"}, days, days | {"facility": "GOODHEALTH"}]
        return list(
            reads(path, ids.get(name, WORK), [*queries, {"list": "plans"}, {"list": "recorded"}, {"list": "missed"}])
        )
    if path == "/many":
        return [Tried("admin", "POST", path, None, {"do": f"take:{ids['plans'][0]}", "form_back": "list=plans"})]
    if "{name}" in path:
        path = path.replace("{name}", "referrals").replace("{id}", ids["referrals"][0])
        body = {"until": day(9).date().isoformat(), "reason": "other"} if path.endswith("snoozed") else {}
        return [Tried(role, "POST", path, None, body) for role in ("admin", *WRITERS)]
    api_path = path if path.startswith("/api/") else f"/api{path}"
    body = BODIES.get(api_path, BODIES.get(path.rpartition("/")[2], {}))
    roles = ("admin", *WRITERS) if path.startswith("/api/") else ("admin",)
    return [Tried(role, "POST", path.replace("{id}", (ids.get(name) or ["none"])[0]), None, body) for role in roles]


async def test_nothing_of_another_facilitys_patient_is_in_any_answer(
    http: httpx.AsyncClient, app: Starlette, database: Database
) -> None:
    await at_goodhealth(http, database)
    ids = await ids_of(http)
    assert all(ids.values()), "there is something of each kind"
    secrets = {
        "ghsecret",
        "E1",
        "P1",
        *await own_facts(database, "GOODHEALTH"),
        *(i for each in ids.values() for i in each),
    }
    telling = set()
    for method, path in sorted(routes_of(app)):
        for one in trying(method, path, ids):
            answer = await asked(http, one, THERE)
            assert told_of(answer, secrets) == set(), (one, answer.text)
            assert answer.status_code < 500
            assert method == "GET" or path.endswith("/_search") or answer.status_code in {401, 403, 404}, (
                one,
                answer.text,
            )
            if (method, one.role) == ("GET", "admin") and path not in telling:
                there = await asked(http, one, HERE)
                telling |= {path} if told_of(there, {*secrets, "GOODHEALTH"}) else set()
    every = {path for method, path in routes_of(app) if method == "GET" and path.startswith("/api/")} | {"/"}
    assert telling >= every - {"/api/worklists"}
    for facilities, some in ((HERE, True), (THERE, False)):
        counts = (await asked(http, Tried("admin", "GET", "/api/worklists"), facilities)).json()["worklists"]
        assert any(one["count"] for one in counts) is some


async def test_the_routes_that_are_tried_are_all_that_the_service_has(app: Starlette, database: Database) -> None:
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    service = assemble(Settings(kafka="127.0.0.1:9", database_url=SecretStr(url), token_secret=None, message_keys=KEYS))
    await service.database.close()
    assert routes_of(service.web) == routes_of(app)


async def test_a_token_without_facilities_sees_nothing(http: httpx.AsyncClient, database: Database) -> None:
    await at_goodhealth(http, database)
    assert not any((await ids_of(http, ())).values())


async def test_of_an_episode_of_two_facilities_each_sees_and_does_its_own(
    http: httpx.AsyncClient, app: Starlette, database: Database
) -> None:
    await at_goodhealth(http, database)
    await take_in(database, document(WARD, IOP, PROGRAM, version=2, ended_merges=[OVER]))
    made = await posted(http, "/api/contacts", THERE, outcome="reached")
    assert made["facility"] == "RIVERBEND"
    theirs = await ids_of(http, THERE)
    assert theirs["contacts"]
    ids = await ids_of(http, HERE)
    of_here = {"ghsecret", *await own_facts(database, "GOODHEALTH"), *(i for each in ids.values() for i in each)}
    of_there = {"rbsecret", *await own_facts(database, "RIVERBEND"), *(i for each in theirs.values() for i in each)}
    for method, path in sorted(routes_of(app)):
        if method == "GET":
            for one in trying(method, path, {name: ids[name] + theirs[name] for name in ids}):
                if one.role == "admin":
                    for facilities, secrets in ((THERE, of_here), (HERE, of_there)):
                        told = told_of(await asked(http, one, facilities), secrets - {one.path.rpartition("/")[2]})
                        assert told == set(), one


async def test_a_window_that_a_visit_elsewhere_kept_does_not_say_which(
    http: httpx.AsyncClient, database: Database
) -> None:
    seen = stay("outpatient", day(3), id="rbsecret-op", facility="RIVERBEND")
    await take_in(database, document(inpatient(), seen))
    [kept] = (await asked(http, Tried("coordinator", "GET", "/api/follow-ups", {"state": "kept"}), ("*",))).json()[
        "items"
    ][:1]
    for facilities, told in ((("*",), True), ((*HERE, *THERE), True), (HERE, False)):
        found = (
            await asked(http, Tried("coordinator", "GET", f"/api/follow-ups/{kept['follow_up_id']}"), facilities)
        ).json()
        assert (facilities, found["state"], "by_fact" in found, "kept_at" in found) == (facilities, "kept", told, told)


async def test_the_desk_lists_an_excluded_window_without_the_reason_that_another_facility_gives(
    http: httpx.AsyncClient, database: Database
) -> None:
    admitted = stay("residential", day(1), id="rbsecret-res", facility="RIVERBEND")
    await take_in(database, document(inpatient(), admitted))
    for facilities, told in ((("*",), True), (HERE, False)):
        page = await asked(http, Tried("coordinator", "GET", "/", {"list": "excluded"}), facilities)
        assert (page.status_code, "non acute stay" in page.text) == (200, told)
        assert "does not count" in page.text


async def test_an_appointment_or_referral_of_another_facility_is_not_there_to_name(
    http: httpx.AsyncClient, database: Database
) -> None:
    await at_goodhealth(http, database)
    await take_in(database, document(WARD, IOP, PROGRAM, version=2))
    ids = await ids_of(http, HERE)
    for path, more in (
        ("/api/contacts", {"appointment_id": ids["appointments"][0]}),
        ("/api/referrals", {"instead_of": ids["referrals"][0]}),
    ):
        one = Tried("coordinator", "POST", path, None, BODIES[path] | more)
        answer, nowhere = await asked(http, one, THERE), one._replace(body=one.body | dict.fromkeys(more, "nobody"))
        assert answer.status_code == 409
        assert answer.json() == (await asked(http, nowhere, THERE)).json()
