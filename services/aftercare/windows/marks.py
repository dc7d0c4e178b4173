"""What a person decides about a follow-up window: kept although no fact shows it, or excluded. Pure.

A decision belongs to its discharge. It has no effect while the discharge is taken back or a rule (a readmission, say)
excludes it, and has effect again once that ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from services.aftercare.decisions.commands import MarkExcluded, MarkKept
from services.aftercare.decisions.situation import Decided, Situation
from services.aftercare.decisions.windows import Excluded, KeptWindow, Outcome, rows, state_of
from shared.errors import Rejected
from shared.events.base import CareFact
from shared.events.follow_ups import FollowUp, FollowUpExcluded, FollowUpKept

Marked = Literal["kept", "excluded"]
OPEN_TO: dict[Marked, frozenset[str]] = {
    "kept": frozenset({"due", "missed", "excluded"}),
    "excluded": frozenset({"due", "missed", "kept"}),
}


def marks(decided: Iterable[CareFact]) -> dict[str, Outcome]:
    """follow_up_id → the outcome that a person decided last. `decided`: values of facts, standing or not, oldest
    first."""
    found: dict[str, Outcome] = {}
    for told in decided:
        match told:
            case FollowUpExcluded(decided_by=str()):
                found[told.follow_up_id] = Excluded(told.reason, (), "person")
            case FollowUpKept(decided_by=str()):
                kept = KeptWindow(told.kept_at, told.provider_kind, None, told.mode, told.reason, "person")
                found[told.follow_up_id] = kept
            case _:
                pass
    return found


def keep(now: Situation, follow_up_id: str, asked: MarkKept) -> Decided:
    """Decide that a window was kept. Raises Rejected where a rule excludes it, or the visit lies outside its days."""
    window = _open_to(now, follow_up_id, "kept")
    at = asked.at.astimezone(now.site.zone(window.facility))
    if not window.due_from <= at.date() <= window.due_to:
        text = f"the visit lies outside the window's days, {window.due_from} to {window.due_to}"
        able = ("kept, on one of its days", "excluded")
        raise Rejected("outside-the-window", text, state=state_of(window), possible=able)
    kept = KeptWindow(at, asked.provider_kind, None, asked.mode, asked.reason, "person")
    return Decided(marks={follow_up_id: kept}, subject=follow_up_id)


def exclude(now: Situation, follow_up_id: str, asked: MarkExcluded) -> Decided:
    """Decide that a discharge is not to be counted. Raises Rejected where a rule excludes it already."""
    _open_to(now, follow_up_id, "excluded")
    return Decided(marks={follow_up_id: Excluded(asked.reason, (), "person")}, subject=follow_up_id)


def _open_to(now: Situation, follow_up_id: str, to: Marked) -> FollowUp:
    window = rows(now.standing).get(follow_up_id)
    if window is None:
        raise Rejected("no-such-follow-up", "the window was taken back with its discharge")
    state = state_of(window)
    able = tuple(each for each, states in OPEN_TO.items() if state in states and _may(window))
    if to not in able:
        raise Rejected("not-possible-now", f"the follow-up is {state}", state=state, possible=able)
    return window


def _may(window: FollowUp) -> bool:
    """False where a rule excluded the window: people cannot change that."""
    return not isinstance(window, FollowUpExcluded) or window.decided_by is not None
