"""What there is of a facility's patient, and every request that may ask for it: for the tests of scope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import orjson
import sqlalchemy as sa
from starlette.applications import Starlette

from services.placement.desk.marks import TAKERS
from services.placement.gate.tables import disclosures, packets_out, withheld
from services.placement.tables import facts
from services.placement.worklists.lists import WORKLISTS
from shared.facts.envelope import Fact
from shared.roles import ROLES
from shared.storage.database import Database
from shared.web.sessions import SESSION, token_of
from tests.builders import admitted, assessed, covered, diagnosed, discharged, fact
from tests.placement.desk.conftest import DAY, Desk, bearer
from tests.placement.desk.test_who_may import WRITES
from tests.scoping import MARKS as MARK
from tests.scoping import MOST_AND_LEAST, Tried, reads, routes_of, told_of

HERE, THERE = ("GOODHEALTH",), ("RIVERBEND",)


PROGRAMS = {"/api/programs", "/api/programs/{id}", "/api/searches/{id}/programs"}


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
    if one.path.startswith("/fhir/"):
        return await http.request(one.method, one.path, params=one.query, data=one.body, headers=header)
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


KINDS = {
    "{episode_id}": "episode",
    "/episodes/{id}": "episode",
    "{patient_id}": "episode",
    "/searches/": "searches",
    "/offers/": "offers",
    "/placements/": "placements",
}
KINDS |= {f"/{name}/": name for name in ("seats", "waitlist", "authorizations", "conflicts", "sessions")}


WORK = [one.name for one in WORKLISTS if one.waits]


TABS = [{"list": one.name} for one in WORKLISTS if one.title]


def getting(path: str, case: Case) -> list[Tried]:
    """Everything that a GET may be asked with of what the other has."""
    if path.startswith("/fhir/"):
        return list(reads(path, case.ids["episode"], [{}, {"patient": "patient-E1"}, {"_id": "E1"}]))
    kind = next((kind for words, kind in KINDS.items() if words in path), "")
    ids = WORK if "{name}" in path else [*case.ids.get(kind, ()), "GH-PHP1"]
    if "{patient_id}" in path:
        ids = [f"patient-{each}" for each in ids]
    queries = [{"facility": "GOODHEALTH"}, {"program": "GH-PHP1"}, {"state": "active"}]
    queries += TABS if path in {"/", "/csv"} else TABS[:1]  # only the page has lists in tabs
    queries += [{"episode_id": "E1"}, {"patient_id": "patient-E1"}, {"search": case.ids["searches"][0]}]
    queries += [{"placement_id": each} for each in case.ids["placements"][:1]]
    queries += [{"search_id": case.ids["searches"][0]}]
    return list(reads(path, ids, queries))


def posting(path: str, case: Case) -> list[Tried]:
    """Every write as every role that may, with the other's ids in its path and its body; the rest is told 403."""
    if path == "/programs/{program}/attendance":
        placement = (case.ids["placements"] or ["nobody"])[0]
        said = {"day": DAY, f"there.{placement}": "there", f"was.{placement}": ""}
        return [Tried("admin", "POST", path.replace("{program}", "GH-PHP1"), None, said)]
    if path.startswith("/fhir/"):
        return [Tried(role, "POST", path, None, {"patient": "patient-E1"}) for role in (*ROLES, "admin")]
    if path.endswith("/capacity"):
        way = "PUT" if path.startswith("/api/") else "POST"
        at = path.replace("{id}", "GH-PHP1").replace("{program}", "GH-PHP1")
        return [Tried(role, way, at, None, {}) for role in ("program", "admin")]
    if path.endswith("/bills/try"):
        return list(proposing(path))
    if path.startswith("/api/worklists/") or path == "/many":
        return list(marking(path, case))
    api_path = path if path.startswith("/api/") else f"/api{path}"
    may, told = WRITES.get(api_path, (MOST_AND_LEAST, {"reason": "other"}))
    body = dict(told)
    kind = api_path.split("/")[2]
    which = (case.ids.get("episode" if kind == "episodes" else kind, []) or ["nobody"])[0]
    for name, named in (("episode_id", "episode"), ("search_id", "searches"), ("placement_id", "placements")):
        body |= {name: (case.ids[named] or ["nobody"])[0]} if name in body else {}
    roles = sorted(may) if path.startswith("/api/") else ["admin"]
    return [Tried(role, "POST", path.replace("{id}", which), None, body) for role in roles]


def proposing(path: str) -> Iterator[Tried]:
    """Facts proposed for the other's episode: as the other's, and as one's own."""
    for facility in (*HERE, *THERE):
        one = discharged("2026-05-05 07:00", episode="E1", patient_id="patient-E1", facility=facility)
        fact = {f"ce_{name}": getattr(one, name) for name in ("id", "type", "subject", "sequence", "time")}
        asked = [{**fact, "ce_source": "/stepdown/intake", "value": one.as_json}]
        body = {"facts": asked} if path.startswith("/api/") else {"facts": orjson.dumps({"facts": asked}).decode()}
        for role in ("interface", "admin"):
            yield Tried(role, "POST", path, None, body)


def marking(path: str, case: Case) -> Iterator[Tried]:
    """Taking an entry of the other's, and all that comes after, in each list that could have it."""
    for name, kind in (("searches-open", "searches"), ("offers", "offers"), ("started", "placements")):
        which = (case.ids[kind] or ["nobody"])[0]
        if path == "/many":
            for do in ("take", "give-back", "snooze", "wake", "hand"):
                more = {"until": DAY, "why": "other", "to": "a-admin", "form_back": f"list={name}"}
                yield Tried("admin", "POST", path, None, {"do": f"{do}:{which}", **more})
            continue
        body = {"until": "2026-06-01", "reason": "other"} if path.endswith("snoozed") else {}
        for role in (*TAKERS, "admin"):
            yield Tried(role, "POST", path.replace("{name}", name).replace("{id}", which), None, body)


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
            refused = (
                method == "GET"
                or path.endswith(("/_search", "/bills/try"))  # questions: what they answer is looked at
                or not writes
                or answer.status_code in {401, 403, 404} | unread
            )
            if told or answer.status_code >= 500 or not refused:
                found.append(f"{one.role} {method} {one.path} {one.query or ''} {answer.status_code}: {sorted(told)}")
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
    of_facts = {"fact_id", "fact_type", "writer"}
    packet = {name: value for name, value in {**row, **left}.items() if name not in of_facts | {"sequence"}}
    packet |= {"offer_id": f"{mark}-offer", "program": "GH-PHP1", "step": "blind", "read_by": f"{mark}-reader"}
    packet |= {"notice": False, "disclosed_at": sa.func.now()}
    waits = {"occurred_at": "2026-05-01T10:00:00Z", "place": 1, "content": b"{}", "reason": "no-consent"}
    async with database.begin() as connection:
        await connection.execute(sa.insert(disclosures).values({**row, **left, "disclosed_at": sa.func.now()}))
        await connection.execute(sa.insert(packets_out).values(packet))
        await connection.execute(sa.insert(withheld).values({**row, **waits, "since": sa.func.now()}))
