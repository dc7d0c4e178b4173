"""What may be said of an authorization now, and the fact that says it; what it burns is in `authorizations`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from services.placement.continuum.about import About, about
from services.placement.continuum.model import Folded
from shared.errors import Rejected
from shared.events import CARE_FACTS, type_name
from shared.events.authorizations import Authorization
from shared.events.published import as_json
from shared.facts.envelope import Fact

MOVES: Final[dict[str, tuple[str, ...]]] = {
    "requested": ("pended", "approved", "denied"),
    "pended": ("requested", "approved", "denied"),
    "approved": ("requested", "extended", "ended"),
    "extended": ("requested", "extended", "ended"),
    "denied": ("requested", "approved"),
    "ended": ("requested",),
}
"""What is so → what may be said; a denial may be appealed, and a payer may allow again after it said no."""
_ASKING = frozenset({"requested", "pended", "approved", "denied"})
"""Said of what was last asked for; the others change what is allowed."""
_TERMS = ("auth_id", "number", "payer", "level", "unit", "units", "from", "to")


def possible(status: str, *, in_force: bool) -> tuple[str, ...]:
    """What may be said; while something is allowed it can be extended and ended, whatever else was asked for."""
    more = ("extended", "ended") if in_force and status not in {"approved", "extended", "ended"} else ()
    return (*MOVES[status], *more)


def request(whose: About, auth_id: str, terms: Mapping[str, Any], now: datetime) -> Authorization:
    """The payer is asked."""
    return _stated(whose, "requested", {**terms, "auth_id": auth_id}, now)


def move(
    folded: Folded, own: Sequence[Fact], auth_id: str, *, to: str, changed: Mapping[str, Any], now: datetime
) -> Authorization:
    """The payer answers, or is asked again; what is not `changed` stays as it was asked for or allowed.

    Raises Rejected: the status where this may not be said of it, `days-out-of-order`.
    """
    before = next((one for one in folded.authorizations if one.auth_id == auth_id), None)
    if before is None:
        raise Rejected("gone", "nothing is known of this authorization")
    may = possible(before.status, in_force=before.in_force)
    if to not in may:
        text = f"the authorization is {before.status}"
        raise Rejected(before.status, text, possible=may, state=before.status)
    terms = _asked(own, auth_id) if to in _ASKING else as_json(before)
    return _stated(about(folded, before.facility), to, {**terms, **changed}, now)


def _asked(own: Sequence[Fact], auth_id: str) -> dict[str, Any]:
    """What was last said of it."""
    return next(fact.value for fact in reversed(own) if fact.value.get("auth_id") == auth_id)


def _stated(whose: About, name: str, terms: Mapping[str, Any], now: datetime) -> Authorization:
    told = {name: terms[name] for name in (*_TERMS, "reason") if terms.get(name) is not None}
    if _day(told["to"]) < _day(told["from"]):
        raise Rejected("days-out-of-order", "the last day lies before the first", possible=("later",))
    kind = CARE_FACTS[type_name(f"authorization-{name}")]
    found = kind.model_validate({**whose.heading(now), **told})
    assert isinstance(found, Authorization)  # noqa: S101 - by its name
    return found


def _day(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)
