"""One line of the desk's lists as a value: kinds, states, and what an entry consists of; nothing is derived here."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from shared.values import value_object

Kind = Literal["search", "offer", "placement", "authorization", "conflict", "waiting", "plan", "ineffective"]
STATES: dict[Kind, tuple[str, ...]] = {
    "search": ("open", "closed"),
    "offer": ("sent", "countered", "accepted", "declined", "expired", "withdrawn"),
    "placement": ("placed", "missed", "started", "ended", "cancelled"),
    "authorization": ("requested", "pended", "approved", "denied", "extended", "ended"),
    "conflict": ("open", "settled"),
    "waiting": ("waiting", "left"),
    "plan": ("current", "over"),
    "ineffective": ("open",),
}
AHEAD = timedelta(days=7)
"""So long before its last day an authorization is to be extended."""
UNANSWERED = timedelta(days=1)
"""An offer without an end waits no longer than that for an answer."""


@value_object
class ListEntry:
    """One line of a list. `at`: since when; `due`: when somebody should have done something; `content`: plain JSON.

    Who may see `facility`, and all of `besides`, sees it; so does the desk of `asked_by`, whose search asked for it.
    """

    kind: Kind
    id: str
    facility: str
    program: str | None
    state: str
    at: datetime
    due: datetime | None
    content: dict[str, Any]
    besides: tuple[str, ...] = ()
    asked_by: str | None = None


def known(content: dict[str, Any]) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in content.items() if value is not None}
