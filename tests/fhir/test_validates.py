"""What is told of 200 simulated patients is valid by the base profiles of R4, as HAPI's validator judges it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fhir import again, validating
from tests.intake.web import fhir_of_another
from tests.system import ROOT, System

Json = dict[str, Any]
OF_PATIENTS = (
    "Appointment", "CarePlan", "Condition", "Coverage", "Encounter", "EpisodeOfCare", "ServiceRequest", "Task",
)  # fmt: skip
OF_THE_SITE = ("HealthcareService", "Location", "Organization")
NPI = "1234567893"
LIKE, MOST = 3, 60
"""Resources of one type of which status and elements are the same, and all of one type, that are validated."""
ALL_LANGUAGES = ("HealthcareService.communication", "is not in valueset: http://hl7.org/fhir/ValueSet/languages")
"""No error: R4 binds it to these as preferred, limited to all languages (BCP 47), which the validator does not read."""


@pytest.fixture(scope="session")
def validator(request: pytest.FixtureRequest) -> Path:
    """The folder of the validator's jars; a test that has none is skipped, and says why."""
    cache = request.config.cache
    assert cache is not None
    found = validating.fetched(cache.mkdir("fhir-validator"))
    if isinstance(found, str):
        pytest.skip(found)
    return found


async def emitted(system: System) -> AsyncIterator[Json]:
    """All that a system tells by FHIR: resources of every type, and the Bundles and outcomes around them."""
    base, patients = again.base(system), set[str]()
    async with again.client(system) as http:
        for kind in (*OF_PATIENTS, *OF_THE_SITE):
            async for one in again.entries(http, f"{base}/{kind}?_count=200"):
                yield one["resource"]
                if kind == "EpisodeOfCare":
                    patients.add(again.whose(one["resource"]))
        every = sorted(patients)
        for some in (every[first : first + 10] for first in range(0, len(every), 10)):
            async for one in again.entries(http, f"{base}/Patient?_id={','.join(some)}"):
                yield one["resource"]
        for path in (f"Practitioner/{NPI}", "metadata", "Encounter/none", "Task?_count=5&_include=Task:based-on"):
            yield (await http.get(f"{base}/{path}")).json()
        told = {**fhir_of_another.told("Encounter", "M-V1", "GOODHEALTH"), "id": "told-here"}
        yield (await http.put(f"{base}/Encounter/told-here", json=told)).json()
        yield (await http.get(f"{base}/Encounter/told-here")).json()
        given = await http.post(f"{base}/Consent", json=fhir_of_another.told("Consent", "M-V1", "GOODHEALTH"))
        yield (await http.get(given.headers["location"])).json()
        entry = {"resource": told, "request": {"method": "PUT", "url": "Encounter/told-here"}}
        batch = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
        yield (await http.post(base, json=batch)).json()


def sample(every: Iterable[Json]) -> list[Json]:
    """Some of each type, and of each status and set of elements in it."""
    like, of = Counter[tuple[Any, ...]](), Counter[str]()
    found = []
    for one in every:
        kind = one["resourceType"]
        shape = (kind, one.get("status"), *sorted(one))
        like[shape] += 1
        if like[shape] <= LIKE and of[kind] < MOST:
            of[kind] += 1
            found.append(one)
    return found


@contextmanager
def a_demo(data: Path, patients: int) -> Iterator[System]:
    """`stepdown demo --serve`: simulated patients, their morning, and the system that goes on running."""
    command = [sys.executable, "-m", "tools.cli.main", "demo", "--serve", "--json", "--patients", str(patients)]
    with (
        data.with_name("demo.log").open("w") as said,
        subprocess.Popen([*command, "--data", str(data)], stdout=subprocess.PIPE, stderr=said, cwd=ROOT) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline(), "the demo did not get ready"
        try:
            yield System(data, process)  # type: ignore[arg-type]  # its output is read no more
        finally:
            process.terminate()
            process.wait(60)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_what_is_told_of_simulated_patients_validates(tmp_path: Path, validator: Path) -> None:
    with a_demo(tmp_path / "data", 200) as system:
        some = sample([one async for one in emitted(system)])
    kinds = {one["resourceType"] for one in some}
    assert kinds >= {*OF_PATIENTS, *OF_THE_SITE, "Patient", "Practitioner", "Bundle", "OperationOutcome"}
    assert kinds >= {"CapabilityStatement", "Consent"}
    found = defaultdict[str, list[str]](list)
    for one in validating.findings(validator, some):
        if one.severity != "warning" and not _is_all_languages(one):
            found[some[one.number]["resourceType"]].append(f"{one.place}: {one.words}")
    assert found == {}


def _is_all_languages(one: validating.Finding) -> bool:
    place, words = ALL_LANGUAGES
    return one.place.startswith(place) and one.words.endswith(words)
