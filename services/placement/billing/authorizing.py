"""Stating what payers are asked for and what they answer; what is used of it is in authorizations.py. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple, TypedDict

from services.placement.continuum.about import About, about
from services.placement.continuum.model import Folded
from shared.errors import Rejected
from shared.events import AUTHORIZATIONS
from shared.events.authorizations import Authorization, AuthorizationRequested, AuthorizationUnit, Denial
from shared.events.levels import Level
from shared.facts.envelope import Fact


class Terms(TypedDict):
    """What a payer is asked for, by the names of the fact's fields; `begins` to `to`, both days included."""

    payer: str
    number: str | None
    level: Level
    unit: AuthorizationUnit
    units: int | None
    begins: date
    to: date
    unit_minutes: int | None
    requested_units: int | None
    next_review: date | None
    reference: str | None


class Changed(NamedTuple):
    """The terms that change, and what is so of this answer alone (`reason` and what follows); None: unchanged."""

    number: str | None = None
    unit: AuthorizationUnit | None = None
    unit_minutes: int | None = None
    units: int | None = None
    begins: date | None = None
    to: date | None = None
    reason: str | None = None
    requested_units: int | None = None
    next_review: date | None = None
    reference: str | None = None
    denial: Denial | None = None


MOVES: Final[dict[str, tuple[str, ...]]] = {
    "requested": ("pended", "approved", "denied"),
    "pended": ("requested", "approved", "denied"),
    "approved": ("requested", "extended", "ended"),
    "extended": ("requested", "extended", "ended"),
    "denied": ("requested", "approved"),
    "ended": ("requested",),
}
"""State of an authorization → the states that it may go to. After a denial the payer may be asked again, or approve."""
_ASKING = frozenset({"requested", "pended", "approved", "denied"})
"""States whose facts start from the terms last asked for; the others start from the terms in force."""
_KINDS = {kind.TYPE.removeprefix("authorization-"): kind for kind in AUTHORIZATIONS}
"""State → the type of the fact that leads to it."""


def possible(status: str, *, in_force: bool) -> tuple[str, ...]:
    """The states that an authorization in this state may go to; one in force may always be extended and ended."""
    more = ("extended", "ended") if in_force and status not in {"approved", "extended", "ended"} else ()
    return (*MOVES[status], *more)


def request(whose: About, auth_id: str, terms: Terms, now: datetime) -> Authorization:
    """The payer is asked for an authorization. Raises Rejected `days-out-of-order`."""
    return _in_order(AuthorizationRequested(**whose.heading(now), **terms, auth_id=auth_id))


def move(
    folded: Folded, own: Sequence[Fact], auth_id: str, *, to: str, changed: Changed, now: datetime
) -> Authorization:
    """The authorization goes to the state `to`: the payer answers or is asked again; terms not in `changed` stay as
    they were last asked for, or for `extended` and `ended` as they are in force.

    `own`: placement's facts of the episode, by sequence. Raises Rejected: `gone` where there is no such authorization,
    its present state where it may not go to `to` from there, `days-out-of-order`.
    """
    before = next((one for one in folded.authorizations if one.auth_id == auth_id), None)
    if before is None:
        raise Rejected("gone", "nothing is known of this authorization")
    may = possible(before.status, in_force=before.in_force)
    if to not in may:
        text = f"the authorization is {before.status}"
        raise Rejected(before.status, text, possible=may, state=before.status)
    whose, was = about(folded, before.facility), _asked(own, auth_id) if to in _ASKING else before
    told = _KINDS[to](
        **whose.heading(now),
        auth_id=auth_id,
        number=changed.number or was.number,
        payer=was.payer,
        level=was.level,
        unit=changed.unit or was.unit,
        units=was.units if changed.units is None else changed.units,
        begins=changed.begins or was.begins,
        to=changed.to or was.to,
        reason=changed.reason,
        unit_minutes=changed.unit_minutes if changed.unit else was.unit_minutes,
        requested_units=was.requested_units if changed.requested_units is None else changed.requested_units,
        next_review=changed.next_review,
        reference=changed.reference,
        denial=changed.denial,
    )
    return _in_order(told)


def _asked(own: Sequence[Fact], auth_id: str) -> Authorization:
    """The latest fact about the authorization."""
    told = (fact.value for fact in reversed(own))
    return next(one for one in told if isinstance(one, Authorization) and one.auth_id == auth_id)


def _in_order(told: Authorization) -> Authorization:
    """The fact. Raises Rejected `days-out-of-order`."""
    if told.to < told.begins:
        raise Rejected("days-out-of-order", "the last day lies before the first", possible=("later",))
    return told
