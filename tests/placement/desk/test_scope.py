"""Another facility's patient stays unseen: every route of placement, as every role, with a token of another facility.

Every value that a facility told carries its mark; an answer to the other may have none, nor an id of the other's facts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
import sqlalchemy as sa
from starlette.applications import Starlette

from services.placement.app import assemble
from services.placement.desk import api
from services.placement.desk.frame import Parts
from services.placement.desk.page import desk as page
from services.placement.gate.tables import disclosures, withheld
from services.placement.rules import Rules
from services.placement.tables import facts
from services.placement.worklists.lists import WORKLISTS
from shared.clock import SetClock
from shared.facts.envelope import Fact
from shared.storage.database import Database
from shared.web.app import web_app
from shared.web.auth import DEV_ISSUER, Tokens
from shared.web.sessions import SESSION, token_of
from tests.answers import client_of
from tests.builders import a_story, admitted, assessed, covered, diagnosed, discharged, fact, follow_up, visit_started
from tests.placement.desk.conftest import DAY, KEY, Desk, bearer
from tests.placement.desk.test_who_may import WRITES
from tests.placement.test_app import settings
from tests.scoping import MARKS as MARK
from tests.scoping import MOST_AND_LEAST, Tried, reads, routes_of, told_of

HERE, THERE = ("GOODHEALTH",), ("RIVERBEND",)
PROGRAMS = {"/api/programs", "/api/programs/{id}", "/api/searches/{id}/programs"}


@pytest.fixture
async def app(desk: Desk, database: Database, rules: Rules, clock: SetClock, ids: Callable[[], str]) -> Starlette:
    """The whole web side of placement, on what `desk` has."""

    async def ready() -> dict[str, str]:
        return {}

    parts = Parts(database, rules, clock, ids)
    routes = [*api.routes(parts), *page.routes(parts, page.pages(None))]
    return web_app(title="placement", tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)), ready=ready, routes=routes)


@pytest.fixture
async def http(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, "placement", "http://desk") as client:
        yield client


def of_the_ward(episode: str, facility: str) -> list[Fact]:
    """An inpatient stay of which every value is the facility's own."""
    mark = f"{MARK[facility]}-{episode}"
    named: dict[str, Any] = {"episode": episode, "facility": facility, "patient_id": f"patient-{episode}"}
    named["labels"] = ("PSY", "PART2") if facility == "GOODHEALTH" else ("PSY",)
    own: dict[str, Any] = {"visit": f"{mark}-visit"}

    def told(one: Fact, name: str) -> Fact:
        return replace(one, id=f"{mark}-{name}")

    patient = {"mrn": f"{mark}-mrn", "assigning_authority": f"{mark}-authority"}
    return [
        told(fact("referred", "2026-04-30 09:00", source="family", **named), "referred"),
        told(admitted("2026-05-01 10:00", **own, unit=f"{mark}-unit", patient=patient, **named), "in"),
        told(diagnosed("2026-05-01 10:30", **own, code=f"{mark}-code", **named), "dx"),
        told(covered("2026-05-01 10:00", payer=f"{mark}-payer", effective="2026-05-01", **named), "cover"),
        told(_consent(mark, named), "consent"),
        told(assessed("2026-05-01 11:00", writer="intake", instrument=f"{mark}-scale", **named), "scale"),
        told(discharged("2026-05-04 07:00", **own, **named), "out"),
    ]  # fmt: skip


def _consent(mark: str, named: Mapping[str, Any]) -> Fact:
    own = {"consent_id": f"{mark}-consent-id", "discloser": named["facility"], "recipient": "valley-clinic"}
    own |= {"purpose": "treatment", "scope": ["PSY"], "from": "2026-05-01"}
    return fact("consent-recorded", "2026-05-01 12:00", **own, **named)


@dataclass
class Case:
    """What there is to be asked for, by kind, and what of it must not be told: word or id."""

    ids: dict[str, list[str]]
    secrets: set[str]


async def ids_of(desk: Desk, episode: str) -> dict[str, list[str]]:
    """Ids of all that a reader of everything finds of an episode, by kind."""
    found = {"episode": [episode]}
    for name in ("searches", "offers", "placements", "seats", "waitlist", "authorizations", "conflicts", "sessions"):
        found[name] = [one["id"] for one in await desk.listed(name, episode_id=episode)]
    return found


