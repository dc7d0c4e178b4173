"""List entries of patients who are still in care and about to leave: whose end is expected, who is ready and waits, and
whose placement is kept meanwhile (contract 3.7). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from services.placement.continuum.model import Folded, PlannedEnd, StayKey, StayState
from services.placement.continuum.order import day_of, leaving_day, midnight
from services.placement.rules import Rules
from services.placement.search import first_days
from services.placement.search.ahead import care_goes_on, open_stay, stay_called
from services.placement.search.entry import ListEntry, known
from services.placement.search.searches import DeskFacts
from shared.events.planning import ReadyForStep


def entries_of_leaving(folded: Folded, own: DeskFacts, rules: Rules) -> Iterator[ListEntry]:
    """Entries of these kinds; none after a death."""
    if folded.deaths:
        return
    stay = open_stay(folded)
    if stay is not None and stay.plan is not None:
        yield from _leaving(stay, stay.plan, folded, own, rules=rules)
    yield from _ready(folded, own, rules)
    if folded.placements:
        yield from _kept(folded, own, rules)


def _leaving(stay: StayState, plan: PlannedEnd, folded: Folded, own: DeskFacts, *, rules: Rules) -> Iterator[ListEntry]:
    """One entry for a stay whose end is expected on a day, unless nothing is to follow it; `listed_from`: when it is
    within the site's days."""
    if plan.at is None or not care_goes_on(stay, rules.policy):
        return
    zone = rules.zone_of(stay.facility)
    day = leaving_day(plan.at, zone)
    placed = [one.placement.start_date.isoformat() for one in first_days.waiting(folded, own)]
    content = known(
        {
            "stay": {"kind": stay.kind, "id": stay.id},
            "level": stay.level,
            "expected_at": plan.at.isoformat(),
            "day": day.isoformat(),
            "listed_from": midnight(day - timedelta(days=rules.site.limits.leaving_days), zone).isoformat(),
            "start_date": min(placed, default=None),
            "payer": payer_of(folded),
        }
    )
    state = "arranged" if placed else "looked-for" if own.open else "nothing-arranged"
    yield ListEntry("leaving", _named(folded, stay), stay.facility, stay.program, state, plan.said_at, plan.at, content)


def _named(folded: Folded, stay: StayState) -> str:
    return f"{folded.episode_id}/{stay.kind}/{stay.id}"


def _ready(folded: Folded, own: DeskFacts, rules: Rules) -> Iterator[ListEntry]:
    """One entry for each open stay that a person said the patient is ready to leave."""
    told: dict[StayKey, list[ReadyForStep]] = {}
    for fact in own:
        if isinstance(said := fact.value, ReadyForStep) and fact.id not in own.fallen:
            told.setdefault((said.stay.kind, said.stay.id), []).append(said)
    for key, facts in told.items():
        stay = stay_called(folded, key)
        if stay is not None and stay.ended is None and stay.level is not None:
            yield _waits(stay, sorted(facts, key=lambda one: one.at), folded, rules)


def _waits(stay: StayState, facts: list[ReadyForStep], folded: Folded, rules: Rules) -> ListEntry:
    """`spans`: what the patient waited for, each with the day from which on."""
    zone, latest = rules.zone_of(stay.facility), facts[-1]
    spans = [{"waiting_for": _reason(one), "from": day_of(one.at, zone).isoformat()} for one in facts]
    content = known(
        {
            "stay": {"kind": stay.kind, "id": stay.id},
            "level": stay.level,
            "waiting_for": _reason(latest),
            "since": spans[-1]["from"],
            "ready_since": spans[0]["from"],
            "spans": spans,
            "payer": payer_of(folded),
        }
    )
    return ListEntry("ready", _named(folded, stay), stay.facility, stay.program, "waiting", facts[0].at, None, content)


def _reason(told: ReadyForStep) -> str:
    return told.waiting_for or "nothing"


def _kept(folded: Folded, own: DeskFacts, rules: Rules) -> Iterator[ListEntry]:
    """One entry for each placement that waits while a 24-hour stay goes on, due when it is given up."""
    for one in first_days.waiting(folded, own):
        placement, facility = one.placement, one.offer.facility or folded.facility
        until = first_days.kept_until(placement, folded, rules.policy, facility)
        if until is not None and not one.offer.moves:
            name, program = placement.placement_id, placement.program
            yield ListEntry("kept", name, facility, program, "open", placement.at, until, {})


def days_between(folded: Folded, start: date, rules: Rules) -> int | None:
    """Days from the end of the stay, expected or told, to a first day; None where no end is known, or the first day
    lies before it."""
    stay = open_stay(folded)
    ends = [(one.ended.at, one) for one in folded.stays if one.ended and one.segments[-1].level]
    if stay is not None:
        ends = [(stay.plan.at, stay)] if stay.plan and stay.plan.at else []
    days = [(start - leaving_day(at, rules.zone_of(one.facility))).days for at, one in ends]
    return min(days) if days and min(days) >= 0 else None


def payer_of(folded: Folded) -> str | None:
    """The first payer of the latest coverage."""
    latest = folded.coverage[-1].coverage if folded.coverage else ()
    return latest[0].payer if latest else None
