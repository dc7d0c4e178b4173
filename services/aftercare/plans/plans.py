"""Aftercare plans: when aftercare starts, what a plan begins with, its state, its calls, and its end. Pure.

A plan and its calls begin with every end of care at home, whether a program is looked for or not; aftercare itself
starts where no further level of care follows (docs/decisions/0117-aftercare.md, 0156-a-call-after-every-discharge.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from services.aftercare.contacts.contacts import Contact, recorded
from services.aftercare.contacts.deaths import DECEASED, Deaths, Decision, deaths_of, decide
from services.aftercare.contacts.stays import ZoneOf, ends_later, first_day, kind_of_end
from services.aftercare.decisions.ids import id_of
from services.aftercare.decisions.own_facts import heading, moved
from services.aftercare.decisions.situation import Decided, Situation
from services.aftercare.referrals import referrals
from services.aftercare.windows.ends import Start, ends, leaves_plans
from shared.errors import Rejected
from shared.events.aftercare import AftercareClosed, AftercareReferred, AftercareStarted
from shared.events.base import CareFact, LabelledHeading
from shared.events.episodes import EpisodeState, StayNow
from shared.events.levels import ROUND_THE_CLOCK
from shared.facts.envelope import Fact
from shared.site.config import Site


def awaited(document: EpisodeState) -> bool:
    """True while a next level of care is on its way: a program is being looked for, or has a first day that is to
    come."""
    return document.search is not None or document.next_start is not None


def begun(
    found: Sequence[Start], document: EpisodeState, standing: Sequence[Fact], over_by: datetime | None
) -> tuple[Start, ...]:
    """Those of `found` with which aftercare has started: at once, or after the wait once a timer (`over_by`) found that
    nothing followed. A start that was stated stands, at its time, as long as the end of its stay does."""
    told = stated_starts(standing)
    over = None if awaited(document) else over_by
    return tuple(
        s for s in found if not s.waits or is_stated(s, told) or (over and s.at <= over and may_start(s, standing))
    )


def stated_starts(standing: Sequence[Fact]) -> dict[str, datetime]:
    """trigger → when: the ce_ids of the ends with which aftercare has started, and the time that was stated."""
    return {told.trigger: told.occurred_at for fact in standing if isinstance(told := fact.value, AftercareStarted)}


def is_stated(start: Start, told: Mapping[str, datetime]) -> bool:
    """True when this start was stated for the same time; where the end has moved since, the wait begins anew."""
    at = told.get(start.trigger)
    return at is not None and at.timestamp() == start.at.timestamp()


def may_start(start: Start, standing: Sequence[Fact]) -> bool:
    """True when a timer may still start aftercare: no stay followed, and nobody has closed the plan."""
    return not start.followed and start.plan_id not in _outcomes(standing)


def _outcomes(standing: Sequence[Fact]) -> dict[str | None, str]:
    return {told.plan_id: told.outcome for fact in standing if isinstance(told := fact.value, AftercareClosed)}


class _PlanHeading(LabelledHeading):
    """The fields that every fact at a plan's beginning has."""

    derived_from: tuple[str, ...]
    plan_id: str
    template: str | None


def ought(
    found: Sequence[Start],
    document: EpisodeState,
    standing: Sequence[Fact],
    recorded_at: datetime,
    deaths: Deaths,
) -> Iterator[CareFact]:
    """For each start its `aftercare-started`, and the referrals of its template that nobody has moved yet; no referrals
    where a death stops them."""
    people_s = moved(standing)
    for start in found:
        own: _PlanHeading = {
            **heading(document, start.facility, start.at, recorded_at),
            "derived_from": (start.trigger,),
            "plan_id": start.plan_id,
            "template": start.template.name if start.template else None,
        }
        yield AftercareStarted(**own, trigger=start.trigger)
        if deaths.stops(start.facility) is None:
            yield from (r for r in _referrals(start, own) if r.referral_id not in people_s)


def _referrals(start: Start, own: _PlanHeading) -> Iterator[AftercareReferred]:
    for number, each in enumerate(start.template.referrals if start.template else ()):
        yield AftercareReferred(
            **own,
            referral_id=id_of(start.plan_id, each.kind, str(number)),
            kind=each.kind,
            provider=each.provider,
            due_by=start.left + timedelta(days=each.due_days),
        )


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a plan's template asks for between `opens` and `closes`. `kept_by`: the ce_id of the contact that met
    it, `late` where that came after `closes`."""

    name: str
    opens: datetime
    closes: datetime
    kept_by: str | None = None
    late: bool = False


PlanState = Literal["active", "in-care", "over", "closed"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan and its state: `active`; `in-care` while another stay has taken the patient over; `over` when another plan
    began, the episode was closed, or the patient died or is in other hands; `closed` by a person, with an outcome.

    `started_at`: when aftercare started, None while it has not. `stopped`: why nobody calls the patient any more.
    """

    start: Start
    state: PlanState
    started_at: datetime | None
    outcome: str | None
    calls: tuple[Call, ...]
    stopped: str | None

    @property
    def plan_id(self) -> str:
        """The plan's id."""
        return self.start.plan_id

    @property
    def due(self) -> datetime | None:
        """By when the patient has to be called next; None where no call is asked for."""
        asked = self.state == "active" and self.stopped is None
        return min((call.closes for call in self.calls if call.kept_by is None), default=None) if asked else None