async def secrets_of(database: Database, episode: str, facility: str, allowed: set[str]) -> set[str]:
    """Ids of the facility's facts of the episode, and what its facts call things."""
    async with database.read() as connection:
        rows = (await connection.execute(sa.select(facts).where(facts.c.episode_id == episode))).all()
    own = [row for row in rows if orjson.loads(row.value).get("facility") == facility]
    names = {str(orjson.loads(row.value).get(name)) for row in own for name in ("search_id", "auth_id", "session_id")}
    return ({row.ce_id for row in own} | names | {MARK[facility]}) - allowed - {"None"}


def done(answer: httpx.Response) -> httpx.Response:
    """An answer that is good."""
    assert answer.is_success, (answer.request.url, answer.text)
    return answer


async def everything_at(desk: Desk, episode: str, facility: str, program: str) -> str:
    """Offered, seats kept, waited for, placed, started, attended, authorized, planned: all at one facility; the
    placement."""
    coordinator: dict[str, Any] = {"facilities": (facility,)}
    search = (await desk.search(episode))["id"]
    mark = f"{MARK[facility]}-{episode}"
    begin = {"from": f"{DAY}T10:00:00Z", "until": f"{DAY}T11:00:00Z"}
    done(await desk.post("/api/seats", {"episode_id": episode, "program": program, **begin}, **coordinator))
    done(await desk.post("/api/waitlist", {"search_id": search, "program": program}, **coordinator))
    authorized = {
        "episode_id": episode,
        "payer": "ACME",
        "level": "php",
        "unit": "day",
        "from": DAY,
        "to": "2026-05-20",
    }
    answer = await desk.post(
        "/api/authorizations", authorized | {"number": f"{mark}-number", "units": 5}, **coordinator
    )
    done(await desk.post(f"/api/authorizations/{answer.json()['id']}/approved", {}, **coordinator))
    placement = await desk.places(episode, program)
    desk.clock.forward(timedelta(days=9))
    done(await desk.post(f"/api/placements/{placement}/started", {"date": DAY}, **coordinator))
    session = {"placement_id": placement, "session_id": f"{mark}-session", "date": DAY}
    services = [{"kind": "group", "minutes": 60}]
    done(await desk.post("/api/sessions", {**session, "services": services}, **coordinator))
    diagnosis = {"system": "I10", "code": f"{mark}-late"}
    done(await desk.post(f"/api/placements/{placement}/diagnosed", diagnosis, **coordinator))
    plan = {"level": "php", "hours_week": 20, "days_week": 5, "goals": 1, "review_due": DAY}
    done(await desk.post(f"/api/episodes/{episode}/plan", plan, **coordinator))
    return placement


async def tried(http: httpx.AsyncClient, one: Tried, facilities: tuple[str, ...]) -> httpx.Response:
    """An answer of the API with the token as a header; of a page with it as a cookie and the session's form token."""
    header = bearer(one.role, facilities)
    if one.path.startswith("/api/"):
        return await http.request(one.method, one.path, params=one.query, json=one.body, headers=header)
    token = header["authorization"].removeprefix("Bearer ")
    http.cookies.set(SESSION, token)
    said = {
        name: " ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in (one.body or {}).items()
    }
    form = {"form_token": token_of(token), "form_zone": facilities[0], **said} if one.method == "POST" else None
    answer = await http.request(one.method, one.path, params=one.query, data=form)
    http.cookies.clear()
    return answer


KINDS = {"{episode_id}": "episode", "/searches/": "searches", "/offers/": "offers", "/placements/": "placements"}
KINDS |= {f"/{name}/": name for name in ("seats", "waitlist", "authorizations", "conflicts", "sessions")}
WORK = [one.name for one in WORKLISTS if one.waits]
TABS = [{"list": one.name} for one in WORKLISTS if one.title]


def getting(path: str, case: Case) -> list[Tried]:
    """Everything that a GET may be asked with of what the other has."""
    kind = next((kind for words, kind in KINDS.items() if words in path), "")
    ids = WORK if "{name}" in path else [*case.ids.get(kind, ()), "GH-PHP1"]
    queries = [{"facility": "GOODHEALTH"}, {"program": "GH-PHP1"}, {"state": "active"}]
    queries += TABS if path == "/" else TABS[:1]  # only the page has lists in tabs
    queries += [{"episode_id": "E1"}, {"patient_id": "patient-E1"}, {"search": case.ids["searches"][0]}]
    queries += [{"placement_id": each} for each in case.ids["placements"][:1]]
    queries += [{"search_id": case.ids["searches"][0]}]
    return list(reads(path, ids, queries))


