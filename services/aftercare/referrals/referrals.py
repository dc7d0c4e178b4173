"""A referral's states, the one table of moves between them, and the facts that a move states. Pure.

After BSeR and IHE 360X (business states received, accepted, declined, scheduled, no-show, cancellation requested,
cancelled, completed). A declined referral is not reopened; a new one is made in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from services.aftercare.contacts.contacts import appointment
from services.aftercare.decisions.commands import Move, MoveToAppointment, MoveWithReason, Refer
from services.aftercare.decisions.situation import Decided, Situation
from shared.errors import Rejected
from shared.events.aftercare import (
    AftercareReferred,
    ReferralAccepted,
    ReferralCancellationRequested,
    ReferralCancelled,
    ReferralCompleted,
    ReferralDeclined,
    ReferralMove,
    ReferralNoShow,
    ReferralReceived,
    ReferralRescheduled,
    ReferralScheduled,
)
from shared.events.base import LabelledHeading
from shared.facts.envelope import Fact


class State(StrEnum):
    """The state of a referral."""

    REFERRED = "referred"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    NO_SHOW = "no-show"
    CANCELLATION_REQUESTED = "cancellation-requested"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    COMPLETED = "completed"


R, S = State.REFERRED, State.SCHEDULED
ENDS = frozenset({State.DECLINED, State.CANCELLED, State.COMPLETED})
TO_NOTHING = frozenset({State.DECLINED, State.CANCELLED})
"""States of a referral for which another may be made."""
_TAKEN = (State.RECEIVED, State.ACCEPTED, S, State.NO_SHOW)
MOVES: dict[str, tuple[tuple[State, ...], State]] = {
    "received": ((R,), State.RECEIVED),
    "accepted": ((R, State.RECEIVED), State.ACCEPTED),
    "declined": ((R, *_TAKEN), State.DECLINED),
    "scheduled": ((State.ACCEPTED,), S),
    "no-show": ((S,), State.NO_SHOW),
    "rescheduled": ((S, State.NO_SHOW), S),
    "cancellation-requested": (_TAKEN, State.CANCELLATION_REQUESTED),
    "cancelled": ((R, State.CANCELLATION_REQUESTED), State.CANCELLED),
    "completed": ((State.ACCEPTED, S, State.CANCELLATION_REQUESTED), State.COMPLETED),
}
"""Move → the states that it is possible in, and the one that it leads to. Who has not received a referral need not
confirm its cancellation; a provider may accept at once."""
ASKS: dict[str, type[Move]] = {
    **dict.fromkeys(MOVES, Move),
    **dict.fromkeys(("declined", "cancellation-requested", "cancelled"), MoveWithReason),
    **dict.fromkeys(("scheduled", "rescheduled"), MoveToAppointment),
}
"""What each move needs to know."""
_PREFIX = "referral-"
_STATES: dict[str, type[ReferralMove]] = {
    fact.TYPE.removeprefix(_PREFIX): fact
    for fact in (
        ReferralReceived,
        ReferralAccepted,
        ReferralDeclined,
        ReferralNoShow,
        ReferralCancellationRequested,
        ReferralCancelled,
        ReferralCompleted,
    )
}
_MEETINGS: dict[str, type[ReferralScheduled | ReferralRescheduled]] = {
    "scheduled": ReferralScheduled,
    "rescheduled": ReferralRescheduled,
}
"""Move → the fact that states it; those that lead to an appointment name it."""


def name_of(move: ReferralMove) -> str:
    """The name of a move as the table of moves has it, such as `no-show`."""
    return move.TYPE.removeprefix(_PREFIX)


@dataclass(frozen=True, slots=True)
class Referral:
    """A referral computed from its facts: what was asked for, its state, and its history."""

    value: AftercareReferred
    state: State = State.REFERRED
    history: tuple[ReferralMove, ...] = ()
    illegal: bool = False
    """True where one of its moves is not possible in the state before it, which no fact that aftercare states gives."""


def possible(state: State) -> tuple[str, ...]:
    """The moves that are possible in a state."""
    return tuple(move for move, (before, _) in MOVES.items() if state in before)


def fold(standing: Iterable[Fact]) -> dict[str, Referral]:
    """referral_id → the referral, computed from its standing facts in the order in which they were stated.

    A template's referral that is stated anew keeps its moves, since people made them.
    """
    values = [fact.value for fact in standing]
    found = {told.referral_id: Referral(told) for told in values if isinstance(told, AftercareReferred)}
    for told in values:
        if isinstance(told, ReferralMove) and (before := found.get(told.referral_id)) is not None:
            found[told.referral_id] = _moved(before, told)
    return found


def _moved(before: Referral, move: ReferralMove) -> Referral:
    legal_in, after = MOVES[name_of(move)]
    legal = before.state in legal_in
    return replace(before, state=after, history=(*before.history, move), illegal=before.illegal or not legal)


def refer(now: Situation, asked: Refer, plan_id: str) -> Decided:
    """Make a referral within a plan. Raises Rejected where it stands in for one that has not failed."""
    if asked.instead_of is not None:
        _came_to_nothing(fold(now.standing).get(asked.instead_of))
    referral_id = now.new_id()
    fact = AftercareReferred(
        **now.heading(now.home),
        referral_id=referral_id,
        kind=asked.kind,
        provider=asked.provider,
        due_by=asked.due_by,
        plan_id=plan_id,
        instead_of=asked.instead_of,
    )
    return Decided((fact,), subject=referral_id)


def _came_to_nothing(other: Referral | None) -> None:
    if other is None:
        raise Rejected("no-such-referral", "the referral that this takes the place of is not one of the episode")
    if other.state not in TO_NOTHING:
        text = f"the referral that this would take the place of is {other.state}: decline or cancel it first"
        raise Rejected("referral-goes-on", text, state=other.state, possible=possible(other.state))


def move(now: Situation, referral_id: str, to: str, asked: Move) -> Decided:
    """Make one move. Raises Rejected, with the state and the possible moves, where the table does not allow it."""
    referral = fold(now.standing).get(referral_id)
    if referral is None:
        raise Rejected("no-such-referral", "the referral was taken back with what it followed from")
    if referral.state not in MOVES[to][0]:
        able = possible(referral.state)
        text = f"the referral is {referral.state}: {', '.join(able) or 'nothing more'} is possible"
        raise Rejected("not-possible-now", text, state=referral.state, possible=able)
    own: _MoveHeading = {
        **now.heading(referral.value.facility),
        "referral_id": referral_id,
        "by": asked.by,
        "reason": asked.reason if isinstance(asked, MoveWithReason) else None,
    }
    if isinstance(asked, MoveToAppointment):
        meeting = appointment(now, referral.value.facility, asked.at, asked.mode, referral_id)
        # rescheduling ends the appointment before, then comes the new
        move = _MEETINGS[to](**own, appointment_id=meeting.appointment_id)
        return Decided((move, meeting), subject=referral_id)
    return Decided((_STATES[to](**own),), subject=referral_id)


class _MoveHeading(LabelledHeading):
    """The fields that every move of a referral has."""

    referral_id: str
    by: Literal["provider", "patient"]
    reason: str | None
