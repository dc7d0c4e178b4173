"""What the desk's lists show of one episode: searches, offers, placements, authorizations, conflicts, waiting. Pure.

Derived from the fold and placement's own facts; an entry's id is what the API calls it by.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import orjson

from services.placement.continuum.model import Folded, StayState
from services.placement.continuum.order import midnight
from services.placement.following import claimed
from services.placement.rules import Rules
from services.placement.search.searches import Offer, Search, searches
from shared.events.envelope import Fact

Kind = Literal["search", "offer", "placement", "authorization", "conflict", "waiting"]
STATES: dict[Kind, tuple[str, ...]] = {
    "search": ("open", "closed"),
    "offer": ("sent", "countered", "accepted", "declined", "expired", "withdrawn"),
    "placement": ("placed", "missed", "started", "ended", "cancelled"),
    "authorization": ("requested", "pended", "approved", "denied", "extended", "ended"),
    "conflict": ("open", "settled"),
    "waiting": ("waiting", "left"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list. `at`: since when; `due`: when somebody should have done something; `content`: plain JSON."""

    kind: Kind
    id: str
    facility: str
    program: str | None
    state: str
    at: datetime
    due: datetime | None
    content: dict[str, Any]


def entries(folded: Folded, own: Sequence[Fact], rules: Rules) -> tuple[Entry, ...]:
    """Every entry of an episode; `own` are placement's facts of the desk in their order."""
    stands = {fact.id: fact for fact in own}
    found = searches(own)
    return (
        *(_search(one, folded, stands) for one in found),
        *(_offer(offer, one, folded, own) for one in found for offer in one.offers),
        *_placements(folded, own, rules),
        *(_authorization(one, folded, rules) for one in folded.authorizations),
        *_conflicts(folded, own),
        *_waiting(folded, own),
    )


def mark(found: Iterable[Entry]) -> bytes:
    """Equal for equal entries: what the episode's row keeps, so that nothing is written where nothing changed."""
    told = [(e.kind, e.id, e.facility, e.program, e.state, e.at, e.due, e.content) for e in found]
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()[:16] if told else b""


def _search(search: Search, folded: Folded, stands: dict[str, Fact]) -> Entry:
    fact = stands[search.fact]
    content = {
        "search_id": search.search_id,
        "from_level": search.from_level,
        "recommended_level": search.recommended_level,
        "needs": search.needs.model_dump(mode="json", exclude_none=True),
        "reasons": fact.value.get("reasons", []),
        "policy": fact.value.get("policy"),
        "trigger": search.trigger,
        "reason": search.reason,
        "placement_id": search.placement_id,
        "offers": [one.offer_id for one in search.offers],
    }
    due = midnight(search.needs.start_by, _UTC) if search.needs.start_by else None
    facility = fact.value.get("facility") or folded.facility
    return Entry("search", search.search_id, facility, None, str(search.state), _time(fact), due, _known(content))


_UTC = ZoneInfo("UTC")


def _offer(offer: Offer, search: Search, folded: Folded, own: Sequence[Fact]) -> Entry:
    told = [fact for fact in own if fact.value.get("offer_id") == offer.offer_id and fact.name.startswith("offer-")]
    placed = next((f for f in own if f.name == "placed" and f.value.get("offer_id") == offer.offer_id), None)
    content = {
        "offer_id": offer.offer_id,
        "search_id": search.search_id,
        "program": offer.program,
        "level": offer.level,
        "start_date": offer.start_date.isoformat() if offer.start_date else None,
        "track": offer.track,
        "group": offer.group,
        "variance_reason": offer.variance_reason,
        "expires_at": offer.expires_at.isoformat() if offer.expires_at else None,
        "reason": offer.reason,
        "placement_id": placed.value["placement_id"] if placed else None,
        "sent_at": told[0].value["occurred_at"] if told else None,
    }
    due = offer.expires_at if str(offer.state) in {"sent", "countered"} else None
    at = _time(told[-1]) if told else _time(next(fact for fact in own if fact.id == search.fact))
    facility = offer.facility or folded.facility
    return Entry("offer", offer.offer_id, facility, offer.program, str(offer.state), at, due, _known(content))


def _placements(folded: Folded, own: Sequence[Fact], rules: Rules) -> list[Entry]:
    gone = _gone(own)
    cancelled = {f.value["placement_id"]: f for f in own if f.name == "placement-cancelled" and f.id not in gone}
    missed = {f.value["placement_id"]: f for f in own if f.name == "start-missed" and f.id not in gone}
    seated = {one.placement_id for one in claimed(own) if one.until is None}
    found = []
    for fact in own:
        if fact.name != "placed" or fact.id in gone:
            continue
        name = fact.value["placement_id"]
        stay = stay_of(folded, name)
        state, at = _of_placement(stay, cancelled.get(name), missed.get(name), fact)
        content = {key: value for key, value in fact.value.items() if key in _PLACED}
        content |= _stay_told(stay) | {"seat": name in seated}
        if name in cancelled:
            content["reason"] = cancelled[name].value.get("reason")
        due = _first_day(fact, rules) if state == "placed" else None
        facility = fact.value["facility"]
        found.append(Entry("placement", name, facility, fact.value["program"], state, at, due, _known(content)))
    return found