def posting(path: str, case: Case) -> list[Tried]:
    """Every write as every role that may, with the other's ids in its path and its body; the rest is told 403."""
    api_path = path if path.startswith("/api/") else f"/api{path}"
    may, body = WRITES[api_path][0], dict(WRITES[api_path][1])
    kind = api_path.split("/")[2]
    which = (case.ids.get("episode" if kind == "episodes" else kind, []) or ["nobody"])[0]
    for name, named in (("episode_id", "episode"), ("search_id", "searches"), ("placement_id", "placements")):
        body |= {name: (case.ids[named] or ["nobody"])[0]} if name in body else {}
    roles = sorted(may) if path.startswith("/api/") else ["admin"]
    return [Tried(role, "POST", path.replace("{id}", which), None, body) for role in roles]


async def leaks(
    http: httpx.AsyncClient, app: Starlette, case: Case, facilities: tuple[str, ...], *, writes: bool = True
) -> list[str]:
    """What answers say of the other, request by request."""
    found = []
    for method, path in sorted(routes_of(app)):
        if method == "POST" and not writes:
            continue
        for one in getting(path, case) if method == "GET" else posting(path, case):
            if not writes and one.role not in MOST_AND_LEAST:
                continue
            answer = await tried(http, one, facilities)
            told = told_of(answer, case.secrets)
            if told and path in PROGRAMS:
                told = {each for each in told if not each.startswith("GH-")}
            unread = {422} if not path.startswith("/api/") else set()  # a form has no lists of lists
            refused = method == "GET" or not writes or answer.status_code in {401, 403, 404} | unread
            if told or answer.status_code >= 500 or not refused:
                found.append(f"{one.role} {method} {one.path} {one.query or ''} {answer.status_code}: {sorted(told)}")
    return found


async def test_nothing_of_another_facilitys_patient_is_in_any_answer(
    http: httpx.AsyncClient, app: Starlette, desk: Desk, database: Database
) -> None:
    await desk.feed.bring(*a_story(*of_the_ward("E1", "GOODHEALTH")))
    await everything_at(desk, "E1", "GOODHEALTH", "GH-PHP1")
    await leave_a_disclosure(database, "E1", "GOODHEALTH")
    ids = await ids_of(desk, "E1")
    secrets = await secrets_of(database, "E1", "GOODHEALTH", set())
    case = Case(ids, secrets | {each for group in ids.values() for each in group} | {"patient-E1"})
    assert all(ids[name] for name in ids if name != "conflicts"), "there is something of each kind"
    assert await leaks(http, app, case, THERE) == []
    every = {path for method, path in routes_of(app) if method == "GET" and path.startswith("/api/")} - PROGRAMS
    assert await telling(http, app, case, HERE) >= every - {"/api/conflicts", "/api/conflicts/{id}", "/api/worklists"}
    for role in ("admin", "program"):
        counts = (await desk.get("/api/worklists", role=role, facilities=THERE)).json()["worklists"]
        assert {one["count"] for one in counts} == {0}


async def telling(http: httpx.AsyncClient, app: Starlette, case: Case, facilities: tuple[str, ...]) -> set[str]:
    """The routes to read that do say something: what the test above finds nothing in could have something."""
    found = set()
    for method, path in sorted(routes_of(app)):
        for one in getting(path, case) if method == "GET" else ():
            if one.role == "admin" and path not in found:
                found |= {path} if told_of(await tried(http, one, facilities), case.secrets) else set()
    return found


async def leave_a_disclosure(database: Database, episode: str, facility: str) -> None:
    """Rows of the gate: one that left, one that waits."""
    mark = f"{MARK[facility]}-{episode}"
    row: dict[str, Any] = {
        "recipient": f"{mark}-clinic",
        "episode_id": episode,
        "patient_id": f"patient-{episode}",
        "facility": facility,
    }
    row |= {
        "fact_id": f"{mark}-in",
        "fact_type": "care.admitted.v1",
        "writer": "intake",
        "labels": ["PSY"],
        "config": "c",
    }
    left = {"disclosure_id": f"{mark}-left", "sequence": 1, "fields": ["level"], "basis": "consent", "basis_scope": []}
    left |= {"basis_id": f"{mark}-consent-id", "basis_from": sa.func.current_date(), "purpose": "treatment"}
    waits = {"occurred_at": "2026-05-01T10:00:00Z", "place": 1, "content": b"{}", "reason": "no-consent"}
    async with database.begin() as connection:
        await connection.execute(sa.insert(disclosures).values({**row, **left, "disclosed_at": sa.func.now()}))
        await connection.execute(sa.insert(withheld).values({**row, **waits, "since": sa.func.now()}))


