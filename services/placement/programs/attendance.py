"""A stay at a program from its first day to its last: what may be said of it now, and the fact that says it. Pure.

Every decision goes through the table of moves (continuum.states) and refuses with a `Rejected` that says what is
possible; it publishes nothing then (contract 3.6 rule 5). To correct a fact, decide anew on the fold of all facts but
that one and name it in `replaces`; to take it back, `cancelled`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from services.placement.continuum.about import about
from services.placement.continuum.levels import inside, round_the_clock, stretches_of
from services.placement.continuum.model import Folded, StandingPlacement, StayKey, StayState
from services.placement.continuum.order import day_of, midnight
from services.placement.continuum.states import MEANING, MOVES, NoEffectReason, State, state_of
from services.placement.continuum.stay import judged
from shared.errors import Rejected
from shared.events.base import LabelledHeading, Stay
from shared.events.levels import Level
from shared.events.stays import (
    Absent,
    Attended,
    Completed,
    Discontinued,
    LeaveEnded,
    LeaveStarted,
    Service,
    Started,
    StayFact,
)
from shared.events.taking_back import FactCancelled, taken_back
from shared.facts.envelope import Fact

_OURS: tuple[type[StayFact], ...] = (
    Started, Attended, Absent, LeaveStarted, LeaveEnded, Completed, Discontinued,
)  # fmt: skip
"""What a program says of a stay."""


class StayHeading(LabelledHeading):
    """The fields of every fact about a stay, by name; `replaces`: the own fact that it restates."""

    stay: Stay
    replaces: str | None


AbsenceReason = Literal["no-show", "excused", "program-cancelled"]
DiscontinuationReason = Literal[
    "against-advice", "lost-contact", "administrative", "transferred-out", "incarcerated", "deceased", "other"
]


class StayProvenance(NamedTuple):
    """Of which episode, at which program's facility and zone, when, and which own fact this one restates."""

    folded: Folded
    facility: str
    zone: ZoneInfo
    now: datetime
    replaces: str | None = None

    @property
    def today(self) -> date:
        """The facility's day."""
        return day_of(self.now, self.zone)

    def fields(self, stay: str, at: datetime) -> StayHeading:
        """What every fact about this stay says."""
        heading = about(self.folded, self.facility).heading(self.now, at)
        return StayHeading(**heading, stay=Stay(kind="placement", id=stay), replaces=self.replaces)


def start(saying: StayProvenance, placement_id: str, day: date, *, unit: str | None = None) -> Started:
    """The patient came for the first time: the stay has the placement's id, level and program.

    A start that the hospital told already is named in `corroborates` (contract 3.6 rule 2). Raises Rejected:
    `no-placement`, `in-the-future`, a word of the table, `inside-24-hour-stay` (rule 10).
    """
    placement = _placement(saying.folded, placement_id)
    not_ahead(saying, day)
    _move("started", stay_of(saying.folded, placement_id))
    key: StayKey = ("placement", placement_id)
    twin = _told_by_hospital(saying, placement, day)
    over = [one for one in round_the_clock(stretches_of(saying.folded.stays)) if twin is None or one.stay != twin.key]
    if inside(day, saying.zone, key, over):
        raise Rejected(
            NoEffectReason.INSIDE_24_HOUR_STAY.value, MEANING[NoEffectReason.INSIDE_24_HOUR_STAY], possible=("later",)
        )
    return Started(
        **saying.fields(placement_id, midnight(day, saying.zone)),
        placement_id=placement_id,
        level=placement.level,
        program=placement.program,
        unit=unit,
        corroborates=_entry(twin) if twin else None,
    )


def attended(
    saying: StayProvenance,
    stay_id: str,
    session_id: str,
    day: date,
    services: Sequence[Service],
    *,
    group: str | None = None,
    own: Iterable[Fact] = (),
) -> Attended:
    """The patient was there. `own` are placement's standing facts of the episode: a start that lies inside a 24-hour
    stay is without effect until somebody attended, so it is not in the fold (contract 3.6 rule 10).

    Raises Rejected: `in-the-future`, `already-told`, a word of the table by day.
    """
    _session(saying, stay_id, session_id, day, own, was_there=True)
    fields = saying.fields(stay_id, midnight(day, saying.zone))
    return Attended(**fields, session_id=session_id, date=day, group=group, services=tuple(services))


def absent(saying: StayProvenance, stay_id: str, session_id: str, day: date, reason: AbsenceReason) -> Absent:
    """The patient was not there: no-show, excused or program-cancelled. Raises Rejected as `attended` does."""
    _session(saying, stay_id, session_id, day, (), was_there=False)
    fields = saying.fields(stay_id, midnight(day, saying.zone))
    return Absent(**fields, session_id=session_id, date=day, reason=reason)


def completed(saying: StayProvenance, stay_id: str, day: date, reason: str) -> Completed:
    """The patient completed the program; `day` is the last one. Raises Rejected: a word of the table, `in-the-future`,
    `before-start`, `session-later`."""
    return Completed(**_ending(saying, Completed.TYPE, stay_id, day), reason=reason)


