"""A stay at a program from its first day to its last: each function returns the fact to state, or raises Rejected.
Pure.

The table of moves (continuum/states.py) decides; a refusal says what is possible and publishes nothing (contract 3.6
rule 5). "A reason of the table" below is a NoEffectReason. To correct a fact, decide on the fold of all other facts and
name it in `replaces`; to take one back, use `cancelled`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from services.placement.continuum.about import about
from services.placement.continuum.levels import inside, round_the_clock, stretches_of
from services.placement.continuum.model import Folded, StayKey, StayState
from services.placement.continuum.order import day_of, midnight
from services.placement.continuum.standing import StandingPlacement
from services.placement.continuum.states import MEANING, MOVES, NoEffectReason, State, state_of
from services.placement.continuum.stay import judged
from services.placement.search.first_days import refuse_inside
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
"""The types of fact with which a program reports on a stay."""


class StayHeading(LabelledHeading):
    """The fields that every fact about a stay has. `replaces`: ce_id of the own fact that it restates."""

    stay: Stay
    replaces: str | None


AbsenceReason = Literal["no-show", "excused", "program-cancelled"]
DiscontinuationReason = Literal[
    "against-advice", "lost-contact", "administrative", "transferred-out", "incarcerated", "deceased", "other"
]


class StayProvenance(NamedTuple):
    """What a fact about a program stay is stated with: the fold, the program's facility and its zone, the time, and the
    ce_id of the own fact that it restates, if any."""

    folded: Folded
    facility: str
    zone: ZoneInfo
    now: datetime
    replaces: str | None = None

    @property
    def today(self) -> date:
        """The day at the facility."""
        return day_of(self.now, self.zone)

    def fields(self, stay: str, at: datetime) -> StayHeading:
        """The fields of a fact about the stay with this id, which happened `at`."""
        heading = about(self.folded, self.facility).heading(self.now, at)
        return StayHeading(**heading, stay=Stay(kind="placement", id=stay), replaces=self.replaces)


def start(stating: StayProvenance, placement_id: str, day: date, *, unit: str | None = None) -> Started:
    """The patient came for the first time, on `day`: a stay begins with the placement's id, level and program.

    Where the hospital reported the same start by ADT before, `corroborates` names it (contract 3.6 rule 2). Raises
    Rejected: `no-placement`, `in-the-future`, a reason of the table, `stay-open` while a 24-hour stay is, else
    `inside-24-hour-stay` (rule 10).
    """
    placement = _placement(stating.folded, placement_id)
    not_ahead(stating, day)
    _move("started", stay_of(stating.folded, placement_id))
    key: StayKey = ("placement", placement_id)
    visit = _told_by_hospital(stating, placement, day)
    refuse_inside(stating.folded, midnight(day + timedelta(days=1), stating.zone), visit)
    stretches = stretches_of(stating.folded.stays)
    over = [one for one in round_the_clock(stretches) if visit is None or one.stay != visit.key]
    if inside(day, stating.zone, key, over):
        raise Rejected(
            NoEffectReason.INSIDE_24_HOUR_STAY.value, MEANING[NoEffectReason.INSIDE_24_HOUR_STAY], possible=("later",)
        )
    return Started(
        **stating.fields(placement_id, midnight(day, stating.zone)),
        placement_id=placement_id,
        level=placement.level,
        program=placement.program,
        unit=unit,
        corroborates=_entry(visit) if visit else None,
    )


def attended(
    stating: StayProvenance,
    stay_id: str,
    session_id: str,
    day: date,
    services: Sequence[Service],
    *,
    group: str | None = None,
    own: Iterable[Fact] = (),
) -> Attended:
    """The patient attended a session.

    `own`: placement's standing facts of the episode. A start inside a 24-hour stay has no effect until there is
    attendance, so that its stay is not in the fold but only among these (contract 3.6 rule 10). Raises Rejected:
    `in-the-future`, `already-told`, a reason of the table, judged by day.
    """
    _session(stating, stay_id, session_id, day, own, was_there=True)
    fields = stating.fields(stay_id, midnight(day, stating.zone))
    return Attended(**fields, session_id=session_id, date=day, group=group, services=tuple(services))


def absent(stating: StayProvenance, stay_id: str, session_id: str, day: date, reason: AbsenceReason) -> Absent:
    """The patient missed a session. Raises Rejected as `attended` does."""
    _session(stating, stay_id, session_id, day, (), was_there=False)
    fields = stating.fields(stay_id, midnight(day, stating.zone))
    return Absent(**fields, session_id=session_id, date=day, reason=reason)


def completed(stating: StayProvenance, stay_id: str, day: date, reason: str) -> Completed:
    """The patient completed the program; `day` is the last day. Raises Rejected: a reason of the table,
    `in-the-future`, `before-start`, `session-later`."""
    return Completed(**_ending(stating, Completed.TYPE, stay_id, day), reason=reason)


def discontinued(stating: StayProvenance, stay_id: str, day: date, reason: DiscontinuationReason) -> Discontinued:
    """The stay ended before its goal was reached. Raises Rejected as `completed` does."""
    return Discontinued(**_ending(stating, Discontinued.TYPE, stay_id, day), reason=reason)


def cancelled(stating: StayProvenance, fact: Fact, reason: str) -> FactCancelled:
    """The cancel of one of placement's own facts about a program stay, which was never so.

    Raises Rejected: `not-its-writer`, `a-cancel-stays`, `has-attendance` (the sessions have to be cancelled before the
    start).
    """
    told = fact.value
    if fact.writer != "placement" or not isinstance(told, _OURS):
        back = isinstance(told, FactCancelled)
        word = NoEffectReason.A_CANCEL_STAYS if back else NoEffectReason.NOT_ITS_WRITER
        raise Rejected(word.value, MEANING[word])
    stay = stay_of(stating.folded, told.stay.id)
    if isinstance(told, Started) and stay and any(session.attended for session in stay.sessions):
        raise Rejected("has-attendance", "the patient attended: cancel those sessions first", possible=("cancel",))
    return taken_back(told, fact.id, reason=reason, now=stating.now, patient_id=stating.folded.patient_id)


def possible(stay: StayState | None) -> tuple[str, ...]:
    """Names of the facts that a program may state of the stay now."""
    now = state_of(stay)
    return tuple(kind.TYPE for kind in _OURS if isinstance(MOVES[kind.TYPE, now], State))


def _placement(folded: Folded, placement_id: str) -> StandingPlacement:
    """The placement. Raises Rejected `no-placement`."""
    found = next((one for one in folded.placements if one.placement_id == placement_id), None)
    if found is None:
        known = tuple(sorted(one.placement_id for one in folded.placements))
        raise Rejected("no-placement", "no such placement stands for this episode", possible=known)
    return found


def stay_of(folded: Folded, stay_id: str) -> StayState | None:
    """The stay with this placement's id, as its own or as that of a second start; None where there is none."""
    key = ("placement", stay_id)
    return next((one for one in folded.stays if key == one.key or key in one.aliases), None)


