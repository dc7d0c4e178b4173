"""The loop of a referral: its main states, the one table of moves, and what a move states. Pure.

After BSeR and IHE 360X (business states received, accepted, declined, scheduled, no-show, cancellation requested,
cancelled, completed); a declined referral is not taken up again, another takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from services.aftercare.contacts.contacts import appointment
from services.aftercare.decisions.commands import Move, MoveToAppointment, MoveWithReason, Refer
from services.aftercare.decisions.own_facts import MOVES as PREFIX
from services.aftercare.decisions.own_facts import ActiveFact
from services.aftercare.decisions.situation import Decided, Situation
from shared.errors import Rejected
from shared.events import REFERRAL_MOVES
from shared.events.aftercare import AftercareReferred, AppointmentScheduled


class State(StrEnum):
    """Where a referral is."""

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
_FACTS = {fact.TYPE.removeprefix(PREFIX): fact for fact in REFERRAL_MOVES}


@dataclass(frozen=True, slots=True)
class Referral:
    """A referral as its facts tell it: what it was asked for, where it is, and how it came there."""

    value: dict[str, Any]
    state: State = State.REFERRED
    history: tuple[dict[str, Any], ...] = ()
    illegal: bool = False
    """A move stands that its state does not have; never so where the facts are ours."""


def possible(state: State) -> tuple[str, ...]:
    """The moves that a state has."""
    return tuple(move for move, (before, _) in MOVES.items() if state in before)


def fold(standing: Iterable[ActiveFact]) -> dict[str, Referral]:
    """Each referral by its id, from its own facts in the order in which they were stated.

    A template's referral that is stated anew keeps its moves: they are people's.
    """
    facts = list(standing)
    found = {s.value["referral_id"]: Referral(s.value) for s in facts if s.name == AftercareReferred.TYPE}
    for s in facts:
        move = s.name.removeprefix(PREFIX)
        if move in MOVES and (before := found.get(s.value["referral_id"])) is not None:
            found[s.value["referral_id"]] = _moved(before, move, s.value)
    return found


def _moved(before: Referral, move: str, value: dict[str, Any]) -> Referral:
    legal_in, after = MOVES[move]
    told = {"move": move, "at": value["occurred_at"], "by": value["by"], "reason": value.get("reason")}
    shown = {name: each for name, each in told.items() if each is not None}
    legal = before.state in legal_in
    return replace(before, state=after, history=(*before.history, shown), illegal=before.illegal or not legal)


def refer(now: Situation, asked: Refer, plan_id: str) -> Decided:
    """A referral of somebody's own within a plan. Raises Rejected where the one it stands for has not come to
    nothing."""
    if asked.instead_of is not None:
        _came_to_nothing(fold(now.standing).get(asked.instead_of))
    referral_id = now.new_id()
    fact = AftercareReferred(
        **now.common(now.home),
        referral_id=referral_id,
        plan_id=plan_id,
        **asked.model_dump(exclude={"episode_id"}),
    )
    return Decided((fact,), subject=referral_id)


def _came_to_nothing(other: Referral | None) -> None:
    if other is None:
        raise Rejected("no-such-referral", "the referral that this takes the place of is not one of the episode")
    if other.state not in {State.DECLINED, State.CANCELLED}:
        text = f"the referral that this would take the place of is {other.state}: decline or cancel it first"
        raise Rejected("referral-goes-on", text, state=other.state, possible=possible(other.state))


def move(now: Situation, referral_id: str, to: str, asked: Move) -> Decided:
    """One move of a referral. Raises Rejected with its state and what is possible."""
    referral = fold(now.standing).get(referral_id)
    if referral is None:
        raise Rejected("no-such-referral", "the referral was taken back with what it followed from")
    if referral.state not in MOVES[to][0]:
        able = possible(referral.state)
        text = f"the referral is {referral.state}: {', '.join(able) or 'nothing more'} is possible"
        raise Rejected("not-possible-now", text, state=referral.state, possible=able)
    facility = referral.value["facility"]
    own: dict[str, Any] = {"referral_id": referral_id, "by": asked.by}
    meeting: tuple[AppointmentScheduled, ...] = ()
    if isinstance(asked, MoveWithReason):
        own["reason"] = asked.reason
    if isinstance(asked, MoveToAppointment):
        meeting = (appointment(now, facility, asked.at, asked.mode, referral_id),)
        own["appointment_id"] = meeting[0].appointment_id
    fact = _FACTS[to].model_validate({**now.common(facility), **own})
    return Decided(
        (fact, *meeting), subject=referral_id
    )  # rescheduling ends the appointment before, then comes the new
