"""Plans, referrals, contacts, appointments and risks in the form of list entries, computed from standing facts.
Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Literal, NamedTuple

import msgspec

from services.aftercare.contacts.contacts import appointments, contact_of
from services.aftercare.contacts.deaths import DECEASED, Deaths, deaths_of
from services.aftercare.decisions.leftovers import leftovers
from services.aftercare.plans import plans
from services.aftercare.referrals import referrals
from shared.events.aftercare import (
    AftercareReferred,
    AppointmentScheduled,
    ContactAttempted,
    Mode,
    ReferralMove,
    RelapseRiskCleared,
    RelapseRiskRaised,
)
from shared.events.episodes import EpisodeState
from shared.facts.envelope import Fact
from shared.site.config import Site

Kind = Literal["plan", "referral", "contact", "appointment", "risk", "leftover"]
STATES: dict[Kind, tuple[str, ...]] = {
    "plan": ("active", "in-care", "over", "closed"),
    "referral": tuple(state.value for state in referrals.State),
    "contact": ("kept", "missed", "other"),
    "appointment": ("scheduled", "kept", "missed", "cancelled"),
    "risk": ("raised", "cleared"),
    "leftover": ("open", "stays"),
}


class _Shown(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a list shows of an entry; fields that are None are left out of the JSON.

    The fields stand in the order in which PostgreSQL's `jsonb` keeps them (shorter names first, then by their bytes),
    so that the JSON of an answer has them in that order too.
    """


class CallEntry(_Shown, frozen=True, kw_only=True):
    """A call of the plan's template: from when to when it is due, and the ce_id of the contact that met it."""

    closes: datetime = msgspec.field(name="to")
    opens: datetime = msgspec.field(name="from")
    late: bool = False
    name: str
    kept_by: str | None = None


class PlanEntry(_Shown, frozen=True, kw_only=True):
    """A plan. `contact_due`: by when the patient has to be called next; `calls_stopped`: why nobody calls any more."""

    search: str | None = None
    outcome: str | None = None
    trigger: str
    contacts: tuple[CallEntry, ...]
    template: str | None = None
    referrals: tuple[str, ...]
    next_start: date | None = None
    started_at: datetime
    contact_due: datetime | None = None
    missed_start: date | None = None
    calls_stopped: str | None = None
    aftercare_since: datetime | None = None


class MoveEntry(_Shown, frozen=True, kw_only=True):
    """One move of a referral: which, when, and by whom."""

    at: datetime
    by: Literal["provider", "patient"]
    move: str
    reason: str | None = None


class ReferralEntry(_Shown, frozen=True, kw_only=True):
    """A referral. `possible`: the moves that it has now; `stopped`: why nothing more is asked; `unreplaced`: it came to
    nothing, no other referral stands in for it, and it is for a need or its plan goes on."""

    kind: str
    need: str | None = None
    due_by: date | None = None
    history: tuple[MoveEntry, ...]
    plan_id: str | None = None
    stopped: str | None = None
    possible: tuple[str, ...]
    provider: str | None = None
    template: str | None = None
    instead_of: str | None = None
    unreplaced: bool = False
    referred_at: datetime


class ContactEntry(_Shown, frozen=True, kw_only=True):
    """An attempt to reach or see the patient."""

    at: datetime
    mode: Mode
    outcome: str
    provider_kind: str | None = None
    appointment_id: str | None = None


class AppointmentEntry(_Shown, frozen=True, kw_only=True):
    """An appointment, and the referral that it belongs to."""

    at: datetime
    mode: Mode
    referral_id: str | None = None


class RiskEntry(_Shown, frozen=True, kw_only=True):
    """A risk of relapse; once a person judged it over, with the reason and who decided."""

    reason: str | None = None
    signals: tuple[str, ...]
    raised_at: datetime
    cleared_at: datetime | None = None
    decided_by: str | None = None


class LeftoverEntry(_Shown, frozen=True, kw_only=True):
    """What a merge that was taken back left here: the names of the facts, since when, and the other episode."""

    at: datetime
    facts: tuple[str, ...]
    merged: str


EntryValue = PlanEntry | ReferralEntry | ContactEntry | AppointmentEntry | RiskEntry | LeftoverEntry
VALUES: dict[Kind, type[EntryValue]] = {
    "plan": PlanEntry,
    "referral": ReferralEntry,
    "contact": ContactEntry,
    "appointment": AppointmentEntry,
    "risk": RiskEntry,
    "leftover": LeftoverEntry,
}
"""Kind of an entry → what a list shows of it."""


class Entry(NamedTuple):
    """One row of a list. `sort_at`: what lists are sorted by, in UTC: when the entry is due, else when it happened."""

    kind: Kind
    id: str
    facility: str
    state: str
    sort_at: datetime
    value: EntryValue


def entries(document: EpisodeState, standing: Sequence[Fact], site: Site) -> tuple[Entry, ...]:
    """Every list entry of an episode. After a reported death, open referrals and appointments are shown as
    cancelled."""
    dead, made = deaths_of(document, standing), plans.plans(document, standing, site)
    return (
        *_plans(document, standing, made),
        *_referrals(standing, site, dead, frozenset(plan.plan_id for plan in made if plan.state == "active")),
        *_contacts(standing),
        *_appointments(standing, dead),
        *_risks(standing),
        *_leftovers(document, standing),
    )


