"""A body of FHIR → the resources in it that say something of a visit or a person, each with its Bundle's others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
import orjson

from services.intake.fhir.encounters import read_encounter
from services.intake.fhir.model import ReadResource, ResourceRules, ToldResource
from services.intake.fhir.persons import read_condition, read_coverage, read_patient
from services.intake.fhir.resources import MessageHeader
from services.intake.hl7.model import Refused
from services.intake.hl7.triggers import CONDITION, COVERAGE, ENCOUNTER, PATIENT
from shared.fhir.bundles import NOTHING, Bundle, BundleEntry, Found, Resources, contained, found
from shared.fhir.reading import NotRead, check_depth, read, read_or_none

MOST_ENTRIES = 500
"""Entries that a Bundle may have."""
READERS: Mapping[str, tuple[str, Callable[[ToldResource, ResourceRules, datetime], ReadResource]]] = {
    "Encounter": (ENCOUNTER, read_encounter),
    "Patient": (PATIENT, read_patient),
    "Coverage": (COVERAGE, read_coverage),
    "Condition": (CONDITION, read_condition),
}
"""Resource that is a message → its trigger, and how it is read."""
OWN = "urn:stepdown:message"
"""System of the identifier of a Bundle that was made of a part of another one (`alone`)."""
NOT_TAKEN = Refused("AR", 422, "Bundle.entry", 0, "there is no resource in it that is taken here")


class Body(NamedTuple):
    """A body that was read as far as its resources: a Bundle, or one resource alone."""

    every: tuple[Found, ...]
    bundle: Bundle | None
    header: MessageHeader | None

    @property
    def kind(self) -> str:
        """The type of the Bundle; "" for a resource alone."""
        return (self.bundle.type or "collection") if self.bundle else ""

    def __repr__(self) -> str:
        return f"<Body {self.kind}>"


def body_of(raw: bytes) -> Body:
    """Read a body as far as its resources. Raises Refused (AR) for what is no JSON of FHIR, too deep or too long."""
    try:
        check_depth(raw)
        head = found_in(raw, "")
        if head.kind != "Bundle":
            return Body((head,), None, None)
        bundle = read(Bundle, raw, "Bundle")
        if len(bundle.entry) > MOST_ENTRIES:
            raise NotRead(413, f"a Bundle may have {MOST_ENTRIES} entries at most", "Bundle.entry")
        every = tuple(
            _entry(number, one) for number, one in enumerate(bundle.entry) if bytes(one.resource) not in NOTHING
        )
    except NotRead as wrong:
        raise Refused("AR", wrong.status, wrong.expression or "Resource", 0, wrong.text) from None
    header = next((read_or_none(MessageHeader, one.raw) for one in every if one.kind == "MessageHeader"), None)
    return Body(every, bundle, header)


def found_in(raw: bytes, place: str) -> Found:
    """The head of a resource. Raises NotRead for what is none."""
    try:
        one = found(raw)
    except msgspec.ValidationError:
        raise NotRead(422, "this is no resource", place) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotRead(400, "this is not JSON", place) from None
    if not one.kind:
        raise NotRead(422, "it has no resourceType", place)
    return one


def _entry(number: int, one: BundleEntry) -> Found:
    head = found_in(bytes(one.resource), f"Bundle.entry[{number}].resource")
    return head._replace(full_url=one.full_url)


def told_in(body: Body, own_id: str | None = None, facility: str | None = None) -> list[ToldResource]:
    """The resources of a body that are messages: its Encounters, else its Patients, and so on. Raises Refused (AR)
    where there is none. `own_id`: the id under which one alone is kept; `facility`: the caller's."""
    mine = list(body.every)
    own_kind, kept_id = _own(body)
    if body.bundle is not None:
        own_id = kept_id or None
    for kind in [own_kind] if own_kind else READERS:
        chosen = [one for one in mine if one.kind == kind]
        if chosen:
            break
    else:
        raise NOT_TAKEN
    focus = [one for one in chosen if _is_focus(one, body)]
    if body.header is not None and focus:
        chosen = focus
    by, (stamp, name) = facility, (body.bundle.timestamp, body.bundle.id) if body.bundle else (None, None)
    name = (body.header.id if body.header else None) or name
    return [
        ToldResource(one, with_contained(one, mine), own_id or name or one.id or "", body.header, stamp, own_id, by)
        for one in chosen
    ]


def with_contained(one: Found, others: Sequence[Found]) -> Resources:
    """A resource's Bundle with what the resource itself contains, and nothing that another one does."""
    return Resources([*others, *contained(one.raw)])


def _own(body: Body) -> tuple[str, str]:
    """Of a Bundle that `alone` made: which resource in it is the message, and the id under which that is kept."""
    name = body.bundle.identifier if body.bundle else None
    if name is None or name.system != OWN:
        return "", ""
    kind, _, kept_id = (name.value or "").partition("/")
    return (kind, kept_id) if kind in READERS else ("", "")


def _is_focus(one: Found, body: Body) -> bool:
    every = Resources(body.every)
    return any(every.resolve(each) is one for each in body.header.focus) if body.header else False


def read_told(told: ToldResource, rules: ResourceRules, arrived_at: datetime) -> ReadResource:
    """What a resource says, as a message. Raises Refused (AE)."""
    return READERS[told.resource.kind][1](told, rules, arrived_at)


def alone(told: ToldResource, body: Body) -> bytes:
    """A Bundle of this resource and of those in its Bundle that are no messages: read again, it says the same."""
    entries = [
        {**({"fullUrl": one.full_url} if one.full_url else {}), "resource": orjson.Fragment(one.raw)}
        for one in body.every
        if one is told.resource or one.kind != told.resource.kind
    ]
    own = {"system": OWN, "value": f"{told.resource.kind}/{told.own_id or ''}"}
    head = {"id": body.bundle.id if body.bundle else None, "identifier": own, "timestamp": told.timestamp}
    named = {name: each for name, each in head.items() if each}
    kind = "message" if body.header else "collection"
    return orjson.dumps({"resourceType": "Bundle", **named, "type": kind, "entry": entries})
