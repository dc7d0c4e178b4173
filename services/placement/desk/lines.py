"""Lines of the desk's lists as JSON: the stored fields, codes in words, and what depends on the time of reading.
Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from services.placement.billing.outlook import as_of
from services.placement.continuum.order import day_of
from services.placement.search import offers
from services.placement.search.states import OfferState
from services.placement.worklists.views import Line, Whose
from shared.site.config import Site
from shared.values import replace
from shared.web import marks

_SINCE = {"search": "waiting_since"}


def shown(line: Line, more: dict[str, Any], site: Site, now: datetime) -> dict[str, Any]:
    """One line as JSON; with `overdue` where its time is over, and who has it."""
    found: dict[str, Any] = {
        "id": line.id,
        "episode_id": line.episode_id,
        "patient_id": line.patient_id,
        "facility": line.facility,
        "state": line.state,
        _SINCE.get(line.kind, "at"): line.at.isoformat(),
    }
    if line.program is not None:
        found["program"] = line.program
    if line.due is not None:
        found |= {"due": line.due.isoformat(), "overdue": line.due <= now}
    content = _as_of(line, site, now) if line.kind in _AUTHORIZED else line.content
    if line.kind == "review":
        found["overdue"] = line.state == "overdue"
    return found | content | _in_words(line, site) | marks.shown(line.mark, now) | more


_AUTHORIZED = frozenset({"authorization", "review"})
_AHEAD = frozenset({"ahead", "used_up_at", "goes_on", "over"})
"""What an authorization's entry keeps of days to come: what is shown is how it stands today."""


def _as_of(line: Line, site: Site, now: datetime) -> dict[str, Any]:
    """An authorization, or a review of one, with the midnights counted up to today at the facility (contract 3.8)."""
    content = {name: value for name, value in line.content.items() if name not in _AHEAD}
    if "used" not in line.content:
        return content
    return content | as_of(line.content, day_of(now, site.zone(line.facility)))


_FOR_THE_ASKER: Final = {
    "placement": frozenset(
        {
            "placement_id", "program", "level", "track", "group", "start_date", "recommended_level", "variance_reason",
            "offer_id", "from", "to", "seat", "missed_days", "asked_day", "receipt",
            "receipt_due",
        }
    ),
}  # fmt: skip
"""What the desk that asked for an entry is shown of it, once it is another facility's: dates and level."""


_OF_ANOTHER_STAY: Final = frozenset({"suspended", "days_between", "gap", "stay_open"})
"""What of a placement's entry comes of a stay that may be another facility's."""


def narrowed(line: Line, whose: Whose, *, partly: bool) -> Line:
    """A line with only what this reader may see; `partly`: the reader sees only a part of its episode."""
    content = line.content
    if line.asked_by is not None and not whose.scope.has(line.asked_by):
        content = {name: value for name, value in content.items() if name != "search_id"}
    if not whose.holds(line) and line.kind in _FOR_THE_ASKER:
        cancelled = {"reason"} if line.state == "cancelled" else set()
        content = {name: value for name, value in content.items() if name in _FOR_THE_ASKER[line.kind] | cancelled}
    if partly:  # by a stay that may be another facility's
        content = {name: value for name, value in content.items() if name not in _OF_ANOTHER_STAY}
    return line if content is line.content else replace(line, content=content)


def _in_words(line: Line, site: Site) -> dict[str, Any]:
    if line.kind == "search":
        return {"reasons": because(line.content.get("reasons", ()), site)}
    if line.kind == "offer":
        return {"possible": [short(name, "offer") for name in offers.possible(OfferState(line.state))]}
    return {}


def because(rules: Iterable[str], site: Site) -> list[str]:
    """Why these rules of the site recommended a level, in words; a rule that the site no longer has is shown by its
    name."""
    words = {rule.name: rule.because for rule in site.recommendations}
    return [words.get(name, name) for name in rules]


def short(fact: str, kind: str) -> str:
    """The name of a fact as the API's paths have it: (`offer-accepted`, `offer`) → `accepted`."""
    return fact.removeprefix(f"{kind}-")