async def test_the_routes_that_are_tried_are_all_that_the_service_has(app: Starlette, placement_url: str) -> None:
    service = assemble(settings(placement_url.replace("+asyncpg", "")))
    await service.database.close()
    assert routes_of(service.web) == routes_of(app)


async def test_nobody_of_no_facility_sees_anything(
    http: httpx.AsyncClient, app: Starlette, desk: Desk, database: Database
) -> None:
    await desk.feed.bring(*a_story(*of_the_ward("E1", "GOODHEALTH")))
    ids = await ids_of(desk, "E1")
    case = Case(ids, await secrets_of(database, "E1", "GOODHEALTH", set()))
    found = []
    for method, path in sorted(routes_of(app)):
        if method == "GET":
            for one in getting(path, case):
                if one.role == "admin":
                    answer = await tried(http, one, ())
                    found += [one.path] if told_of(answer, case.secrets) else []
    assert found == []


@pytest.fixture
async def both(desk: Desk, database: Database) -> str:
    """One episode of two facilities: the ward at GOODHEALTH, the program at RIVERBEND, then GOODHEALTH's emergency; the
    placement."""
    story = a_story(
        *of_the_ward("E1", "GOODHEALTH"),
        follow_up(episode="E1", facility="GOODHEALTH", patient_id="patient-E1", id_of="ghsecret-window", discharge="x"),
    )
    await desk.feed.bring(*story)
    search = (await desk.search("E1"))["id"]
    away: dict[str, Any] = {"facilities": THERE}
    asked = {"search_id": search, "program": "GH-PHP1"}
    done(await desk.post("/api/waitlist", asked, facilities=HERE))
    begin = {"from": f"{DAY}T10:00:00Z", "until": f"{DAY}T11:00:00Z"}
    done(await desk.post("/api/seats", {"episode_id": "E1", "program": "GH-PHP1", **begin}, facilities=HERE))
    terms = {
        "payer": "ACME",
        "level": "php",
        "unit": "day",
        "from": DAY,
        "to": "2026-05-20",
        "number": "ghsecret-number",
    }
    done(await desk.post("/api/authorizations", {"episode_id": "E1", **terms}, facilities=HERE))
    placement = await desk.places("E1", "RB-PHP")
    desk.clock.forward(timedelta(days=9))
    done(await desk.post(f"/api/placements/{placement}/started", {"date": DAY}, **away))
    session = {"placement_id": placement, "session_id": "rbsecret-session", "date": DAY}
    done(await desk.post("/api/sessions", {**session, "services": [{"kind": "group", "minutes": 60}]}, **away))
    diagnosis = {"system": "I10", "code": "rbsecret-late"}
    done(await desk.post(f"/api/placements/{placement}/diagnosed", diagnosis, **away))
    plan = {"level": "php", "hours_week": 20, "days_week": 5, "goals": 1, "review_due": DAY}
    done(await desk.post("/api/episodes/E1/plan", plan, **away))
    terms = {**terms, "number": "rbsecret-number", "payer": "MEDICAID"}
    done(await desk.post("/api/authorizations", {"episode_id": "E1", **terms}, **away))
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "labels": ("SUD",)}
    visit = {"visit": "ghsecret-ed", "unit": "ghsecret-unit", "patient": {"mrn": "ghsecret-mrn"}, **named}
    later = visit_started("2026-05-14 20:00", **visit)
    await desk.feed.bring(*_go_on([later], await desk.feed.row("E1")))
    await leave_a_disclosure(database, "E1", "GOODHEALTH")
    return placement


async def readmitted(desk: Desk) -> None:
    """GOODHEALTH tells late that the patient was in its ward when RIVERBEND says that the patient came to it."""
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "labels": ("SUD",), "visit": "ghsecret-again"}
    again = admitted("2026-05-05 20:00", unit="ghsecret-unit", patient={"mrn": "ghsecret-mrn"}, **named)
    left = discharged("2026-05-08 12:00", **named)
    await desk.feed.bring(*_go_on([again, left], await desk.feed.row("E1")))


def _go_on(more: list[Fact], row: Any) -> list[Fact]:
    """Facts that go on where the episode stands."""
    last = dict(row.seen)
    found = []
    for one in more:
        last[one.writer] = last.get(one.writer, 0) + 1
        found.append(replace(one, sequence=last[one.writer], id=f"ghsecret-{one.id}"))
    return found


