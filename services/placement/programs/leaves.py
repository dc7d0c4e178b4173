"""Leaves from a program: the facts that a patient goes and comes back. Pure.

A leave may be reported late, so the caller tries the fact in the fold (`Situation.tried` in engine/act.py) to see
whether it fits the other facts.
"""

from __future__ import annotations

from datetime import datetime

from services.placement.continuum.model import StayState
from services.placement.continuum.states import MEANING, NoEffectReason
from services.placement.programs.attendance import StayProvenance, stay_of
from shared.errors import Rejected
from shared.events.stays import LeaveEnded, LeaveKind, LeaveStarted


def leave_started(
    stating: StayProvenance, stay_id: str, at: datetime, kind: LeaveKind, expected_return: datetime | None = None
) -> LeaveStarted:
    """The patient went on leave `at`. Raises Rejected: `not-open`, `in-the-future`."""
    _stay(stating, stay_id, at)
    return LeaveStarted(**stating.fields(stay_id, at), kind=kind, expected_return=expected_return)


def leave_ended(stating: StayProvenance, stay_id: str, at: datetime, kind: LeaveKind | None = None) -> LeaveEnded:
    """The patient came back `at`. `kind` None: that of the latest leave. Raises Rejected as `leave_started` does."""
    away = _stay(stating, stay_id, at).away
    return LeaveEnded(**stating.fields(stay_id, at), kind=kind or (away[-1].kind if away else "other"))


def _stay(stating: StayProvenance, stay_id: str, at: datetime) -> StayState:
    """The stay. Raises Rejected: `not-open`, `in-the-future`."""
    stay = stay_of(stating.folded, stay_id)
    if stay is None:
        raise Rejected(NoEffectReason.NOT_OPEN.value, MEANING[NoEffectReason.NOT_OPEN], possible=("started",))
    if at > stating.now:
        raise Rejected("in-the-future", "that has not come yet", possible=("later",))
    return stay