def discontinued(saying: StayProvenance, stay_id: str, day: date, reason: DiscontinuationReason) -> Discontinued:
    """The stay ended before its goal. Raises Rejected as `completed` does."""
    return Discontinued(**_ending(saying, Discontinued.TYPE, stay_id, day), reason=reason)


def cancelled(saying: StayProvenance, fact: Fact, reason: str) -> FactCancelled:
    """One of placement's own facts about a program stay was never so.

    Raises Rejected: `not-its-writer`, `a-cancel-stays`, `has-attendance` (cancel the sessions of a start first).
    """
    told = fact.value
    if fact.writer != "placement" or not isinstance(told, _OURS):
        back = isinstance(told, FactCancelled)
        word = NoEffectReason.A_CANCEL_STAYS if back else NoEffectReason.NOT_ITS_WRITER
        raise Rejected(word.value, MEANING[word])
    stay = stay_of(saying.folded, told.stay.id)
    if isinstance(told, Started) and stay and any(session.attended for session in stay.sessions):
        raise Rejected("has-attendance", "the patient attended: cancel those sessions first", possible=("cancel",))
    return taken_back(told, fact.id, reason=reason, now=saying.now, patient_id=saying.folded.patient_id)


def possible(stay: StayState | None) -> tuple[str, ...]:
    """What may be said of the stay now, of what a program says."""
    now = state_of(stay)
    return tuple(kind.TYPE for kind in _OURS if isinstance(MOVES[kind.TYPE, now], State))


def _placement(folded: Folded, placement_id: str) -> StandingPlacement:
    found = next((one for one in folded.placements if one.placement_id == placement_id), None)
    if found is None:
        known = tuple(sorted(one.placement_id for one in folded.placements))
        raise Rejected("no-placement", "no such placement stands for this episode", possible=known)
    return found


def stay_of(folded: Folded, stay_id: str) -> StayState | None:
    """The stay by its own name, or the one that a start told twice gave it."""
    key = ("placement", stay_id)
    return next((one for one in folded.stays if key == one.key or key in one.aliases), None)


def _move(name: str, stay: StayState | None) -> None:
    outcome = MOVES[name, state_of(stay)]
    if isinstance(outcome, NoEffectReason):
        raise Rejected(outcome.value, MEANING[outcome], possible=possible(stay))


def not_ahead(saying: StayProvenance, day: date) -> None:
    """Raises Rejected `in-the-future` for a day of the facility's that has not come."""
    if day > saying.today:
        raise Rejected("in-the-future", "that day has not come yet", possible=("later",))


def _told_by_hospital(saying: StayProvenance, placement: StandingPlacement, day: date) -> StayState | None:
    """The visit that ADT opened for the same first day at the same level and program, if it did."""
    for stay in saying.folded.stays:
        same = (stay.level, stay.program) == (placement.level, placement.program)
        if stay.kind == "visit" and stay.open and same and not _has_a_placement(stay):
            begun = day_of(stay.begun, saying.zone)
            if begun == day and len(stay.segments) == 1:
                return stay
    return None


def _has_a_placement(stay: StayState) -> bool:
    return any(kind == "placement" for kind, _ in stay.aliases)


def _entry(stay: StayState) -> str:
    return stay.segments[0].fact


def _session(
    saying: StayProvenance, stay_id: str, session_id: str, day: date, own: Iterable[Fact], *, was_there: bool
) -> None:
    not_ahead(saying, day)
    stay = stay_of(saying.folded, stay_id)
    if stay is None and was_there and _waits_inside(saying, stay_id, day, own):
        return
    word = judged(stay, day, was_there, saying.zone)
    if word is None and stay and any(session.session_id == session_id for session in stay.sessions):
        word = NoEffectReason.ALREADY_TOLD
    if word is not None:
        raise Rejected(word.value, MEANING[word], possible=possible(stay))


def _waits_inside(saying: StayProvenance, stay_id: str, day: date, own: Iterable[Fact]) -> bool:
    """Whether a start of this stay lies inside a 24-hour stay and waits for somebody to attend."""
    word = NoEffectReason.INSIDE_24_HOUR_STAY.value
    waiting = (fact.value for fact in own if saying.folded.ineffective.get(fact.id) == word)
    return any(
        isinstance(told, Started) and told.stay.id == stay_id and day_of(told.occurred_at, saying.zone) <= day
        for told in waiting
    )


class _EndHeading(StayHeading):
    level: Level


def _ending(saying: StayProvenance, name: str, stay_id: str, day: date) -> _EndHeading:
    stay = stay_of(saying.folded, stay_id)
    _move(name, stay)
    not_ahead(saying, day)
    if stay is None or stay.level is None:
        raise Rejected(NoEffectReason.NOT_OPEN.value, MEANING[NoEffectReason.NOT_OPEN])
    if day < day_of(stay.begun, saying.zone):
        raise Rejected("before-start", "the stay began after that day", possible=("later",))
    if any(session.day > day for session in stay.sessions):
        raise Rejected("session-later", "a session after that day was told", possible=("later", "cancel"))
    at = midnight(day + timedelta(days=1), saying.zone)  # a date-only end is 24:00 (contract 3.6 rule 7)
    return _EndHeading(**saying.fields(stay_id, at), level=stay.level)
