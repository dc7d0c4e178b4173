"""What people decide about a follow-up window: kept though nothing shows it, or not to be counted. Pure.

A decision belongs to its discharge: it goes when the discharge is taken back, and is there again when a surer rule
(a readmission, say) that stood over it goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from services.aftercare.decisions.commands import MarkExcluded, MarkKept
from services.aftercare.decisions.situation import Decided, Situation
from services.aftercare.decisions.windows import Excluded, KeptWindow, Outcome, Row, rows
from shared.errors import Rejected

OPEN_TO = {"kept": frozenset({"due", "missed", "excluded"}), "excluded": frozenset({"due", "missed", "kept"})}


def marks(decided: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, Outcome]:
    """Windows' outcomes by (name, value) of facts, standing or not, the last one last; those that a person decided."""
    found: dict[str, Outcome] = {}
    for name, value in (told for told in decided if "decided_by" in told[1]):
        if name == "follow-up-excluded":
            found[value["follow_up_id"]] = Excluded(value["reason"], (), "person")
        elif name == "follow-up-kept":
            at = datetime.fromisoformat(value["kept_at"])
            found[value["follow_up_id"]] = KeptWindow(
                at, value["provider_kind"], None, value["mode"], value.get("reason"), "person"
            )
    return found


def keep(now: Situation, follow_up_id: str, asked: MarkKept) -> Decided:
    """Say that it was kept. Raises Rejected where it is settled by rule, or the visit lies outside its days."""
    row = _open_to(now, follow_up_id, "kept")
    at = asked.at.astimezone(now.site.zone(row.value["facility"]))
    if not row.value["due_from"] <= at.date().isoformat() <= row.value["due_to"]:
        text = f"the visit lies outside the window's days, {row.value['due_from']} to {row.value['due_to']}"
        raise Rejected("outside-the-window", text, state=row.state, possible=("kept, on one of its days", "excluded"))
    kept = KeptWindow(at, asked.provider_kind, None, asked.mode, asked.reason, "person")
    return Decided(marks={follow_up_id: kept}, subject=follow_up_id)


def exclude(now: Situation, follow_up_id: str, asked: MarkExcluded) -> Decided:
    """Say that it is not to be counted. Raises Rejected where it is settled by rule."""
    _open_to(now, follow_up_id, "excluded")
    return Decided(marks={follow_up_id: Excluded(asked.reason, (), "person")}, subject=follow_up_id)


def _open_to(now: Situation, follow_up_id: str, to: str) -> Row:
    row = rows(now.standing).get(follow_up_id)
    if row is None:
        raise Rejected("no-such-follow-up", "the window was taken back with its discharge")
    by_person = "decided_by" in row.value
    able = tuple(each for each, states in OPEN_TO.items() if row.state in states and _may(row.state, by_person))
    if to not in able:
        raise Rejected("not-possible-now", f"the follow-up is {row.state}", state=row.state, possible=able)
    return row


def _may(state: str, by_person: bool) -> bool:
    """What a stay or a contact shows isn't kept anew by hand, and a rule's exclusion stands over people's."""
    return state != "excluded" or by_person
