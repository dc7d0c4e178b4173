"""What is entered below /fhir, and under which conditions: If-None-Exist and If-Match, judged in the transaction that
enters it, so that of several at once one is first and the others see what it did."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

from services.intake.fhir.bodies import Body
from services.intake.fhir.model import ToldResource
from services.intake.receiving import encounters
from services.intake.receiving.read import InboundMessage
from shared.storage.database import Connection
from shared.web import requests
from shared.web.app import Problem
from shared.web.auth import Caller


class Entered(NamedTuple):
    """What came of one resource: the HTTP status, its type and id here, its version, an OperationOutcome."""

    status: int
    kind: str
    id: str
    version: int | None
    outcome: bytes


class ToEnter(NamedTuple):
    """A resource to be taken in: with its Bundle, and the place in it for answers; by PUT, or by POST."""

    told: ToldResource
    body: Body
    place: str = ""
    put: bool = False
    condition: str = ""
    """If-None-Exist: only where there is none like it."""
    seen: str = ""
    """If-Match: only while this is its version."""
    raw: bytes = b""
    """The text that it is kept as; empty: a Bundle of it alone."""


def number_of(kind: str, condition: str) -> str:
    """The visit number that a condition (`identifier=system|value`) names. Raises a Problem (422) for another one."""
    name, _, value = condition.strip().lstrip("?").partition("=")
    number = value.rpartition("|")[2]
    if kind != "Encounter" or name != "identifier" or not number or "&" in value:
        raise requests.unfit("If-None-Exist", "the condition is identifier=system|value, of an Encounter")
    return number


async def _existing(connection: Connection, who: Caller, kind: str, number: str) -> Entered | None:
    """What has this number at the caller's facilities, as it is answered. Raises a Problem (412) for several."""
    found = await encounters.numbered(connection, number, who.scope)
    if len(found) > 1:
        raise Problem(HTTPStatus.PRECONDITION_FAILED, "several", "several have this number")
    return Entered(200, kind, found[0], None, b"") if found else None


async def there(connection: Connection, who: Caller, every: Sequence[ToEnter]) -> dict[int, Entered]:
    """Place in `every` → what its condition finds. Whoever asks under the same condition, or has seen a version of the
    same resource, waits until this transaction ends."""
    numbers = {n: number_of(each.told.resource.kind, each.condition) for n, each in enumerate(every) if each.condition}
    seen = {f"fhir version {each.told.resource.kind}/{each.told.own_id}" for each in every if each.seen}
    keys = {*seen, *(f"fhir number {number}" for number in numbers.values())}
    if keys:
        await encounters.lock_conditions(connection, keys)
    found: dict[int, Entered] = {}
    for number, value in numbers.items():
        one = await _existing(connection, who, every[number].told.resource.kind, value)
        if one is not None:
            found[number] = one
    return found


async def unchanged(connection: Connection, who: Caller, one: ToEnter, message: InboundMessage) -> bool:
    """Whether something is kept under the id of a PUT. Raises a Problem (412) where its version is not the one that was
    seen, but for what was taken in before, which gets its first answer."""
    kind = one.told.resource.kind
    kept = await encounters.kept_under(connection, one.told.own_id or "", who.scope, kind)
    if one.seen:
        if kept is not None:
            await encounters.lock_visit(connection, kept)
        version = await encounters.version_of(connection, kept) if kept else 0
        if not matches(one.seen, version) and not await encounters.came(connection, message):
            raise Problem(HTTPStatus.PRECONDITION_FAILED, "stale", "its version is another one now")
    return kept is not None


def matches(seen: str, version: int) -> bool:
    """Whether an If-Match has this version; `*` is any that there is (RFC 9110 13.1.1)."""
    told = {one.strip().removeprefix("W/").strip('"') for one in seen.split(",")}
    return str(version) in told or ("*" in told and version > 0)
