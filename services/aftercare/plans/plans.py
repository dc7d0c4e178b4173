"""When aftercare starts, what its plan begins with, how the plan stands, whom it has called, and its end. Pure.

A plan begins with an end at home, whether a program is looked for or not, and asks for its calls from then on;
aftercare itself starts where nothing follows (docs/decisions/0117-aftercare.md, 0156-a-call-after-every-discharge.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from services.aftercare.contacts.contacts import Contact, recorded
from services.aftercare.contacts.deaths import DECEASED, Deaths, Decision, deaths_of, decide
from services.aftercare.contacts.stays import ZoneOf, ends_later, first_day, said_of_end
from services.aftercare.decisions.ids import id_of
from services.aftercare.decisions.own_facts import Heading, heading, moved
from services.aftercare.decisions.situation import Decided, Situation
from services.aftercare.referrals import referrals
from services.aftercare.windows.ends import Start, ends, leaves_plans
from shared.errors import Rejected
from shared.events.aftercare import AftercareClosed, AftercareReferred, AftercareStarted
from shared.events.base import CareFact
from shared.events.episodes import EpisodeState, StayNow
from shared.events.levels import ROUND_THE_CLOCK
from shared.facts.envelope import Fact
from shared.site.config import Site


def awaited(document: EpisodeState) -> bool:
    """Whether the next level is on its way: a program is looked for, or took the patient who has not come yet."""
    return document.search is not None or document.next_start is not None


def begun(
    found: Sequence[Start], document: EpisodeState, standing: Sequence[Fact], over_by: datetime | None
) -> tuple[Start, ...]:
    """Those that have started: at once, or when the timer found the wait over and nothing awaited or begun since; once
    started it stands as long as its end does, at the time that it has."""
    told = told_starts(standing)
    over = None if awaited(document) else over_by
    return tuple(
        s for s in found if not s.waits or is_told(s, told) or (over and s.at <= over and may_start(s, standing))
    )


def told_starts(standing: Sequence[Fact]) -> dict[str, datetime]:
    """The ends (ce_id) with which aftercare has started, and when."""
    return {told.trigger: told.occurred_at for fact in standing if isinstance(told := fact.value, AftercareStarted)}


def is_told(start: Start, told: Mapping[str, datetime]) -> bool:
    """Whether this start was told; one whose end is at another time now is to be waited for anew."""
    at = told.get(start.trigger)
    return at is not None and at.timestamp() == start.at.timestamp()


def may_start(start: Start, standing: Sequence[Fact]) -> bool:
    """Whether a timer may still say that nothing followed: nothing did, and nobody ended the plan before."""
    return not start.followed and start.plan_id not in _outcomes(standing)


def _outcomes(standing: Sequence[Fact]) -> dict[str | None, str]:
    return {told.plan_id: told.outcome for fact in standing if isinstance(told := fact.value, AftercareClosed)}


class _PlanHeading(Heading):
    """What every fact has that a plan begins with."""

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
    """The facts of what has started: the start, and the template's referrals that nobody has moved yet, where anybody
    is asked anything."""
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
    """A contact that the plan asks for, between two instants, and the contact that it was: `late` where after them."""

    name: str
    opens: datetime
    closes: datetime
    kept_by: str | None = None
    late: bool = False


PlanState = Literal["active", "in-care", "over", "closed"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it stands: active; in-care while another stay took the patient over; over when another plan began, the
    episode was closed, or the patient died or went into other hands; closed by a person, with an outcome.

    `started_at`: since when aftercare goes on; None while it has not started. `stopped`: why nobody is called any more.
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
        """Until when the patient is to be called next."""
        asked = self.state == "active" and self.stopped is None
        return min((call.closes for call in self.calls if call.kept_by is None), default=None) if asked else None


def plans(document: EpisodeState, standing: Sequence[Fact], site: Site) -> tuple[Plan, ...]:
    """The plans that go on, that aftercare started with, or that somebody did something about, by their time.

    One that the next level of care took over before any of it happened was needless: it is none.
    """
    deaths = deaths_of(document, standing)
    found = sorted(ends(document, site, deaths), key=lambda start: (start.left_at, start.trigger))
    started = told_starts(standing)
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
    """Dead, or in other hands since; or the episode is closed, but by a death that only others told."""
    if deaths.stops(start.facility) == DECEASED or (document.state == "closed" and not deaths.told):
        return True
    gone = (stay for stay in document.stays if stay.ended_by and not leaves_plans(stay, site, deaths))
    mine = (stay for stay in gone if said_of_end(stay) != DECEASED or stay.facility == start.facility)
    return any(stay.to is not None and stay.to >= start.left_at for stay in mine)


def _in_care(start: Start, document: EpisodeState, zone_of: ZoneOf) -> bool:
    """Whether another stay took the patient over: a 24-hour one that goes on, one begun on the leaving day or later, or
    one that had waited and was attended since. A program that waits and was not attended has nobody in care."""
    ended = next((stay for stay in document.stays if stay.ended_by and stay.ended_by.ce_id == start.trigger), None)
    others = [other for other in document.stays if other is not ended and other.level is not None]
    return ended is not None and any(_took_over(other, ended, start, zone_of) for other in others)


def _took_over(other: StayNow, ended: StayNow, start: Start, zone_of: ZoneOf) -> bool:
    if not ends_later(other, ended):
        return False
    begun_since = other.level in ROUND_THE_CLOCK or first_day(other, zone_of) >= start.left
    return begun_since or any(day.date > start.left for day in other.attended or ())


def _calls(start: Start, since: Iterable[Contact]) -> Iterator[Call]:
    """The template's contacts, counted from the end of the stay, and who was reached; a config without it asks none."""
    kept = [contact for contact in since if contact.kept]
    for each in start.template.contacts if start.template else ():
        opens = start.left_at + timedelta(hours=each.from_hours)
        closes = start.left_at + timedelta(hours=each.to_hours)
        by = next((contact for contact in kept if contact.at >= opens), None)
        yield Call(each.name, opens, closes, by.ce_id if by else None, late=by is not None and by.at > closes)


