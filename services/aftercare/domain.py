"""Follow-up windows and what is told of them: values, the facts that ought to stand, and the difference from those
that do. Pure: time, ids and sequences come in. Which windows there are is for `measures` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from shared.events.base import CareFact, type_name
from shared.events.envelope import Fact
from shared.events.episodes import EpisodeState
from shared.events.follow_ups import FollowUp, FollowUpDue, FollowUpExcluded, FollowUpKept, FollowUpMissed
from shared.events.saying import said
from shared.events.taking_back import FactCancelled

WRITER = "aftercare"
State = Literal["due", "kept", "missed", "excluded"]
STATES: tuple[State, ...] = ("due", "kept", "missed", "excluded")
_PER_SAYING = frozenset({"recorded_at", "replaces"})
"""Fields that differ each time the same content is said."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The visit that counts: when, at what kind of provider, and the ce_id that shows it."""

    at: datetime
    provider_kind: str
    by_fact: str


@dataclass(frozen=True, slots=True)
class Excluded:
    """Why the discharge doesn't count, and the ce_ids that say so."""

    reason: str
    because: tuple[str, ...]


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
    outcome: Kept | Excluded | None = None


class Standing(NamedTuple):
    """A fact of ours that stands: where it is in the episode's sequence, its name (`follow-up-due`), its value."""

    sequence: int
    ce_id: str
    name: str
    value: dict[str, Any]


class Difference(NamedTuple):
    """What is to be said so that the facts that stand become those that ought to."""

    to_state: tuple[FollowUp, ...]
    to_restate: tuple[tuple[Standing, FollowUp], ...]
    to_cancel: tuple[tuple[Standing, str], ...]
    """With the reason: `discharge-taken-back` where the whole window is gone, else `corrected`."""


class Said(NamedTuple):
    """Facts on their way, in order; the sequences of those that fell; all that stands after."""

    facts: tuple[Fact, ...]
    fallen: tuple[int, ...]
    standing: tuple[Standing, ...]


def wanted(
    episode: EpisodeState,
    windows: Iterable[Window],
    standing: Sequence[Standing],
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
        case Excluded(reason, because):
            return [fact(FollowUpExcluded, window.left_at, because, reason=reason)]
        case Kept(at, kind, by_fact):
            own = {"kept_at": at, "mode": "in-person", "provider_kind": kind, "by_fact": by_fact}
            return [fact(FollowUpDue, window.left_at), fact(FollowUpKept, at, (by_fact,), **own)]
        case None:
            due = fact(FollowUpDue, window.left_at)
            return [due, fact(FollowUpMissed, window.over_at)] if over else [due]


def _days(window: Window) -> tuple[str, str, str]:
    return (window.follow_up_id, window.due_from.isoformat(), window.due_to.isoformat())


def _days_of(value: dict[str, Any]) -> tuple[str, str, str]:
    return (value["follow_up_id"], value["due_from"], value["due_to"])


def difference(standing: Sequence[Standing], ought: Sequence[FollowUp]) -> Difference:
    """What to state, restate (same window and kind, other content; contract 3.5) and cancel. Nothing for equals."""
    before = {(s.value["follow_up_id"], s.name): s for s in standing}
    after = {(fact.follow_up_id, fact.TYPE): fact for fact in ought}
    windows = {fact.follow_up_id for fact in ought}
    gone = [
        (s, "corrected" if key[0] in windows else "discharge-taken-back")
        for key, s in before.items()
        if key not in after
    ]
    other = [(before[k], fact) for k, fact in after.items() if k in before and content(fact) != _same(before[k].value)]
    return Difference(tuple(fact for k, fact in after.items() if k not in before), tuple(other), tuple(gone))


def content(fact: CareFact) -> dict[str, Any]:
    """What a fact says as JSON values, without when it was recorded and what it replaces."""
    return _same(fact.model_dump(mode="json", by_alias=True, exclude_none=True))


def _same(value: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in value.items() if name not in _PER_SAYING}


def say(
    change: Difference,
    standing: Sequence[Standing],
    *,
    sequence: int,
    recorded_at: datetime,
    new_id: Callable[[], str],
    causation_id: str | None = None,
    correlation_id: str | None = None,
) -> Said:
    """The facts that make the difference, numbered on from `sequence`: cancels, then restatements, then new ones."""
    values: list[CareFact] = [_cancel(fallen, reason, recorded_at) for fallen, reason in change.to_cancel]
    values += [fact.model_copy(update={"replaces": old.ce_id}) for old, fact in change.to_restate]
    values += change.to_state
    facts = tuple(
        said(
            value,
            ce_id=new_id(),
            writer=WRITER,
            sequence=number,
            correlation_id=correlation_id,
            causation_id=causation_id,
        )
        for number, value in enumerate(values, sequence + 1)
    )
    fallen = {s.sequence for s, _ in (*change.to_cancel, *change.to_restate)}
    fresh = [Standing(f.sequence, f.id, f.name, f.value) for f in facts if f.name != FactCancelled.TYPE]
    kept = [s for s in standing if s.sequence not in fallen]
    return Said(facts, tuple(sorted(fallen)), (*kept, *fresh))


def _cancel(fallen: Standing, reason: str, recorded_at: datetime) -> FactCancelled:
    common = {name: fallen.value[name] for name in ("episode_id", "patient_id", "facility", "labels")}
    return FactCancelled(
        **common,
        occurred_at=recorded_at,
        recorded_at=recorded_at,
        cancels=fallen.ce_id,
        cancelled_type=type_name(fallen.name),
        reason=reason,
    )


class Row(NamedTuple):
    """One window as lists show it: its state, and the value of the fact that says so."""

    follow_up_id: str
    state: State
    value: dict[str, Any]


def rows(standing: Iterable[Standing]) -> dict[str, Row]:
    """One row for each window, by follow_up_id: how it ended, else due."""
    found: dict[str, Row] = {}
    for fact in standing:
        state = _STATE[fact.name]
        key = fact.value["follow_up_id"]
        if key not in found or state != "due":
            found[key] = Row(key, state, fact.value)
    return found


_STATE: dict[str, State] = {f"follow-up-{state}": state for state in STATES}
