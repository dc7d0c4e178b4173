"""The searches of an episode and their offers, read back from what placement stated; decides nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final

from services.placement.search.states import ANSWERABLE, OfferState, SearchState
from shared.events.placing import Needs
from shared.facts.envelope import Fact
from shared.facts.restating import fallen_of
from shared.values import replace, value_object

DESK: Final = frozenset(
    {
        *("search-opened", "search-closed", "patient-agreed", "patient-declined"),
        *(
            f"offer-{name}"
            for name in ("sent", "countered", "accepted", "declined", "expired", "withdrawn", "reopened")
        ),
        *("placed", "placement-cancelled", "start-missed", "started"),
        *("seat-held", "seat-released", "waitlisted", "waitlist-left"),
        *(f"authorization-{name}" for name in ("requested", "pended", "approved", "denied", "extended", "ended")),
        *("conflict-settled", "plan-recorded", "fact-cancelled"),
    }
)
"""Placement's own facts that searches, seats, first days and lists are read from."""
_ASKING = frozenset({"offer-sent", "offer-reopened"})


@value_object
class Offer:
    """One offer of a search, as the facts leave it."""

    offer_id: str
    program: str
    state: OfferState = OfferState.NONE
    level: str | None = None
    start_date: date | None = None
    track: str | None = None
    group: str | None = None
    variance_reason: str | None = None
    expires_at: datetime | None = None
    facility: str = ""
    reason: str | None = None


@value_object
class Search:
    """One search, as the facts leave it. `fact` opened it; `trigger` is the root of the discharge or referral."""

    search_id: str
    state: SearchState
    from_level: str
    recommended_level: str
    needs: Needs
    fact: str
    trigger: str | None = None
    reason: str | None = None
    offers: tuple[Offer, ...] = ()
    placement_id: str | None = None
    closed_at: str | None = None
    started: bool = False
    """Whether a first day stands for its placement, with effect or without."""
    facility: str = ""
    """Whose patient it is for: the one of the stay that ended, or of the referral."""

    @property
    def waiting(self) -> tuple[Offer, ...]:
        """Offers that somebody still has to answer."""
        return tuple(one for one in self.offers if one.state in ANSWERABLE)


def searches(facts: Iterable[Fact]) -> tuple[Search, ...]:
    """The episode's searches by placement's own facts, in whatever order they are given; the last one is the latest."""
    own = sorted((fact for fact in facts if fact.writer == "placement"), key=lambda fact: fact.sequence)
    gone = fallen_of(own)
    roots = {fact.id: str(fact.value["replaces"]) for fact in own if fact.value.get("replaces")}
    found: dict[str, Search] = {}
    for fact in own:
        if fact.id not in gone or fact.name == "search-opened":
            _read(fact, found, roots)
    cancelled = {fact.value.get("cancels") for fact in own}
    return tuple(one for one in found.values() if one.fact not in cancelled)


def _read(fact: Fact, found: dict[str, Search], roots: dict[str, str]) -> None:
    value = fact.value
    if fact.name == "search-opened":
        search_id = value.get("search_id") or roots.get(fact.id, fact.id)
        found[search_id] = _opened(fact, search_id, found.get(search_id))
    elif fact.name == "search-closed" and (search := _named(value, found)):
        found[search.search_id] = replace(
            search, state=SearchState.CLOSED, reason=value["reason"], closed_at=value["occurred_at"]
        )
    elif fact.name.startswith("offer-") and (search := _named(value, found)):
        found[search.search_id] = _moved(search, fact.name, value)
    elif fact.name in {"placed", "started"}:
        _placed(fact, found)


def _opened(fact: Fact, search_id: str, before: Search | None) -> Search:
    """A search restated keeps its offers: only what is looked for changed."""
    value = fact.value
    terms: dict[str, Any] = {
        "from_level": value["from_level"],
        "recommended_level": value["recommended_level"],
        "needs": Needs.model_validate(value["needs"]),
        "fact": fact.id,
        "trigger": value.get("trigger"),
        "facility": value.get("facility", ""),
    }
    return replace(before, **terms) if before else Search(search_id, SearchState.OPEN, **terms)


def _named(value: dict[str, Any], found: dict[str, Search]) -> Search | None:
    """The search that a fact names, else the latest."""
    return found.get(value.get("search_id") or next(reversed(found), ""))


def _moved(search: Search, name: str, value: dict[str, Any]) -> Search:
    before = {one.offer_id: one for one in search.offers}
    offer = before.get(value["offer_id"]) or Offer(value["offer_id"], value["program"])
    terms = ("level", "track", "group", "variance_reason", "facility")
    told: dict[str, Any] = {term: value[term] for term in terms if term in value}
    if value.get("start_date"):
        told["start_date"] = date.fromisoformat(value["start_date"])
    if name in _ASKING:
        told["expires_at"] = datetime.fromisoformat(value["expires_at"]) if value.get("expires_at") else None
    state = OfferState.SENT if name in _ASKING else OfferState(name.removeprefix("offer-"))
    before[offer.offer_id] = replace(offer, **told, state=state, reason=value.get("reason"))
    return replace(search, offers=tuple(before.values()))


def _placed(fact: Fact, found: dict[str, Search]) -> None:
    placement_id, offer_id = fact.value.get("placement_id"), fact.value.get("offer_id")
    for search in list(found.values()):
        if fact.name == "started" and placement_id and search.placement_id == placement_id:
            found[search.search_id] = replace(search, started=True)
        elif fact.name == "placed" and offer_id in {one.offer_id for one in search.offers}:
            found[search.search_id] = replace(search, placement_id=placement_id)