def _stopped(start: Start, document: EpisodeState, since: Iterable[Contact]) -> str | None:
    """A patient who wants no calls, or no further care, is not called any more."""
    no_care = document.declined_at is not None and document.declined_at >= start.left_at
    return "declined" if no_care or any(contact.outcome == "declined" for contact in since) else None


def decide_calls(now: Situation, plan_id: str, decision: Decision) -> Decided:
    """Whether calls go on at the plan's facility, where it is to be asked first. Raises Rejected where it is not."""
    plan = next((one for one in plans(now.document, now.standing, now.site) if one.plan_id == plan_id), None)
    if plan is None:
        raise Rejected("no-such-plan", "the plan was taken back with the end that it began with")
    return replace(decide(now, plan.start.facility, decision), subject=plan_id)


def active(now: Situation) -> Plan:
    """The plan that is going on. Raises Rejected where there is none."""
    told = plans(now.document, now.standing, now.site)
    if not told:
        raise Rejected("not-started", "aftercare has not started in this episode", state=now.state)
    if told[-1].state != "active":
        raise Rejected("not-active", f"the last plan of the episode is {told[-1].state}", state=told[-1].state)
    return told[-1]


def close(now: Situation, plan_id: str, outcome: str) -> Decided:
    """End aftercare. Raises Rejected for a plan that is not going on, for one before aftercare has started while a
    program is looked for, and for reached goals with open referrals."""
    plan = active(now)
    if plan.plan_id != plan_id:
        raise Rejected("not-active", "another plan of the episode is going on", state="over")
    if plan.started_at is None and awaited(now.document):
        text = "a program is looked for, or has agreed to a first day: end that first; a patient who wants no calls is"
        raise Rejected("search-open", f"{text} recorded as a contact, declined", state="active")
    left = [r for r in referrals.fold(now.standing).values() if r.state not in referrals.ENDS]
    if outcome == "goals-met" and left:
        text = f"{len(left)} referrals are open: bring them to an end first, or close with another outcome"
        raise Rejected("referrals-open", text, state="active", possible=("another outcome",))
    fact = AftercareClosed(**now.heading(plan.start.facility), outcome=outcome, plan_id=plan_id)
    return Decided((fact,), subject=plan_id)
