"""One base of FHIR before three services: which of them has a type, and how an answer of two becomes one. Pure.

An id says which service has the resource by its first letter: `p-` placement, `a-` aftercare; other ids are those that
senders gave to intake. docs/read-by-fhir.md has the same table for other proxies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

BASE = "/fhir"
SERVICES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "Appointment": ("placement", "aftercare"),
    "CarePlan": ("aftercare",),
    "Condition": ("placement",),
    "Consent": ("intake",),
    "Coverage": ("placement",),
    "Encounter": ("placement",),
    "EpisodeOfCare": ("placement",),
    "HealthcareService": ("placement",),
    "Location": ("placement",),
    "Organization": ("placement",),
    "Patient": ("intake",),
    "Practitioner": ("placement",),
    "ServiceRequest": ("placement",),
    "Task": ("placement", "aftercare"),
}
"""Type → the services that are searched for it, in this order; of any other type intake answers."""
_BY_LETTER: Final = {"p": "placement", "a": "aftercare"}
_INTAKE = ("intake",)
MERGED_STATEMENT = ("placement", "intake", "aftercare")
"""Whose CapabilityStatements are put together."""


class Asks(NamedTuple):
    """What an address below the base asks of whom: a search of several services, a statement of all, or one service's
    own answer."""

    services: tuple[str, ...]
    what: str = "one"


def asks(method: str, path: str) -> Asks:
    """Who answers. `what`: one, search or statement."""
    parts = path.removeprefix(BASE).strip("/").split("/")
    reading = method in {"GET", "HEAD"} or (method == "POST" and len(parts) == 2 and parts[1] == "_search")
    if not reading:
        return Asks(_INTAKE)
    if parts == ["metadata"]:
        return Asks(MERGED_STATEMENT, "statement")
    of = SERVICES_OF.get(parts[0], _INTAKE)
    if len(parts) == 1 or method == "POST":
        return Asks(of, "search" if len(of) > 1 else "one")
    letter, dash, _ = parts[1].partition("-")
    named = _BY_LETTER.get(letter) if dash else None
    if named in of:
        return Asks((named,))
    return Asks(_INTAKE if parts[0] == "Encounter" else of[:1])


# ── a search of several services ──────────────────────────────────────────────────────────────────────────────────────

_USUAL, _MOST = 50, 200
Pairs = list[tuple[str, str]]


class Turn(NamedTuple):
    """Whom to ask next, with which parameters."""

    service: str
    asked: Pairs


def first_turn(services: Sequence[str], asked: Pairs) -> Turn:
    """Who is asked first: where the cursor is, else the first service."""
    cursor = next((value for name, value in asked if name == "_cursor"), None)
    if cursor is None:
        return Turn(services[0], asked)
    letter, _, own = cursor.partition(".")
    service = _BY_LETTER.get(letter, services[0])
    rest = [one for one in asked if one[0] != "_cursor"]
    if service not in services:
        return Turn(services[0], [*rest, ("_cursor", "?")])
    return Turn(service, [*rest, ("_cursor", own)] if own else rest)


def left(asked: Pairs, entries: Sequence[Mapping[str, Any]]) -> int:
    """How many resources the page may still have."""
    told = next((value for name, value in asked if name == "_count"), str(_USUAL))
    most = min(int(told), _MOST) if told.isascii() and told.isdigit() else _USUAL
    return most - len([one for one in entries if one.get("search", {}).get("mode") == "match"])


def next_of(bundle: Mapping[str, Any]) -> str | None:
    """The cursor of a page's link `next`."""
    for link in bundle.get("link", ()):
        if link.get("relation") == "next":
            return dict(parse_qsl(urlsplit(link["url"]).query)).get("_cursor")
    return None


def merged(pages: Sequence[tuple[str, Mapping[str, Any]]], services: Sequence[str], asked: Pairs) -> dict[str, Any]:
    """One page of the pages that services gave, in their order. It has a link to the next where the last service has
    more, or another one has not been asked. A search whose values stand in no address has none (contract 6)."""
    last, bundle = pages[-1]
    told = dict(pages[0][1])
    own = next((link["url"] for link in told.get("link", ()) if link["relation"] == "self"), "")
    links = [{"relation": "self", "url": own}]
    cursor, following = next_of(bundle), services[services.index(last) + 1 :]
    rest = [one for one in asked if one[0] not in {"_cursor", "_format"}]
    place = f"{last[0]}.{cursor}" if cursor else f"{following[0][0]}." if following else ""
    if place and (cursor or urlsplit(own).query or not rest):
        links.append({"relation": "next", "url": f"{own.partition('?')[0]}?{urlencode([*rest, ('_cursor', place)])}"})
    entries = [one for _, page in pages for one in page.get("entry", ())]
    told = {name: value for name, value in told.items() if name not in {"entry", "total", "link"}}
    told["link"] = links
    if len(pages) == len(services) and all("total" in page for _, page in pages):
        told["total"] = sum(page["total"] for _, page in pages)
    return {**told, "entry": entries} if entries else told
