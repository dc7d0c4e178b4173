"""A Bundle of type transaction or batch: which entries are taken, what they are taken as, and the answer.

Resources that say more of others (Location, Organization, Practitioner …) are kept with these; Conditions and Coverages
of an Encounter are told with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from starlette.responses import Response

from services.intake.api.fhir.commands import COMMANDS
from services.intake.api.fhir.conditions import Entered, ToEnter, number_of
from services.intake.api.fhir.entering import (
    Entrance,
    RefusedEntries,
    enter_all,
    id_of,
    only_facility,
)
from services.intake.fhir.bodies import READERS, Body, with_contained
from services.intake.fhir.model import ToldResource
from services.intake.fhir.places import names_of
from services.intake.fhir.resources import Encounter
from services.intake.hl7.model import Fault
from shared.clock import system_clock
from shared.fhir.bundles import NOTHING, BundleEntry, Found
from shared.fhir.outcomes import ISSUES, informed, issue, outcome
from shared.fhir.reading import read_or_none
from shared.web.auth import Caller
from shared.web.fhir import fhir, may, refused

BESIDE = frozenset({
    "Location", "Organization", "Practitioner", "PractitionerRole", "RelatedPerson", "Account", "Provenance",
    "HealthcareService", "EpisodeOfCare", "CareTeam", "Device",
})  # fmt: skip
"""Resources that are kept with those that refer to them, and are nothing here by themselves."""
_WITH = frozenset({"Condition", "Coverage"})
"""Resources that are told with an Encounter of the same Bundle."""
_URL = re.compile(r"/?([A-Za-z]+)(?:/([A-Za-z0-9.-]{1,64}))?")
_KEPT = "it is kept with the resources that refer to it"


class _Planned(NamedTuple):
    """An entry: its place, the resource, and what is to be done; None: nothing, it is beside others."""

    place: str
    resource: Found
    entry: ToEnter | None


async def transaction(entrance: Entrance, who: Caller, raw: bytes, body: Body, base: str) -> Response:
    """Carry a transaction or a batch out, and answer with a Bundle; with an OperationOutcome for a transaction of which
    an entry is refused."""
    planned, faults = _planned(entrance, who, body)
    if body.kind == "batch":
        return _bundle("batch-response", [await _alone(entrance, who, one, base) for one in planned], faults)
    if faults:
        return _refusal(faults)
    try:
        to_do = [one.entry for one in planned if one.entry is not None]
        done = iter(await enter_all(entrance, who, to_do, sha256(raw).digest()))
    except RefusedEntries as no:
        return _refusal(no.every)
    answers = [(one.place, _response(next(done), base) if one.entry else _beside()) for one in planned]
    return _bundle("transaction-response", answers, [])


def _planned(entrance: Entrance, who: Caller, body: Body) -> tuple[list[_Planned], list[tuple[str, Fault]]]:
    """What is to be done with each entry, and those that are refused."""
    found: list[_Planned] = []
    faults: list[tuple[str, Fault]] = []
    resources = iter(body.every)
    has_encounter = any(one.kind == "Encounter" for one in body.every)
    facility = only_facility(who, entrance.intake) or _named(body, entrance) or None
    stamp = body.bundle.timestamp if body.bundle else None
    for number, entry in enumerate(body.bundle.entry if body.bundle else ()):
        place = f"Bundle.entry[{number}]"
        if bytes(entry.resource) in NOTHING:
            faults.append((place, Fault(422, f"{place}.resource", 0, "there is no resource")))
            continue
        one = next(resources)
        fault, named, put = _asked(entry, one, place)
        if fault is not None:
            faults.append((place, fault))
            continue
        if one.kind in BESIDE or (one.kind in _WITH and has_encounter and not put):
            found.append(_Planned(place, one, None))
            continue
        may(who, one.kind, "u" if put else "c")
        own_id = named or id_of(entrance.intake, who, one.kind, one.raw)
        told = ToldResource(one, with_contained(one, body.every), own_id, None, stamp, own_id, facility)
        condition, seen = (
            (entry.request.if_none_exist or "", entry.request.if_match or "") if entry.request else ("", "")
        )
        if condition:
            number_of(one.kind, condition)
        found.append(_Planned(place, one, ToEnter(told, body, place, put, condition, seen if put else "")))
    return found, faults


def _named(body: Body, entrance: Entrance) -> str:
    """The facility of the Encounters of a Bundle, which is that of its other resources too; "" where they name none, or
    several."""
    found = set()
    for one in body.every:
        if one.kind == "Encounter" and (known := read_or_none(Encounter, one.raw)):
            names = names_of(known.service_provider, ToldResource(one, with_contained(one, body.every), ""))
            found |= {each for name in names if (each := entrance.intake.rules.facility_named(name))}
    return found.pop() if len(found) == 1 else ""


def _asked(entry: BundleEntry, one: Found, place: str) -> tuple[Fault | None, str, bool]:
    """What is asked for with an entry: why it is refused, the id of a PUT, whether it is one."""
    request = entry.request
    if request is None or not request.method or not request.url:
        return Fault(422, f"{place}.request", 0, "there is no request"), "", False
    if request.method not in {"POST", "PUT"}:
        return Fault(422, f"{place}.request.method", 0, "only POST and PUT are taken here"), "", False
    url = _URL.fullmatch(request.url)
    put = request.method == "PUT"
    if url is None or url[1] != one.kind or put != bool(url[2]) or (put and url[2] != one.id):
        return Fault(422, f"{place}.request.url", 0, "the address is not the resource's"), "", put
    if one.kind not in READERS and one.kind not in COMMANDS and one.kind not in BESIDE:
        return Fault(422, f"{place}.resource", 0, "this type of resource is not taken here"), "", put
    if put and one.kind in COMMANDS:
        return Fault(422, f"{place}.request.method", 0, "this type of resource is only told by POST"), "", put
    return None, url[2] or "", put


async def _alone(entrance: Entrance, who: Caller, one: _Planned, base: str) -> tuple[str, dict[str, Any]]:
    """The answer to an entry of a batch."""
    if one.entry is None:
        return one.place, _beside()
    try:
        (done,) = await enter_all(entrance, who, [one.entry], sha256(one.resource.raw).digest())
    except RefusedEntries as no:
        return one.place, _failed(no.every[0][1])
    except Exception as fault:  # noqa: BLE001 - it is the answer to this entry alone
        answer = refused(fault)
        return one.place, {"status": str(answer.status_code), "outcome": orjson.Fragment(answer.body)}
    return one.place, _response(done, base)


def _response(done: Entered, base: str) -> dict[str, Any]:
    status = "201 Created" if done.status == 201 else "200 OK"
    found: dict[str, Any] = {"status": status, "location": f"{base}/{done.kind}/{done.id}"}
    if not done.outcome:
        return found  # it was there, and nothing was done
    found["outcome"] = orjson.Fragment(done.outcome)
    stamp = system_clock().isoformat(timespec="seconds").replace("+00:00", "Z")
    return {**found, "etag": f'W/"{done.version}"', "lastModified": stamp} if done.version else found


def _beside() -> dict[str, Any]:
    """The answer to an entry of which nothing is stored by itself."""
    return {"status": "200 OK", "outcome": orjson.Fragment(informed(_KEPT))}


def _failed(fault: Fault) -> dict[str, Any]:
    told = outcome(issue(ISSUES.get(fault.code, "exception"), fault.text, [fault.segment] if fault.segment else []))
    return {"status": str(fault.code), "outcome": orjson.Fragment(told)}


def _bundle(kind: str, answers: Sequence[tuple[str, dict[str, Any]]], faults: Sequence[tuple[str, Fault]]) -> Response:
    """The answers in the order of the entries."""
    every = [*answers, *((place, _failed(fault)) for place, fault in faults)]
    every.sort(key=lambda one: int(one[0].removeprefix("Bundle.entry[").removesuffix("]")))
    told = {"resourceType": "Bundle", "type": kind, "entry": [{"response": response} for _, response in every]}
    return fhir(orjson.dumps(told))


def _refusal(faults: Sequence[tuple[str, Fault]]) -> Response:
    """The OperationOutcome of a transaction of which nothing was stored: an issue for each entry that was refused."""
    issues = []
    for place, fault in faults:
        element = fault.segment if fault.segment.startswith("Bundle") else f"{place}.resource.{fault.segment}"
        where = [element if fault.segment not in {"", "MSH"} else place]
        issues.append(issue(ISSUES.get(fault.code, "exception"), fault.text, where))
    return fhir(outcome(*issues), max(fault.code for _, fault in faults))
