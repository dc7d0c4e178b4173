"""The table of moves of one stay, and every reason why a fact may have no effect (contract 3.6); data only."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from services.placement.continuum.model import StayState


class State(StrEnum):
    """The states of one stay, the columns of the table."""

    NONE = "none"
    VISIT = "visit"
    OPEN = "open"
    ON_LEAVE = "on leave"
    ENDED = "ended"


class NoEffectReason(StrEnum):
    """Why a fact is ineffective: the first seven by the table of moves, the others by rules before or beside it."""

    ALREADY_OPEN = "already-open"
    HAS_ENDED = "ended"
    NOT_OPEN = "not-open"
    NO_LEVEL = "no-level"
    AWAY = "on-leave"
    NOT_ON_LEAVE = "not-on-leave"
    HAS_LEVEL = "has-level"
    INSIDE_24_HOUR_STAY = "inside-24-hour-stay"
    ALREADY_TOLD = "already-told"
    A_CANCEL_STAYS = "a-cancel-stays"
    WRONG_WRITER = "wrong-writer"
    NOT_ITS_WRITER = "not-its-writer"
    TARGET_UNKNOWN = "target-unknown"
    SETTLED = "settled"
    STAY_OPEN = "stay-open"
    CLOSED = "closed"
    PLAN_OVER = "plan-over"


MEANING: Final[dict[NoEffectReason, str]] = {
    NoEffectReason.ALREADY_OPEN: "the stay has begun already",
    NoEffectReason.HAS_ENDED: "the stay had ended",
    NoEffectReason.NOT_OPEN: "no such stay had begun",
    NoEffectReason.NO_LEVEL: "the visit has no level of care",
    NoEffectReason.AWAY: "the patient is on leave",
    NoEffectReason.NOT_ON_LEAVE: "the patient is not on leave",
    NoEffectReason.HAS_LEVEL: "the stay has a level of care: it is ended by a discharge",
    NoEffectReason.INSIDE_24_HOUR_STAY: "a program's first day lies wholly inside another, 24-hour stay, "
    "and nobody attended",
    NoEffectReason.ALREADY_TOLD: "the session has been told already",
    NoEffectReason.A_CANCEL_STAYS: "a cancel is neither cancelled nor replaced: state the fact anew",
    NoEffectReason.WRONG_WRITER: "this writer does not speak for that",
    NoEffectReason.NOT_ITS_WRITER: "only a fact's own writer cancels or replaces it",
    NoEffectReason.TARGET_UNKNOWN: "what it names has not been stated yet",
    NoEffectReason.SETTLED: "a person settled a conflict, and this fact fell",
    NoEffectReason.STAY_OPEN: "a stay is open, so the episode can't be closed",
    NoEffectReason.CLOSED: "the episode is closed already",
    NoEffectReason.PLAN_OVER: "the stay had ended, so there is no plan of its end to cancel",
}

TO_LEVEL: Final = "transferred, to a level"
TO_NONE: Final = "transferred, to none (A07)"

_COLUMNS = (State.NONE, State.VISIT, State.OPEN, State.ON_LEAVE, State.ENDED)
_ROWS: dict[
    str, tuple[State | NoEffectReason, State | NoEffectReason, State | NoEffectReason, State | NoEffectReason]
] = {
    "visit-started": (
        State.VISIT,
        NoEffectReason.ALREADY_OPEN,
        NoEffectReason.ALREADY_OPEN,
        NoEffectReason.ALREADY_OPEN,
    ),
    "admitted": (State.OPEN, State.OPEN, NoEffectReason.ALREADY_OPEN, NoEffectReason.ALREADY_OPEN),
    "started": (State.OPEN, NoEffectReason.ALREADY_OPEN, NoEffectReason.ALREADY_OPEN, NoEffectReason.ALREADY_OPEN),
    TO_LEVEL: (NoEffectReason.NOT_OPEN, State.OPEN, State.OPEN, State.ON_LEAVE),
    TO_NONE: (NoEffectReason.NOT_OPEN, State.VISIT, State.VISIT, State.VISIT),
    "leave-started": (NoEffectReason.NOT_OPEN, NoEffectReason.NO_LEVEL, State.ON_LEAVE, NoEffectReason.AWAY),
    "leave-ended": (NoEffectReason.NOT_OPEN, NoEffectReason.NO_LEVEL, NoEffectReason.NOT_ON_LEAVE, State.OPEN),
    "visit-ended": (NoEffectReason.NOT_OPEN, State.ENDED, NoEffectReason.HAS_LEVEL, NoEffectReason.HAS_LEVEL),
    "discharged": (NoEffectReason.NOT_OPEN, NoEffectReason.NO_LEVEL, State.ENDED, State.ENDED),
    "completed": (NoEffectReason.NOT_OPEN, NoEffectReason.NO_LEVEL, State.ENDED, State.ENDED),
    "discontinued": (NoEffectReason.NOT_OPEN, NoEffectReason.NO_LEVEL, State.ENDED, State.ENDED),
    "attended": (NoEffectReason.NOT_OPEN, NoEffectReason.NO_LEVEL, State.OPEN, NoEffectReason.AWAY),
    "absent": (NoEffectReason.NOT_OPEN, NoEffectReason.NO_LEVEL, State.OPEN, State.ON_LEAVE),
}

MOVES: Final[dict[tuple[str, State], State | NoEffectReason]] = {
    (row, column): outcome
    for row, outcomes in _ROWS.items()
    for column, outcome in zip(_COLUMNS, (*outcomes, NoEffectReason.HAS_ENDED), strict=True)
}
"""(row, state before) → the state after, or the reason why the fact has no effect; in an ended stay always `ended`."""

ROWS: Final = tuple(_ROWS)
COLUMNS: Final = _COLUMNS

STARTS: Final = frozenset({"visit-started", "admitted", "started"})
"""Names of the facts that begin a stay."""
ENTRIES: Final = frozenset({"admitted", "started"})
"""Those of them that begin a level of care."""
ENDS: Final = frozenset({"visit-ended", "discharged", "completed", "discontinued"})
"""Names of the facts that end a stay."""
SESSIONS: Final = frozenset({"attended", "absent"})
"""Names of the facts about a session; they are judged by day, not by instant."""
LEAVES: Final = frozenset({"leave-started", "leave-ended"})
"""Names of the facts about a leave; they change neither place nor level."""
MOVING: Final = STARTS | ENDS | LEAVES | {"transferred"}
"""Names of the facts that change a stay's state or place."""
PLANS: Final = frozenset({"discharge-planned", "discharge-plan-cancelled"})
"""Names of the facts that say when a stay is expected to end; they change no state."""
ABOUT_A_STAY: Final = MOVING | SESSIONS | PLANS | {"diagnosis-recorded"}
"""Names of all facts that name a stay and that the fold reads."""

MAY_WAKE: Final = frozenset(
    {
        NoEffectReason.HAS_ENDED,
        NoEffectReason.NOT_OPEN,
        NoEffectReason.NO_LEVEL,
        NoEffectReason.AWAY,
        NoEffectReason.ALREADY_TOLD,
        NoEffectReason.INSIDE_24_HOUR_STAY,
    }
)
"""Reasons that a later move can make untrue, since sessions are judged by day and a 24-hour stay may end."""


def state_of(stay: StayState | None) -> State:
    """The state of a stay, its column of the table; of None `State.NONE`."""
    if stay is None:
        return State.NONE
    if stay.ended is not None:
        return State.ENDED
    if stay.segments[-1].level is None:
        return State.VISIT
    return State.ON_LEAVE if stay.away and stay.away[-1].until is None else State.OPEN
