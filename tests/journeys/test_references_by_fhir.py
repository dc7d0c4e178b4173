"""At the one base of FHIR every reference leads to a resource; an include brings all that it names, or is refused."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.fhir import again
from tests.fhir.playing import live
from tests.placement.desk.test_fhir import references
from tests.system import System

KINDS = (
    "Appointment", "CarePlan", "Condition", "Coverage", "Encounter", "EpisodeOfCare", "HealthcareService", "Location",
    "ServiceRequest", "Task",
)  # fmt: skip


@pytest.mark.parametrize("most", [10, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_every_reference_leads_to_what_it_names(system: System, tmp_path: Path, most: int) -> None:
    live(system, tmp_path / "files", 8)
    await system.idle()
    base, named = again.base(system), defaultdict[str, set[str]](set)
    async with again.client(system) as http:
        for kind in KINDS:
            left = most
            async for one in again.entries(http, f"{base}/{kind}?_count=40"):
                for reference in references(one["resource"]):
                    named[reference.partition("/")[0]].add(reference)
                left -= 1
                if not left:
                    break
        assert named.keys() >= {"Patient", "Encounter", "EpisodeOfCare", "Organization"}
        for reference in [one for every in named.values() for one in sorted(every)[:most]]:
            answer = await http.get(f"{base}/{reference}")
            told = answer.json()
            assert (answer.status_code, f"{told['resourceType']}/{told['id']}") == (200, reference)


async def test_every_include_of_the_statement_is_taken(system: System) -> None:
    base = again.base(system)
    async with again.client(system) as http:
        statement = (await http.get(f"{base}/metadata")).json()
        offered = 0
        for one in statement["rest"][0]["resource"]:
            for name, listed in (("_include", "searchInclude"), ("_revinclude", "searchRevInclude")):
                for each in one.get(listed, ()):
                    answer = await http.get(f"{base}/{one['type']}?{name}={each}&_count=1")
                    assert answer.status_code == 200, (one["type"], each, answer.text)
                    offered += 1
    assert offered > 15


@pytest.mark.parametrize(
    "asked",
    [
        "Encounter?_include=Encounter:patient",
        "EpisodeOfCare?_include=EpisodeOfCare:patient",
        "Task?_include=Task:patient",
        "Coverage?_include=Coverage:beneficiary",
        "Appointment?_include=Appointment:actor",
        "Patient?_id=x&_revinclude=Encounter:patient",
        "Appointment?_include=Appointment:actor:Patient",
        "Encounter?_revinclude=Consent:patient",
    ],
)
async def test_an_include_over_services_is_refused(system: System, asked: str) -> None:
    async with again.client(system) as http:
        answer = await http.get(f"{again.base(system)}/{asked}")
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["resourceType"]) == (400, "OperationOutcome")
    assert told["issue"][0]["expression"] in [["_include"], ["_revinclude"]]
