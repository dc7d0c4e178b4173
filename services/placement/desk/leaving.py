"""What a person says of a stay that is still open: when it is expected to end, that it is expected no longer, that the
patient is ready to step down and what that waits for (contract 3.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from services.placement.continuum.model import StayState
from services.placement.continuum.states import MEANING, NoEffectReason
from services.placement.desk.commands import Ask, Code
from services.placement.desk.frame import Rule, Subject, write
from services.placement.desk.planning import CARERS, OfStay
from services.placement.engine.act import Decided, Situation
from services.placement.search.ahead import open_stay, stay_called
from shared.errors import Rejected
from shared.events.base import CareFact, Disposition, LabelledHeading, Stay
from shared.events.open_lists import WaitingFor
from shared.events.planning import DischargePlanCancelled, DischargePlanned, ReadyForStep
from shared.events.taking_back import taken_back
from shared.facts.envelope import Fact


class OfOpenStay(Ask):
    """One of the episode's stays."""

    stay: OfStay | None = Field(default=None, description="absent: the open stay that gives the episode its level")


class PlanDischarge(OfOpenStay):
    """The patient is expected to leave."""

    expected_at: AwareDatetime | None = Field(default=None, description="absent: on no day that is known")
    going: Literal["home", "transfer", "hospice", "custody", "other"] | None = Field(
        default=None, description="how the patient is expected to leave"
    )


class Ready(OfOpenStay):
    """The patient may step down."""

    at: AwareDatetime | None = Field(default=None, description="since when; absent: now")
    waiting_for: WaitingFor | None = Field(default=None, description="absent: it waits for nothing")


class NotReady(OfOpenStay):
    """The patient is not ready after all."""

    reason: Code = "said-in-error"


class CancelPlan(OfOpenStay):
    """It is not expected that the patient leaves."""


def plan_discharge(now: Situation, episode_id: str, asked: PlanDischarge) -> Decided:
    """Plan the end of an open stay, or move that. Raises Rejected: `no-such-stay`, `plan-over`, `before-start`."""
    stay = _open(now, asked.stay)
    if asked.expected_at is not None and asked.expected_at <= stay.begun:
        raise Rejected("before-start", "the stay begins after that", possible=("later",))
    before = next((fact for fact in _told(now, stay) if isinstance(fact.value, DischargePlanned)), None)
    told = DischargePlanned(
        **_heading(now, stay),
        stay=_named(stay),
        expected_at=asked.expected_at,
        disposition=Disposition(kind=asked.going) if asked.going else None,
        replaces=before.id if before else None,
    )
    return _fitting(now, episode_id, told)


def cancel_plan(now: Situation, episode_id: str, asked: CancelPlan) -> Decided:
    """Cancel the plan of an open stay, by whoever it was said. Raises Rejected: `no-such-stay`, `plan-over`,
    `no-plan`."""
    stay = _open(now, asked.stay)
    if stay.plan is None:
        raise Rejected("no-plan", "no end of the stay is planned", possible=("discharge-planned",))
    return _fitting(now, episode_id, DischargePlanCancelled(**_heading(now, stay), stay=_named(stay)))


def ready(now: Situation, episode_id: str, asked: Ready) -> Decided:
    """State that the patient is ready to step down. Raises Rejected: `no-such-stay`, `plan-over`, `before-start`,
    `in-the-future`."""
    stay, at = _open(now, asked.stay), asked.at or now.now
    if at > now.now:
        raise Rejected("in-the-future", "that has not happened yet", possible=("later",))
    if at < stay.begun:
        raise Rejected("before-start", "the stay begins after that", possible=("later",))
    told = ReadyForStep(**_heading(now, stay), stay=_named(stay), at=at, waiting_for=asked.waiting_for)
    return _fitting(now, episode_id, told)


def not_ready(now: Situation, episode_id: str, asked: NotReady) -> Decided:
    """Take back that the patient is ready. Raises Rejected: `no-such-stay`, `plan-over`, `not-ready`."""
    stay = _open(now, asked.stay)
    said = [fact for fact in _told(now, stay) if isinstance(fact.value, ReadyForStep)]
    if not said:
        raise Rejected("not-ready", "nobody said that the patient is ready", possible=("ready-for-step",))
    gone = [taken_back(fact.value, fact.id, reason=asked.reason, now=now.now) for fact in said]
    return Decided(tuple(gone), (episode_id,))


def _open(now: Situation, asked: OfStay | None) -> StayState:
    """The stay that is meant, in scope and open at a level."""
    folded = now.folded
    stay = stay_called(folded, (asked.kind, asked.id)) if asked else open_stay(folded)
    if stay is None or not now.scope.has(stay.facility):
        known = tuple(one.id for one in folded.stays if one.open and now.scope.has(one.facility))
        raise Rejected("no-such-stay", "the episode has no such stay that is open", possible=known)
    if stay.ended is not None or stay.level is None:
        raise Rejected("plan-over", MEANING[NoEffectReason.PLAN_OVER])
    return stay


def _told(now: Situation, stay: StayState) -> Iterator[Fact]:
    """The standing facts that the desk stated about this stay, the latest first."""
    keys = {stay.key, *stay.aliases}
    for fact in reversed(now.own):
        said = fact.value.stay
        if said is not None and (said.kind, said.id) in keys and fact.id not in now.own.fallen:
            yield fact


def _heading(now: Situation, stay: StayState, at: datetime | None = None) -> LabelledHeading:
    return now.about(stay.facility).heading(now.now, at)


def _named(stay: StayState) -> Stay:
    return Stay(kind=stay.kind, id=stay.id)


def _fitting(now: Situation, episode_id: str, told: CareFact) -> Decided:
    now.tried(told)
    return Decided((told,), (episode_id,))


_PATH = "/api/episodes/{id}"
_WRITES: tuple[tuple[str, type[OfOpenStay], Callable[..., Decided], str, str], ...] = (
    ("discharge-planned", PlanDischarge, plan_discharge, "planDischarge",
     "The patient is expected to leave: a search for the next program begins, or looks for another day"),
    ("discharge-plan-cancelled", CancelPlan, cancel_plan, "cancelDischargePlan",
     "It is not expected any more: the search ends, and what was arranged is given back"),
    ("ready-for-step", Ready, ready, "readyForStep",
     "The patient is ready for a less intensive level, and what that still waits for"),
    ("ready-for-step-withdrawn", NotReady, not_ready, "withdrawReadyForStep", "The patient is not ready after all"),
)  # fmt: skip
SUBJECT = Subject(
    None,
    tuple(
        write(f"{_PATH}/{name}", asks, Rule(decide), action=name, operation=operation, roles=CARERS, summary=summary)
        for name, asks, decide, operation, summary in _WRITES
    ),
)