def plans(document: EpisodeState, standing: Sequence[Fact], site: Site) -> tuple[Plan, ...]:
    """The plans of an episode by their time: those that go on, those that aftercare started with, and those that
    somebody acted on.

    A plan that was taken over by the next level of care before any of this is left out.
    """
    deaths = deaths_of(document, standing)
    found = sorted(ends(document, site, deaths), key=lambda start: (start.left_at, start.trigger))
    started = stated_starts(standing)
    used = {told.plan_id for f in standing if isinstance(told := f.value, AftercareReferred | AftercareClosed)}
    outcomes, contacts = _outcomes(standing), recorded(standing)
    known = []
    for n, start in enumerate(found, 1):
        over = n < len(found) or _is_over(start, document, site, deaths)
        state = _state(start, document, site.zone, over=over, closed=start.plan_id in outcomes)
        if state == "active" or start.trigger in started or start.plan_id in used:
            since = [contact for contact in contacts if contact.at >= start.left_at]
            stopped = deaths.stops(start.facility) or _stopped(start, document, since)
            calls = tuple(_calls(start, since))
            known.append(Plan(start, state, started.get(start.trigger), outcomes.get(start.plan_id), calls, stopped))
    return tuple(known)


def _state(start: Start, document: EpisodeState, zone_of: ZoneOf, *, over: bool, closed: bool) -> PlanState:
    if closed:
        return "closed"
    if over:
        return "over"
    return "in-care" if _in_care(start, document, zone_of) else "active"


def _is_over(start: Start, document: EpisodeState, site: Site, deaths: Deaths) -> bool:
    """True when the patient has died or is in other hands since, or the episode is closed other than by a death that
    only another facility reported."""
    if deaths.stops(start.facility) == DECEASED or (document.state == "closed" and not deaths.reported):
        return True
    gone = (stay for stay in document.stays if stay.ended_by and not leaves_plans(stay, site, deaths))
    mine = (stay for stay in gone if kind_of_end(stay) != DECEASED or stay.facility == start.facility)
    return any(stay.to is not None and stay.to >= start.left_at for stay in mine)


def _in_care(start: Start, document: EpisodeState, zone_of: ZoneOf) -> bool:
    """True when another stay has taken the patient over: a 24-hour stay that goes on, a stay begun on the leaving day
    or later, or one that was open before and was attended since. A program stay that nobody attended does not count."""
    ended = next((stay for stay in document.stays if stay.ended_by and stay.ended_by.ce_id == start.trigger), None)
    others = [other for other in document.stays if other is not ended and other.level is not None]
    return ended is not None and any(_took_over(other, ended, start, zone_of) for other in others)


def _took_over(other: StayNow, ended: StayNow, start: Start, zone_of: ZoneOf) -> bool:
    if not ends_later(other, ended):
        return False
    begun_since = other.level in ROUND_THE_CLOCK or first_day(other, zone_of) >= start.left
    return begun_since or any(day.date > start.left for day in other.attended or ())


def _calls(start: Start, since: Iterable[Contact]) -> Iterator[Call]:
    """The template's calls, their times counted from the end of the stay, each with the contact that met it; none
    without a template."""
    kept = [contact for contact in since if contact.kept]
    for each in start.template.contacts if start.template else ():
        opens = start.left_at + timedelta(hours=each.from_hours)
        closes = start.left_at + timedelta(hours=each.to_hours)
        by = next((contact for contact in kept if contact.at >= opens), None)
        yield Call(each.name, opens, closes, by.ce_id if by else None, late=by is not None and by.at > closes)


def _stopped(start: Start, document: EpisodeState, since: Iterable[Contact]) -> str | None:
    """`declined` where the patient wants no calls or no further care; None where neither was said."""
    no_care = document.declined_at is not None and document.declined_at >= start.left_at
    return "declined" if no_care or any(contact.outcome == "declined" for contact in since) else None


def decide_calls(now: Situation, plan_id: str, decision: Decision) -> Decided:
    """Decide whether calls go on at the plan's facility after a death that another facility reported. Raises Rejected
    where nothing is to be decided."""
    plan = next((one for one in plans(now.document, now.standing, now.site) if one.plan_id == plan_id), None)
    if plan is None:
        raise Rejected("no-such-plan", "the plan was taken back with the end that it began with")
    return replace(decide(now, plan.start.facility, decision), subject=plan_id)


def active(now: Situation) -> Plan:
    """The plan that is active. Raises Rejected where none is."""
    told = plans(now.document, now.standing, now.site)
    if not told:
        raise Rejected("not-started", "aftercare has not started in this episode", state=now.state)
    if told[-1].state != "active":
        raise Rejected("not-active", f"the last plan of the episode is {told[-1].state}", state=told[-1].state)
    return told[-1]


def close(now: Situation, plan_id: str, outcome: str) -> Decided:
    """End aftercare with an outcome. Raises Rejected for a plan that is not active, for one before aftercare has
    started while a program is looked for, and for `goals-met` while referrals are open."""
    plan = active(now)
    if plan.plan_id != plan_id:
        raise Rejected("not-active", "another plan of the episode is going on", state="over")
    if plan.started_at is None and awaited(now.document):
        text = (
            "a program is looked for, or has agreed to a first day: end that first; a patient who wants no calls is "
            "recorded as a contact, declined"
        )
        raise Rejected("search-open", text, state="active")
    left = [r for r in referrals.fold(now.standing).values() if r.state not in referrals.ENDS]
    if outcome == "goals-met" and left:
        text = f"{len(left)} referrals are open: bring them to an end first, or close with another outcome"
        raise Rejected("referrals-open", text, state="active", possible=("another outcome",))
    fact = AftercareClosed(**now.heading(plan.start.facility), outcome=outcome, plan_id=plan_id)
    return Decided((fact,), subject=plan_id)
