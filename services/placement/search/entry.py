"""An entry of the desk's lists: its kinds, their states and its fields; entries are made in worklists/."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from shared.values import value_object

Kind = Literal[
    "search",
    "offer",
    "placement",
    "authorization",
    "conflict",
    "waiting",
    "plan",
    "medication",
    "ineffective",
    "arrival",
    "visits",
    "leftover",
    "leaving",
    "ready",
    "kept",
    "review",
    "proposal",
]
"""What an entry is about. `arrival`: a stay that a hospital expects; `plan`: a plan of treatment; `medication`: one
that goes on; `ineffective`: facts without effect; `leftover`: what a merge that was taken back left here; `leaving`: a
stay whose end is expected; `ready`: a patient who is ready to step down; `review`: something to be looked at by a day,
`ahead` until the site's lead day; `proposal`: a step up that a referral or an assessment proposes.
`visits`: a stay of daily visits, which ends when none has followed by `due`; `kept`: a placement that is kept until
`due` for a patient in a 24-hour stay; these two are on no list of a person."""
STATES: dict[Kind, tuple[str, ...]] = {
    "search": ("open", "closed"),
    "offer": ("sent", "countered", "accepted", "declined", "expired", "withdrawn"),
    "placement": ("placed", "missed", "started", "ended", "cancelled"),
    "authorization": ("requested", "pended", "approved", "denied", "extended", "ended"),
    "conflict": ("open", "settled"),
    "waiting": ("waiting", "left"),
    "plan": ("current", "over"),
    "medication": ("active", "stopped", "over"),
    "ineffective": ("open",),
    "visits": ("open",),
    "arrival": ("expected",),
    "leaving": ("nothing-arranged", "looked-for", "arranged"),
    "ready": ("waiting",),
    "kept": ("open",),
    "review": ("ahead", "due", "overdue", "done"),
    "proposal": ("open",),
    "leftover": ("open", "stays"),
}
UNSETTLED: dict[Kind, tuple[str, ...]] = {
    "search": ("open",),
    "offer": ("sent", "countered"),
    "placement": ("placed", "missed"),
    "conflict": ("open",),
    "waiting": ("waiting",),
    "ineffective": ("open",),
    "arrival": ("expected",),
    "leaving": ("nothing-arranged", "looked-for"),
    "ready": ("waiting",),
    "review": ("due", "overdue"),
    "proposal": ("open",),
    "leftover": ("open",),
}
"""Kinds of entries that wait for somebody in some states → those states."""
AHEAD = timedelta(days=7)
"""How long before its last day an authorization is listed as ending."""
UNANSWERED = timedelta(days=1)
"""How long an offer that does not expire may wait for an answer before it is listed as late."""


@value_object
class ListEntry:
    """One entry of a list. `at`: since when it is so; `due`: by when somebody has to act; `content`: JSON values.

    Readers see it who may see `facility` and all of `besides`, and those of `asked_by`, the facility whose search asked
    for it.
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
    """`content` without the fields that are None."""
    return {name: value for name, value in content.items() if value is not None}
