"""Follow-up windows and what is told of them: values, and the facts that ought to stand of each window. Pure: time
comes in. Which windows there are is for `measures` to say, what people decided about one for `marks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from services.aftercare.decisions.own_facts import ActiveFact
from shared.events.episodes import EpisodeState
from shared.events.follow_ups import FollowUp, FollowUpDue, FollowUpExcluded, FollowUpKept, FollowUpMissed

State = Literal["due", "kept", "missed", "excluded"]
STATES: tuple[State, ...] = ("due", "kept", "missed", "excluded")


@dataclass(frozen=True, slots=True)
class KeptWindow:
    """The visit that counts: when, at what kind of provider, the ce_id that shows it; or who decided so, and why."""

    at: datetime
    provider_kind: str
    by_fact: str | None
    mode: str = "in-person"
    reason: str | None = None
    decided_by: str | None = None


@dataclass(frozen=True, slots=True)
class Excluded:
    """Why the discharge doesn't count, and the ce_ids that say so, or who decided so."""

    reason: str
    because: tuple[str, ...]
    decided_by: str | None = None


Outcome = KeptWindow | Excluded


@dataclass(frozen=True, slots=True)
class Window:
    """One follow-up window of one discharge. Days are the facility's, both inclusive; `over_at` is the first instant
    after `due_to` there. `outcome` None: still due, as far as the episode shows."""

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
    standing: Sequence[ActiveFact],
    recorded_at: datetime,
    over_by: datetime | None = None,
) -> tuple[FollowUp, ...]:
    """The facts that ought to stand, in the order of the windows.

    A window that is due says so at once and goes on saying so; kept and missed come beside it, excluded stands alone.
    Missed is stated for windows over by `over_by`, which only a timer gives (contract 3.6 rule 8); once stated it
    stands as long as its window is still due on the same days.
    """
    missed = {_days_of(s.value) for s in standing if s.name == FollowUpMissed.TYPE}
    found: list[FollowUp] = []
    for window in windows:
        over = over_by is not None and window.over_at <= over_by
        found += _facts(episode, window, recorded_at, over or _days(window) in missed)
    return tuple(found)


def _facts(episode: EpisodeState, window: Window, recorded_at: datetime, over: bool) -> list[FollowUp]:
    def fact(kind: type[FollowUp], at: datetime, because: tuple[str, ...] = (), **own: Any) -> FollowUp:
        return kind(
            episode_id=episode.episode_id,
            patient_id=episode.patient_id,
            facility=window.facility,
            labels=episode.labels,
            occurred_at=at,
            recorded_at=recorded_at,
            derived_from=tuple(dict.fromkeys((window.discharge, *because))),
            follow_up_id=window.follow_up_id,
            measure=window.measure,
            discharge=window.discharge,
            due_from=window.due_from,
            due_to=window.due_to,
            **own,
        )

    match window.outcome:
        case Excluded(reason, because, decided_by):
            return [fact(FollowUpExcluded, window.left_at, because, reason=reason, decided_by=decided_by)]
        case KeptWindow(at, kind, by_fact, mode, reason, decided_by):
            own = {"kept_at": at, "mode": mode, "provider_kind": kind, "by_fact": by_fact}
            because = (by_fact,) if by_fact else ()
            kept = fact(FollowUpKept, at, because, **own, reason=reason, decided_by=decided_by)
            return [fact(FollowUpDue, window.left_at), kept]
        case None:
            due = fact(FollowUpDue, window.left_at)
            return [due, fact(FollowUpMissed, window.over_at)] if over else [due]


def _days(window: Window) -> tuple[str, str, str]:
    return (window.follow_up_id, window.due_from.isoformat(), window.due_to.isoformat())


def _days_of(value: dict[str, Any]) -> tuple[str, str, str]:
    return (value["follow_up_id"], value["due_from"], value["due_to"])


class Row(NamedTuple):
    """One window as lists show it: its state, and the value of the fact that says so."""

    follow_up_id: str
    state: State
    value: dict[str, Any]


def rows(standing: Iterable[ActiveFact]) -> dict[str, Row]:
    """One row for each window, by follow_up_id: how it ended, else due."""
    found: dict[str, Row] = {}
    for fact in standing:
        if (state := _STATE.get(fact.name)) is None:
            continue
        key = fact.value["follow_up_id"]
        if key not in found or state != "due":
            found[key] = Row(key, state, fact.value)
    return found


_STATE: dict[str, State] = {f"follow-up-{state}": state for state in STATES}