_PLACED = frozenset(
    {
        "placement_id", "program", "level", "track", "group", "start_date", "recommended_level", "variance_reason",
        "offer_id",
    }
)  # fmt: skip


def stay_of(folded: Folded, placement_id: str) -> StayState | None:
    """The stay that a placement became, by the desk's word or by ADT's."""
    key = ("placement", placement_id)
    return next((s for s in folded.stays if placement_id == s.placement_id or key == s.key or key in s.aliases), None)


def _of_placement(
    stay: StayState | None, cancelled: Fact | None, missed: Fact | None, placed: Fact
) -> tuple[str, datetime]:
    if stay is not None:
        return ("started", stay.begun) if stay.ended is None else ("ended", stay.ended.at)
    if cancelled is not None:
        return "cancelled", _time(cancelled)
    return ("missed", _time(missed)) if missed is not None else ("placed", _time(placed))


def _stay_told(stay: StayState | None) -> dict[str, Any]:
    if stay is None:
        return {}
    ended = stay.ended
    return {
        "stay": {"kind": stay.kind, "id": stay.id},
        "from": stay.begun.isoformat(),
        "to": ended.at.isoformat() if ended else None,
        "how": ended.how if ended else None,
        "reason": ended.reason if ended else None,
        "suspended": any(span.until is None for span in stay.suspended),
        "on_leave": stay.on_leave,
        "sessions": len(stay.sessions),
        "attended": sum(session.attended for session in stay.sessions),
    }


def _first_day(placed: Fact, rules: Rules) -> datetime:
    """The end of the day on which the patient should come."""
    day = date.fromisoformat(placed.value["start_date"]) + timedelta(days=1)
    return midnight(day, rules.zone_of(placed.value["facility"]))


def _authorization(one: dict[str, Any], folded: Folded, rules: Rules) -> Entry:
    content = {name: value for name, value in one.items() if name not in {"fact", "in_force"}}
    content["in_force"] = bool(one.get("in_force"))
    last = midnight(date.fromisoformat(one["to"]) + timedelta(days=1), rules.zone_of(folded.facility))
    begins = midnight(date.fromisoformat(one["from"]), rules.zone_of(folded.facility))
    due = last if one["status"] in {"approved", "extended"} else None
    return Entry("authorization", one["auth_id"], folded.facility, None, one["status"], begins, due, _known(content))


def _conflicts(folded: Folded, own: Sequence[Fact]) -> list[Entry]:
    found = [
        Entry(
            "conflict", one.id, folded.facility, None, "open", one.at, None,
            {"conflict_id": one.id, "kind": one.kind, "facts": list(one.facts)},
        )
        for one in folded.conflicts
    ]  # fmt: skip
    still = {one.id for one in found}
    for fact in own:
        name = fact.value.get("conflict_id")
        if fact.name == "conflict-settled" and name in folded.settled and name not in still:
            content = {"conflict_id": name, "falls": fact.value.get("falls", [])}
            found.append(Entry("conflict", name, folded.facility, None, "settled", _time(fact), None, content))
            still.add(name)
    return found


def _waiting(folded: Folded, own: Sequence[Fact]) -> list[Entry]:
    """One place in each program's line: its id is the ce_id of the first fact."""
    gone, found = _gone(own), dict[str, Entry]()
    for fact in own:
        if fact.name not in {"waitlisted", "waitlist-left"} or fact.id in gone:
            continue
        program, waits = fact.value["program"], fact.name == "waitlisted"
        before = found.get(program)
        name = before.id if before and before.state == "waiting" else fact.id
        content = _known({key: fact.value.get(key) for key in ("program", "position", "reason")})
        state = "waiting" if waits else "left"
        facility = fact.value.get("facility") or folded.facility
        found[program] = Entry("waiting", name, facility, program, state, _time(fact), None, content)
    return list(found.values())


def _gone(own: Iterable[Fact]) -> set[str | None]:
    facts = list(own)
    return {fact.value.get("cancels") for fact in facts} | {fact.value.get("replaces") for fact in facts}


def _time(fact: Fact) -> datetime:
    return datetime.fromisoformat(fact.value["occurred_at"])


def _known(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if value is not None}
