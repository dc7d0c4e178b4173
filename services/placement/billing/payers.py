"""Payers and diagnoses that the desk states where no hospital sent them, since a bill needs them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TypedDict, TypeVar
from zoneinfo import ZoneInfo

from services.placement.continuum.about import About
from services.placement.continuum.order import day_of, midnight
from shared.errors import Rejected
from shared.events.base import CareFact, Stay
from shared.events.stays import Coverage, CoverageChanged, DiagnosisRecorded
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts, same

Told = TypeVar("Told", bound=CareFact)


class DiagnosisTerms(TypedDict):
    """A diagnosis, by the names of the fact's fields; rank 1 is principal."""

    system: str
    code: str
    rank: int
    status: str


def covered(
    whose: About, own: OwnFacts, now: datetime, zone: ZoneInfo, *, since: date, payers: Sequence[Coverage]
) -> CoverageChanged:
    """The payers from the day `since` on; this replaces what the desk stated for the same day before.

    `own`: placement's facts of the episode, by sequence. `zone`: the facility's. Raises Rejected: `in-the-future`,
    `already-so`.
    """
    if since > day_of(now, zone):
        raise Rejected("in-the-future", "that day has not come yet", possible=("later",))
    before = _standing(own, CoverageChanged, lambda value: value.effective_from == since)
    told = CoverageChanged(
        **whose.heading(now, midnight(since, zone)),
        effective_from=since,
        coverage=tuple(payers),
        replaces=before.id if before else None,
    )
    return _news(told, before.value if before else None)


def diagnosed(whose: About, own: OwnFacts, now: datetime, placement_id: str, told: DiagnosisTerms) -> DiagnosisRecorded:
    """A diagnosis of a stay at a program; this replaces what the desk stated of the same code before.

    Raises Rejected `already-so`.
    """
    stay = Stay(kind="placement", id=placement_id)
    about_it = (stay, told["system"], told["code"])
    before = _standing(own, DiagnosisRecorded, lambda value: (value.stay, value.system, value.code) == about_it)
    fact = DiagnosisRecorded(
        **whose.heading(now, before.value.occurred_at if before else now),
        **told,
        stay=stay,
        replaces=before.id if before else None,
    )
    return _news(fact, before.value if before else None)


def _standing(own: OwnFacts, kind: type[Told], fits: Callable[[Told], bool]) -> Fact | None:
    """The first of these facts that is of this type, stands and fits; None where there is none."""
    stand = (one for one in own if one.id not in own.fallen)
    return next((one for one in stand if isinstance(one.value, kind) and fits(one.value)), None)


def _news(told: Told, before: CareFact | None) -> Told:
    """The fact, unless it says the same as the one before it. Raises Rejected `already-so`."""
    if before is not None and same(told, before):
        raise Rejected("already-so", "the same was said before", possible=("something else",))
    return told