async def test_who_has_a_patient_by_a_placement_sees_its_own_part_and_nothing_of_the_others(
    http: httpx.AsyncClient, app: Starlette, desk: Desk, database: Database, both: str
) -> None:
    await readmitted(desk)
    ids = await ids_of(desk, "E1")
    case = Case(ids, await secrets_of(database, "E1", "GOODHEALTH", set()) | {"PART2", "SUD", "inpatient", "emergency"})
    found = await leaks(http, app, case, THERE, writes=False)
    assert [each for each in found if "/api/programs" not in each] == []
    told = (await desk.get("/api/episodes/E1", facilities=THERE)).json()
    assert (told["episode"]["state"], told["episode"]["level"], told["episode"]["conflicts"]) == ("active", "php", 0)
    assert [stay["program"] for stay in told["episode"]["stays"]] == ["RB-PHP"]
    assert {one["value"]["facility"] for one in told["facts"]} == {"RIVERBEND"}
    assert [(one["facility"], one["level"]) for one in told["periods"]] == [("RIVERBEND", "php")]
    assert told["periods"][0]["period_id"]
    [line] = (await desk.get("/api/episodes", {"level": "php"}, facilities=THERE)).json()["episodes"]
    assert (line["facility"], line["state"], line["level"]) == ("RIVERBEND", "active", "php")
    assert (await desk.get("/api/episodes", {"state": "closed"}, facilities=THERE)).json()["episodes"] == []


async def test_the_page_offers_what_the_reader_may_do_there(http: httpx.AsyncClient, both: str) -> None:
    for facilities, there in ((HERE, False), (THERE, True)):
        text = (await tried(http, Tried("coordinator", "GET", "/", {"list": "started"}), facilities)).text
        assert (facilities, "RB-PHP" in text or "Riverbend" in text, f"/placements/{both}/completed" in text) == (
            facilities, True, there,
        )  # fmt: skip


async def test_a_conflict_over_two_facilities_is_shown_to_who_holds_both(desk: Desk, both: str) -> None:
    await readmitted(desk)
    for facilities, number in ((HERE, 0), (THERE, 0), ((*HERE, *THERE), 1), (("*",), 1)):
        found = (await desk.get("/api/conflicts", facilities=facilities)).json()["conflicts"]
        assert (facilities, len(found)) == (facilities, number)
        counts = (await desk.get("/api/worklists", facilities=facilities)).json()["worklists"]
        assert next(one["count"] for one in counts if one["name"] == "conflicts") == number


async def test_what_somebody_says_of_a_shared_episode_is_said_at_their_own_facility(desk: Desk, both: str) -> None:
    for facilities in (HERE, THERE):
        done(await desk.post("/api/episodes/E1/assigned", {"user_id": "u", "role": "therapist"}, facilities=facilities))
    facts_ = (await desk.get("/api/episodes/E1")).json()["facts"]
    said = [one["value"]["facility"] for one in facts_ if one["type"] == "care.assigned.v1"]
    assert sorted(said) == ["GOODHEALTH", "RIVERBEND"]
    plans = [(await desk.get("/api/worklists/reviews-due", facilities=each)).json()["items"] for each in (HERE, THERE)]
    assert [[one["facility"] for one in each] for each in plans] == [[], ["RIVERBEND"]]


async def test_whose_search_it_was_sees_dates_and_level_of_the_placement_and_nothing_else_of_it(
    http: httpx.AsyncClient, app: Starlette, desk: Desk, database: Database, both: str
) -> None:
    ids = await ids_of(desk, "E1")
    case = Case(ids, {"rbsecret"})
    assert await leaks(http, app, case, HERE, writes=False) == []
    told = (await desk.get("/api/episodes/E1", facilities=HERE)).json()
    assert (told["episode"]["state"], told["episode"]["level"]) == ("active", "php")
    lent = [one for one in told["facts"] if one["value"]["facility"] == "RIVERBEND"]
    names = {one["type"].split(".")[1] for one in lent}
    assert names == {"offer-sent", "offer-accepted", "placed", "started"}
    [line] = (await desk.get("/api/placements", facilities=HERE)).json()["placements"]
    assert (line["id"], line["state"], line["level"], line["program"]) == (both, "started", "php", "RB-PHP")
    assert line.keys().isdisjoint({"sessions", "attended", "suspended", "stay", "on_leave"})
    answer = await desk.post(
        f"/api/placements/{both}/completed", {"date": "2026-05-12", "reason": "other"}, facilities=HERE
    )
    assert answer.status_code == 403, "whose search it was does not speak for the program"