def _plans(document: EpisodeState, standing: Sequence[Fact], made: Sequence[plans.Plan]) -> Iterator[Entry]:
    of_plan = [told for fact in standing if isinstance(told := fact.value, AftercareReferred)]
    for plan in made:
        start, active = plan.start, plan.state == "active"
        shown = PlanEntry(
            trigger=start.trigger,
            started_at=start.left_at,
            aftercare_since=plan.started_at,
            template=start.template.name if start.template else None,
            outcome=plan.outcome,
            contacts=tuple(_call(call) for call in plan.calls),
            referrals=tuple(each.referral_id for each in of_plan if each.plan_id == plan.plan_id),
            contact_due=plan.due,
            calls_stopped=plan.stopped,
            search=document.search if active else None,
            next_start=document.next_start if active else None,
            missed_start=document.missed_start if active else None,
        )
        yield Entry(
            "plan", plan.plan_id, start.facility, plan.state, (plan.due or start.left_at).astimezone(UTC), shown
        )


def _call(call: plans.Call) -> CallEntry:
    return CallEntry(name=call.name, opens=call.opens, closes=call.closes, kept_by=call.kept_by, late=call.late)


def _referrals(standing: Sequence[Fact], site: Site, dead: Deaths, active: Collection[str]) -> Iterator[Entry]:
    """`active`: ids of the plans that go on."""
    made = referrals.fold(standing)
    replaced = {each.value.instead_of for each in made.values()}
    for referral_id, referral in made.items():
        asked = referral.value
        over = referral.state not in referrals.ENDS and dead.stops(asked.facility) == DECEASED
        state = referrals.State.CANCELLED if over else referral.state
        shown = ReferralEntry(
            kind=asked.kind,
            provider=asked.provider,
            due_by=asked.due_by,
            plan_id=asked.plan_id,
            template=asked.template,
            instead_of=asked.instead_of,
            unreplaced=(
                state in referrals.TO_NOTHING
                and referral_id not in replaced
                and (asked.need is not None or asked.plan_id in active)
            ),
            need=asked.need,
            referred_at=asked.occurred_at,
            history=tuple(_move(each) for each in referral.history),
            possible=referrals.possible(state),
            stopped=DECEASED if over else None,
        )
        yield Entry("referral", referral_id, asked.facility, state.value, _due(asked, site), shown)


def _move(told: ReferralMove) -> MoveEntry:
    return MoveEntry(move=referrals.name_of(told), at=told.occurred_at, by=told.by, reason=told.reason)


def _due(asked: AftercareReferred, site: Site) -> datetime:
    if asked.due_by is None:
        return asked.occurred_at.astimezone(UTC)
    return datetime.combine(asked.due_by, time.min, site.zone(asked.facility)).astimezone(UTC)


def _contacts(standing: Sequence[Fact]) -> Iterator[Entry]:
    for fact in standing:
        contact = contact_of(fact)
        if contact is not None and isinstance(told := fact.value, ContactAttempted):
            state = "kept" if contact.kept else "missed" if contact.missed else "other"
            shown = ContactEntry(
                at=told.at,
                mode=told.mode,
                outcome=told.outcome,
                provider_kind=told.provider_kind,
                appointment_id=told.appointment_id,
            )
            yield Entry("contact", str(told.contact_id), told.facility, state, told.at.astimezone(UTC), shown)


def _appointments(standing: Sequence[Fact], dead: Deaths) -> Iterator[Entry]:
    states = appointments(standing)
    for fact in standing:
        if isinstance(told := fact.value, AppointmentScheduled):
            each = str(told.appointment_id)
            over = states[each] == "scheduled" and dead.stops(told.facility) == DECEASED
            state = "cancelled" if over else states[each]
            shown = AppointmentEntry(at=told.at, mode=told.mode, referral_id=told.referral_id)
            yield Entry("appointment", each, told.facility, state, told.at.astimezone(UTC), shown)


def _risks(standing: Sequence[Fact]) -> Iterator[Entry]:
    cleared = {told.risk_id: told for fact in standing if isinstance(told := fact.value, RelapseRiskCleared)}
    for fact in standing:
        if isinstance(told := fact.value, RelapseRiskRaised):
            by = cleared.get(told.risk_id)
            shown = RiskEntry(
                signals=told.signals,
                raised_at=told.occurred_at,
                cleared_at=by.occurred_at if by else None,
                reason=by.reason if by else None,
                decided_by=by.decided_by if by else None,
            )
            raised_at = told.occurred_at.astimezone(UTC)
            yield Entry("risk", str(told.risk_id), told.facility, "cleared" if by else "raised", raised_at, shown)


def _leftovers(document: EpisodeState, standing: Sequence[Fact]) -> Iterator[Entry]:
    for one in leftovers(document, standing):
        first = one.facts[0].value
        names = tuple(fact.name for fact in one.facts)
        shown = LeftoverEntry(at=first.recorded_at, facts=names, merged=one.merge.episode_id)
        state = "stays" if one.kept else "open"
        yield Entry("leftover", one.id, first.facility, state, first.recorded_at.astimezone(UTC), shown)
