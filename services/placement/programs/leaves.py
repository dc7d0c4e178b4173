"""A patient goes on leave from a program and comes back: the facts that say so. Pure.

Whether one fits what else was told is for the fold to say (acting.Situation.tried), since a leave may be told late.
"""

from __future__ import annotations

from datetime import datetime

from services.placement.continuum.model import StayState
from services.placement.continuum.states import MEANING, NoEffectReason
from services.placement.programs.attendance import StayProvenance, stay_of
from shared.errors import Rejected
from shared.events.stays import LeaveEnded, LeaveKind, LeaveStarted


def leave_started(
    saying: StayProvenance, stay_id: str, at: datetime, kind: LeaveKind, expected_return: datetime | None = None
) -> LeaveStarted:
    """The patient is away from `at` on. Raises Rejected: `not-open`, `in-the-future`."""
    _told(saying, stay_id, at)
    return LeaveStarted(**saying.fields(stay_id, at), kind=kind, expected_return=expected_return)


def leave_ended(saying: StayProvenance, stay_id: str, at: datetime, kind: LeaveKind | None = None) -> LeaveEnded:
    """The patient is back; without `kind` it is that of the leave that goes on. Raises Rejected as `leave_started`."""
    away = _told(saying, stay_id, at).away
    return LeaveEnded(**saying.fields(stay_id, at), kind=kind or (away[-1].kind if away else "other"))


def _told(saying: StayProvenance, stay_id: str, at: datetime) -> StayState:
    stay = stay_of(saying.folded, stay_id)
    if stay is None:
        raise Rejected(NoEffectReason.NOT_OPEN.value, MEANING[NoEffectReason.NOT_OPEN], possible=("started",))
    if at > saying.now:
        raise Rejected("in-the-future", "that has not come yet", possible=("later",))
    return stay
