"""A system's patients and stays as it tells them by FHIR, told to another system, and how the two compare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import httpx

from tests.system import System

Json = dict[str, Any]
TOLD = ("Encounter", "Condition", "Coverage")
"""What is told of a patient, with who it is; the rest is what people and programs do at a desk."""


def base(system: System) -> str:
    """The one FHIR base, at the front door."""
    return f"{str(system.ready['desk']).rstrip('/')}/fhir"


def client(system: System, role: str = "coordinator") -> httpx.AsyncClient:
    """A client of a system, as somebody with this role."""
    head = {"authorization": f"Bearer {system.ready['tokens'][role]}"}
    return httpx.AsyncClient(headers=head, timeout=60, trust_env=False)


async def entries(http: httpx.AsyncClient, url: str) -> AsyncIterator[Json]:
    """The entries of a search, page by page."""
    following: str | None = url
    while following:
        answer = await http.get(following)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        for one in page.get("entry", ()):
            yield {"fullUrl": one["fullUrl"], "resource": one["resource"]}
        following = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)


async def told_by(system: System, numbers: str) -> dict[str, list[Json]]:
    """Patient → the entries that the system tells of them: the Patient, each stay, diagnoses, payers. `numbers`: how
    the numbers of these patients begin."""
    found: dict[str, list[Json]] = defaultdict(list)
    async with client(system) as http:
        for kind in TOLD:
            async for one in entries(http, f"{base(system)}/{kind}?_count=200"):
                found[whose(one["resource"])].append(one)
        every = sorted(found)
        for some in (every[first : first + 10] for first in range(0, len(every), 10)):
            async for one in entries(http, f"{base(system)}/Patient?_id={','.join(some)}"):
                found[one["resource"]["id"]].insert(0, one)
    return {patient: every for patient, every in found.items() if _numbered(every[0]["resource"], numbers)}


def _numbered(patient: Json, begin: str) -> bool:
    return any(one["value"].startswith(begin) for one in patient.get("identifier", ()))


def whose(resource: Json) -> str:
    """The patient whom a resource is about."""
    told = resource.get("subject") or resource.get("beneficiary") or resource["patient"]
    return str(told["reference"].removeprefix("Patient/"))


def transactions(every: Iterable[Json]) -> Iterator[Json]:
    """The Bundles by which a patient's entries are told elsewhere."""
    posted = [{**one, "request": {"method": "POST", "url": one["resource"]["resourceType"]}} for one in every]
    yield {"resourceType": "Bundle", "type": "transaction", "entry": posted}


async def tell(system: System, told: dict[str, list[Json]]) -> list[str]:
    """Tell it all to a system; the refusals."""
    refused = []
    async with client(system) as http:
        for patient in sorted(told):
            for bundle in transactions(told[patient]):
                answer = await http.post(base(system), json=bundle, headers={"content-type": "application/fhir+json"})
                if answer.status_code != 200:
                    refused.append(answer.text)
    return refused
