"""Follow-up windows as values, and the facts that ought to stand about each. Pure: time comes in. Which windows there
are is computed in windows/measures.py; what people decide about one is in windows/marks.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from services.aftercare.decisions.own_facts import heading
from shared.events.aftercare import Mode
from shared.events.base import LabelledHeading
from shared.events.episodes import EpisodeState
from shared.events.follow_ups import FollowUp, FollowUpDue, FollowUpExcluded, FollowUpKept, FollowUpMissed
from shared.events.open_lists import DecidedBy
from shared.facts.envelope import Fact

State = Literal["due", "kept", "missed", "excluded"]
STATES: tuple[State, ...] = ("due", "kept", "missed", "excluded")


@dataclass(frozen=True, slots=True)
class KeptWindow:
    """The visit that keeps a window: its time, the kind of provider, and the ce_id of the fact that shows it; or that a
    person decided so, with the reason."""

    at: datetime
    provider_kind: str
    by_fact: str | None
    mode: Mode = "in-person"
    reason: str | None = None
    decided_by: DecidedBy | None = None


@dataclass(frozen=True, slots=True)
class Excluded:
    """Why a discharge is not counted, with the ce_ids of the facts that show it, or that a person decided so."""

    reason: str
    because: tuple[str, ...]
    decided_by: DecidedBy | None = None


Outcome = KeptWindow | Excluded


@dataclass(frozen=True, slots=True)
class Window:
    """One follow-up window of one discharge. `due_from` and `due_to` are days in the facility's zone, both inclusive;
    `over_at` is the first instant after `due_to`. `outcome` None: neither kept nor excluded so far."""

    follow_up_id: str
    measure: str
    discharge: str
    facility: str
    left_at: datetime
    due_from: date
    due_to: date
    over_at: datetime
    outcome: Outcome | None = None


def wanted(
    episode: EpisodeState,
    windows: Iterable[Window],
    standing: Sequence[Fact],
    recorded_at: datetime,
    over_by: datetime | None = None,
) -> tuple[FollowUp, ...]:
    """The follow-up facts that ought to stand, in the order of the windows.

    Each window has its `due` from the start, with `kept` or `missed` beside it; an excluded window has `excluded`
    alone. `missed` is stated for windows that are over by `over_by`, which only a timer gives (contract 3.6 rule 8);
    once stated it stands as long as its window is due on the same days.
    """
    missed = {_days(told) for fact in standing if isinstance(told := fact.value, FollowUpMissed)}
    found: list[FollowUp] = []
    for window in windows:
        over = over_by is not None and window.over_at <= over_by
        found += _facts(episode, window, recorded_at, over or _days(window) in missed)
    return tuple(found)


class _WindowHeading(LabelledHeading):
    """The fields that every fact of a window has."""

    derived_from: tuple[str, ...]
    follow_up_id: str
    measure: str
    discharge: str
    due_from: date
    due_to: date


def _facts(episode: EpisodeState, window: Window, recorded_at: datetime, over: bool) -> list[FollowUp]:
    def own(at: datetime, because: tuple[str, ...] = ()) -> _WindowHeading:
        return {
            **heading(episode, window.facility, at, recorded_at),
            "derived_from": tuple(dict.fromkeys((window.discharge, *because))),
            "follow_up_id": window.follow_up_id,
            "measure": window.measure,
            "discharge": window.discharge,
            "due_from": window.due_from,
            "due_to": window.due_to,
        }

    match window.outcome:
        case Excluded(reason, because, decided_by):
            return [FollowUpExcluded(**own(window.left_at, because), reason=reason, decided_by=decided_by)]
        case KeptWindow() as kept:
            because = (kept.by_fact,) if kept.by_fact else ()
            return [FollowUpDue(**own(window.left_at)), _kept(own(kept.at, because), kept)]
        case None:
            due = FollowUpDue(**own(window.left_at))
            return [due, FollowUpMissed(**own(window.over_at))] if over else [due]


def _kept(own: _WindowHeading, kept: KeptWindow) -> FollowUpKept:
    return FollowUpKept(
        **own,
        kept_at=kept.at,
        mode=kept.mode,
        provider_kind=kept.provider_kind,
        by_fact=kept.by_fact,
        reason=kept.reason,
        decided_by=kept.decided_by,
    )


def _days(window: Window | FollowUp) -> tuple[str, date, date]:
    return window.follow_up_id, window.due_from, window.due_to


def rows(standing: Iterable[Fact]) -> dict[str, FollowUp]:
    """follow_up_id → the fact to show of that window: kept, missed or excluded where there is one, else due."""
    found: dict[str, FollowUp] = {}
    for fact in standing:
        if isinstance(told := fact.value, FollowUp) and (
            told.follow_up_id not in found or not isinstance(told, FollowUpDue)
        ):
            found[told.follow_up_id] = told
    return found


def state_of(window: FollowUp) -> State:
    """The state of a window by the fact that `rows` gives for it."""
    match window:
        case FollowUpKept():
            return "kept"
        case FollowUpMissed():
            return "missed"
        case FollowUpExcluded():
            return "excluded"
        case _:
            return "due"
