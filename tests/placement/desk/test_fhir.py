"""What placement knows is read and searched by FHIR R4: stays, the whole way, searches, offers, first days, payers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.builders import a_story, admitted, cancelled, covered, diagnosed, leave_started, referred
from tests.placement.desk.conftest import Desk, bearer
from tests.placement.desk.stories import at_the_program

OF_PATIENTS = ("EpisodeOfCare", "Encounter", "Condition", "Coverage", "ServiceRequest", "Task", "Appointment")
OF_THE_SITE = ("Organization", "Location", "HealthcareService")
_MUST = {
    "EpisodeOfCare": {"status", "patient"},
    "Encounter": {"status", "class"},
    "Condition": {"subject"},
    "Coverage": {"status", "beneficiary", "payor"},
    "ServiceRequest": {"status", "intent", "subject"},
    "Task": {"status", "intent"},
    "Appointment": {"status", "participant"},
    "Organization": {"name"},
    "Location": {"name"},
    "HealthcareService": {"name"},
    "Practitioner": {"identifier"},
}


async def searched(desk: Desk, address: str, **who: Any) -> dict[str, Any]:
    answer = await desk.get(f"/fhir/{address}", **who)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    found: dict[str, Any] = answer.json()
    assert (found["resourceType"], found["type"]) == ("Bundle", "searchset")
    return found


async def resources(desk: Desk, address: str, **who: Any) -> list[dict[str, Any]]:
    return [one["resource"] for one in (await searched(desk, address, **who)).get("entry", ())]


async def statuses(desk: Desk, address: str) -> list[str]:
    return sorted(one["status"] for one in await resources(desk, address))


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["reference"]] if isinstance(part.get("reference"), str) else []
        return own + [each for value in part.values() for each in references(value)]
    return [each for one in part for each in references(one)] if isinstance(part, list) else []


async def test_every_reference_leads_to_a_resource_and_every_resource_has_what_it_must(desk: Desk) -> None:
    await at_the_program(desk)
    named: dict[str, Any] = {"episode": "E2", "patient_id": "patient-E2", "facility": "GOODHEALTH"}
    stay = admitted(**named), diagnosed(visit="V1", **named), covered(**named), referred(**named)
    await desk.feed.bring(*[replace(fact, id=f"{fact.id}-E2") for fact in a_story(*stay)])
    found = [one for kind in (*OF_PATIENTS, *OF_THE_SITE) for one in await resources(desk, f"{kind}?_count=200")]
    kinds = {one["resourceType"] for one in found}
    assert kinds == {*OF_PATIENTS, *OF_THE_SITE}
    for one in found:
        assert set(one) >= _MUST[one["resourceType"]], one
    for reference in sorted(
        {each for one in found for each in references(one)} - {"Patient/patient-E1", "Patient/patient-E2"}
    ):
        answer = await desk.get(f"/fhir/{reference}")
        assert answer.status_code == 200, reference
        assert f"{answer.json()['resourceType']}/{answer.json()['id']}" == reference


async def test_a_stay_and_the_way_are_told_by_their_states(desk: Desk) -> None:
    await at_the_program(desk)
    assert await statuses(desk, "Encounter") == ["finished", "in-progress"]
    [way] = await resources(desk, "EpisodeOfCare?patient=patient-E1")
    assert way["status"] == "active"
    assert [one["status"] for one in way["statusHistory"]] == ["active", "onhold", "active"]
    assert await statuses(desk, "Appointment?date=2026-05-06") == ["fulfilled"]
    assert "accepted" in await statuses(desk, "Task?patient=Patient/patient-E1")
    [search] = await resources(desk, "ServiceRequest?status=completed&category=search")
    assert search["code"]["coding"][0]["code"] == "php"


async def test_a_patient_on_leave_and_a_stay_that_was_taken_back(desk: Desk) -> None:
    began, mistaken = admitted(episode="A", sequence=1), admitted(episode="B", sequence=1, visit="V9")
    await desk.feed.bring(*a_story(began, leave_started(episode="A")))
    await desk.feed.bring(*a_story(mistaken, cancelled(mistaken, episode="B")))
    assert await statuses(desk, "Encounter") == ["entered-in-error", "onleave"]
    assert [one["id"] for one in await resources(desk, "EpisodeOfCare?status=entered-in-error")] == ["B"]


async def test_pages_follow_each_other_without_gap_or_repeat(desk: Desk) -> None:
    await desk.leaves_the_ward(*(f"E{number}" for number in range(60)))
    found, address = [], "EpisodeOfCare?_count=7&_format=json"
    for _ in range(20):
        page = await searched(desk, address)
        found += [one["resource"]["id"] for one in page["entry"]]
        following = [one["url"] for one in page["link"] if one["relation"] == "next"]
        if not following:
            break
        address = following[0].partition("/fhir/")[2]
    assert found == sorted(f"E{number}" for number in range(60))


async def test_what_is_read_again_and_is_the_same_is_not_sent_again(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    first = await desk.get("/fhir/EpisodeOfCare/E1")
    tag = first.headers["etag"]
    assert first.json()["meta"]["versionId"] == tag.removeprefix("W/").strip('"')
    again = await desk.client.get(
        "/fhir/EpisodeOfCare/E1", headers=bearer("coordinator", ("*",)) | {"if-none-match": tag}
    )
    assert (again.status_code, again.content) == (304, b"")


async def test_what_belongs_to_it_comes_with_it(desk: Desk) -> None:
    await at_the_program(desk)
    bundle = await searched(
        desk, "EpisodeOfCare?_id=E1&_include=EpisodeOfCare:organization&_revinclude=Encounter:episode-of-care"
    )
    modes = [(one["resource"]["resourceType"], one["search"]["mode"]) for one in bundle["entry"]]
    assert modes == [
        ("EpisodeOfCare", "match"), ("Organization", "include"), ("Encounter", "include"), ("Encounter", "include"),
    ]  # fmt: skip


async def test_an_include_of_what_is_here_names_its_type_where_it_may_be_anothers(desk: Desk) -> None:
    await at_the_program(desk)
    found = await searched(desk, "Appointment?_include=Appointment:actor:HealthcareService")
    kinds = [(one["resource"]["resourceType"], one["search"]["mode"]) for one in found["entry"]]
    assert kinds == [("Appointment", "match"), ("HealthcareService", "include")]


async def test_parts_of_a_resource_are_marked_as_parts(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    [one] = await resources(desk, "EpisodeOfCare?_elements=period")
    assert set(one) == {"resourceType", "id", "meta", "status", "patient", "period"}
    assert one["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert "statusHistory" not in (await resources(desk, "EpisodeOfCare?_summary=true"))[0]


async def test_nobody_learns_of_another_facilitys_stays(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await desk.leaves_the_ward("E2", facility="RIVERBEND")
    [own] = await resources(desk, "Encounter", facilities=("RIVERBEND",))
    assert own["episodeOfCare"] == [{"reference": "EpisodeOfCare/E2"}]
    [other] = await resources(desk, "Encounter?episode-of-care=EpisodeOfCare/E1")
    hidden = await desk.get(f"/fhir/Encounter/{other['id']}", facilities=("RIVERBEND",))
    nowhere = await desk.get("/fhir/Encounter/p-E9-0000000000000000", facilities=("RIVERBEND",))
    assert (hidden.status_code, hidden.json()) == (404, nowhere.json())
    assert await resources(desk, "Task?patient=patient-E1", facilities=("RIVERBEND",)) == []


async def test_whoever_reads_is_audited(desk: Desk) -> None:
    await desk.leaves_the_ward("E1", "E2")
    await resources(desk, "EpisodeOfCare?patient=patient-E2")
    noted = [one for one in await desk.feed.audited() if one[1].startswith("fhir-")]
    assert noted == [("a-coordinator", "fhir-searched", "E2", 1)]


@pytest.mark.parametrize(
    ("address", "role", "status"),
    [
        ("Encounter?SECRET=1", "coordinator", 400),
        ("Encounter?status:above=SECRET", "coordinator", 400),
        ("Encounter?date=SECRET", "coordinator", 400),
        ("Encounter?_lastUpdated=ap2026", "coordinator", 400),
        ("Encounter?identifier=SECRET", "coordinator", 400),
        ("Encounter?_count=0", "coordinator", 400),
        ("Encounter?_cursor=SECRET", "coordinator", 400),
        ("Encounter?_include=Encounter:SECRET", "coordinator", 400),
        ("Encounter?_include=Encounter:patient", "coordinator", 400),
        ("Encounter?_include=Encounter:location:SECRET", "coordinator", 400),
        ("Appointment?_include=Appointment:actor", "coordinator", 400),
        ("Appointment?_include=Appointment:actor:Patient", "coordinator", 400),
        ("Encounter?_summary=SECRET", "coordinator", 400),
        ("Encounter?patient=%00", "coordinator", 400),
        ("Encounter/%00", "coordinator", 404),
        ("Encounter/SECRET?a=1", "coordinator", 400),
        ("Encounter", "hospital", 403),
        ("SECRET", "coordinator", 404),
        ("Encounter?date=ge9899-12-31&date=lt1800", "coordinator", 200),
        ("Encounter?date=9899-12-31T23:59:60%2B15:00", "coordinator", 200),
        ("Encounter?_id=a,b,,c|d&patient=///&class=|||", "coordinator", 200),
    ],
)  # fmt: skip
async def test_what_is_asked_amiss_is_refused_by_an_outcome(desk: Desk, address: str, role: str, status: int) -> None:
    answer = await desk.get(f"/fhir/{address}", role=role)
    assert answer.status_code == status, answer.text
    assert "SECRET" not in answer.text
    if status != 200:
        assert answer.json()["resourceType"] == "OperationOutcome"


async def test_a_number_of_a_patient_may_be_asked_by_post_and_stands_in_no_address(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    [stay] = await resources(desk, "Encounter")
    number = stay["identifier"][0]["value"]
    form = {"identifier": number, "patient": "patient-E1"}
    answer = await desk.client.post("/fhir/Encounter/_search", data=form, headers=bearer("coordinator", ("*",)))
    assert [one["resource"]["id"] for one in answer.json()["entry"]] == [stay["id"]]
    assert all(number not in one["url"] for one in answer.json()["link"])


async def test_the_statement_of_what_can_be_done_is_true(desk: Desk) -> None:
    await at_the_program(desk)
    told: httpx.Response = await desk.client.get("/fhir/metadata")
    statement = told.json()["rest"][0]
    assert statement["security"]["service"]
    samples = {"date": "2026-05-06", "token": "x", "reference": "Patient/x", "string": "x"}
    for one in statement["resource"]:
        for each in one["searchParam"]:
            more = "&patient=x" if (one["type"], each["name"]) == ("Encounter", "identifier") else ""
            await searched(desk, f"{one['type']}?{each['name']}={samples[each['type']]}{more}")
        for name, offered in (("_include", "searchInclude"), ("_revinclude", "searchRevInclude")):
            for each in one.get(offered, ()):
                await searched(desk, f"{one['type']}?{name}={each}")


def _with(scope: str) -> dict[str, str]:
    return bearer("coordinator", ("*",), scope)


async def test_scopes_of_a_token_narrow_what_its_roles_allow(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")

    async def status(path: str, scope: str) -> int:
        return (await desk.client.get(f"/fhir/{path}", headers=_with(scope))).status_code

    assert await status("EpisodeOfCare", "system/EpisodeOfCare.rs openid") == 200
    assert await status("EpisodeOfCare/E1", "system/EpisodeOfCare.s") == 403
    assert await status("Encounter", "system/EpisodeOfCare.rs") == 403
    assert await status("Encounter", "user/*.read") == 200
    assert await status("Encounter", "patient/*.rs") == 403, "whose, the token would have to say"
    assert await status("Encounter", "system/Encounter.rs?class=IMP") == 403, "some of them alone can't be shown"
    assert await status("EpisodeOfCare?_revinclude=Encounter:episode-of-care", "system/EpisodeOfCare.rs") == 403


async def test_states_and_numbers_narrow_down_to_whom_they_fit(desk: Desk) -> None:
    await at_the_program(desk)
    await desk.leaves_the_ward("E2", "E3")
    [task] = await resources(desk, "Task?status=accepted")
    number = task["identifier"][0]["value"]
    assert [one["id"] for one in await resources(desk, f"Task?identifier={number}")] == [task["id"]]
    assert [one["id"] for one in await resources(desk, "EpisodeOfCare?status=onhold")] == ["E2", "E3"]
    assert await resources(desk, "Appointment?status=booked,noshow") == []
    assert await resources(desk, "Task?status:not=accepted") == []
    search = await resources(desk, "ServiceRequest?status=active")
    one = search[0]["identifier"][0]
    found = await resources(desk, f"ServiceRequest?identifier={one['system']}|{one['value']}")
    assert [each["id"] for each in found] == [search[0]["id"]]