def _move(name: str, stay: StayState | None) -> None:
    """Raises Rejected where the table has no such move of the stay."""
    outcome = MOVES[name, state_of(stay)]
    if isinstance(outcome, NoEffectReason):
        raise Rejected(outcome.value, MEANING[outcome], possible=possible(stay))


def not_ahead(stating: StayProvenance, day: date) -> None:
    """Raises Rejected `in-the-future` for a day that has not come at the facility."""
    if day > stating.today:
        raise Rejected("in-the-future", "that day has not come yet", possible=("later",))


def _told_by_hospital(stating: StayProvenance, placement: StandingPlacement, day: date) -> StayState | None:
    """The open visit that ADT reported with the same first day, level and program, and that has no placement; None
    where there is none."""
    for stay in stating.folded.stays:
        same = (stay.level, stay.program) == (placement.level, placement.program)
        if stay.kind == "visit" and stay.open and same and not _has_a_placement(stay):
            begun = day_of(stay.begun, stating.zone)
            if begun == day and len(stay.segments) == 1:
                return stay
    return None


def _has_a_placement(stay: StayState) -> bool:
    return any(kind == "placement" for kind, _ in stay.aliases)


def _entry(stay: StayState) -> str:
    return stay.segments[0].fact


def _session(
    stating: StayProvenance, stay_id: str, session_id: str, day: date, own: Iterable[Fact], *, was_there: bool
) -> None:
    """Raises Rejected where this session may not be stated."""
    not_ahead(stating, day)
    stay = stay_of(stating.folded, stay_id)
    if stay is None and was_there and _waits_inside(stating, stay_id, day, own):
        return
    word = judged(stay, day, was_there, stating.zone)
    if word is None and stay and any(session.session_id == session_id for session in stay.sessions):
        word = NoEffectReason.ALREADY_TOLD
    if word is not None:
        raise Rejected(word.value, MEANING[word], possible=possible(stay))


def _waits_inside(stating: StayProvenance, stay_id: str, day: date, own: Iterable[Fact]) -> bool:
    """True when a start of this stay up to that day lies inside a 24-hour stay, and has no effect until there is
    attendance."""
    word = NoEffectReason.INSIDE_24_HOUR_STAY.value
    waiting = (fact.value for fact in own if stating.folded.ineffective.get(fact.id) == word)
    return any(
        isinstance(told, Started) and told.stay.id == stay_id and day_of(told.occurred_at, stating.zone) <= day
        for told in waiting
    )


class _EndHeading(StayHeading):
    level: Level


def _ending(stating: StayProvenance, name: str, stay_id: str, day: date) -> _EndHeading:
    """The fields of the fact `name` that ends a stay with this last day. Raises Rejected as `completed` does."""
    stay = stay_of(stating.folded, stay_id)
    _move(name, stay)
    not_ahead(stating, day)
    if stay is None or stay.level is None:
        raise Rejected(NoEffectReason.NOT_OPEN.value, MEANING[NoEffectReason.NOT_OPEN])
    if day < day_of(stay.begun, stating.zone):
        raise Rejected("before-start", "the stay began after that day", possible=("later",))
    if any(session.day > day for session in stay.sessions):
        raise Rejected("session-later", "a session after that day was told", possible=("later", "cancel"))
    at = midnight(day + timedelta(days=1), stating.zone)  # a date-only end is 24:00 (contract 3.6 rule 7)
    return _EndHeading(**stating.fields(stay_id, at), level=stay.level)
