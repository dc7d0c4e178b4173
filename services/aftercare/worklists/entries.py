"""Plans, referrals, contacts, appointments and risks as lists show them, folded from the facts that stand. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from services.aftercare.contacts.contacts import appointments, recorded
from services.aftercare.contacts.deaths import DECEASED, Deaths, deaths_of
from services.aftercare.decisions.own_facts import ActiveFact
from services.aftercare.plans import plans
from services.aftercare.referrals import referrals
from shared.events.episodes import EpisodeState
from shared.site.config import Site

Kind = Literal["plan", "referral", "contact", "appointment", "risk"]
STATES: dict[Kind, tuple[str, ...]] = {
    "plan": ("active", "in-care", "over", "closed"),
    "referral": tuple(state.value for state in referrals.State),
    "contact": ("kept", "missed", "other"),
    "appointment": ("scheduled", "kept", "missed", "cancelled"),
    "risk": ("raised", "cleared"),
}


class Entry(NamedTuple):
    """One row of a list. `sort_at`: what lists are ordered by; when it is due, else when it was."""

    kind: Kind
    id: str
    facility: str
    state: str
    sort_at: datetime
    value: dict[str, Any]


def entries(document: EpisodeState, standing: Sequence[ActiveFact], site: Site) -> tuple[Entry, ...]:
    """Every entry of an episode; of who died nothing waits any more where that was told."""
    dead = deaths_of(document, standing)
    return (
        *_plans(document, standing, site),
        *_referrals(standing, site, dead),
        *_contacts(standing),
        *_appointments(standing, dead),
        *_risks(standing),
    )


def _plans(document: EpisodeState, standing: Sequence[ActiveFact], site: Site) -> Iterator[Entry]:
    of_plan = [s.value for s in standing if s.name == "aftercare-referred"]
    for plan in plans.plans(document, standing, site):
        start, active = plan.start, plan.state == "active"
        shown = {
            "trigger": start.trigger,
            "started_at": start.left_at.isoformat(),
            "aftercare_since": plan.started_at.isoformat() if plan.started_at else None,
            "template": start.template.name if start.template else None,
            "outcome": plan.outcome,
            "contacts": [_call(call) for call in plan.calls],
            "referrals": [r["referral_id"] for r in of_plan if r.get("plan_id") == plan.plan_id],
            "contact_due": plan.due.isoformat() if plan.due else None,
            "calls_stopped": plan.stopped,
            "search": document.search if active else None,
            "next_start": document.next_start.isoformat() if active and document.next_start else None,
        }
        sort_at = (plan.due or start.left_at).astimezone(UTC)
        yield Entry("plan", plan.plan_id, start.facility, plan.state, sort_at, _given(shown))


def _call(call: plans.Call) -> dict[str, Any]:
    told = {"name": call.name, "from": call.opens.isoformat(), "to": call.closes.isoformat(), "kept_by": call.kept_by}
    return _given(told | {"late": call.late or None})


def _referrals(standing: Sequence[ActiveFact], site: Site, dead: Deaths) -> Iterator[Entry]:
    for referral_id, referral in referrals.fold(standing).items():
        value = referral.value
        over = referral.state not in referrals.ENDS and dead.stops(value["facility"]) == DECEASED
        state = referrals.State.CANCELLED if over else referral.state
        names = ("kind", "provider", "due_by", "plan_id", "template", "instead_of")
        shown = {
            **{name: value.get(name) for name in names},
            "referred_at": value["occurred_at"],
            "history": list(referral.history),
            "possible": list(referrals.possible(state)),
            "stopped": DECEASED if over else None,
        }
        yield Entry("referral", referral_id, value["facility"], state.value, _due(value, site), _given(shown))


def _due(value: dict[str, Any], site: Site) -> datetime:
    if "due_by" not in value:
        return _at(value["occurred_at"])
    zone = site.zone(value["facility"])
    return datetime.fromisoformat(value["due_by"]).replace(tzinfo=zone).astimezone(UTC)


def _contacts(standing: Sequence[ActiveFact]) -> Iterator[Entry]:
    known = {contact.ce_id: contact for contact in recorded(standing)}
    for s in standing:
        if s.name == "contact-attempted":
            contact = known[s.ce_id]
            state = "kept" if contact.kept else "missed" if contact.missed else "other"
            shown = {name: s.value.get(name) for name in ("at", "mode", "outcome", "provider_kind", "appointment_id")}
            yield Entry("contact", s.value["contact_id"], s.value["facility"], state, _at(s.value["at"]), _given(shown))


def _appointments(standing: Sequence[ActiveFact], dead: Deaths) -> Iterator[Entry]:
    states = appointments(standing)
    for s in standing:
        if s.name == "appointment-scheduled":
            each, facility = s.value["appointment_id"], s.value["facility"]
            over = states[each] == "scheduled" and dead.stops(facility) == DECEASED
            state = "cancelled" if over else states[each]
            shown = {name: s.value.get(name) for name in ("at", "mode", "referral_id")}
            yield Entry("appointment", each, facility, state, _at(s.value["at"]), _given(shown))


def _risks(standing: Sequence[ActiveFact]) -> Iterator[Entry]:
    cleared = {s.value["risk_id"]: s.value for s in standing if s.name == "relapse-risk-cleared"}
    for s in standing:
        if s.name == "relapse-risk-raised":
            by = cleared.get(s.value["risk_id"], {})
            shown = {
                "signals": s.value["signals"],
                "raised_at": s.value["occurred_at"],
                "cleared_at": by.get("occurred_at"),
                "reason": by.get("reason"),
                "decided_by": by.get("decided_by"),
            }
            state = "cleared" if by else "raised"
            raised_at = _at(s.value["occurred_at"])
            yield Entry("risk", s.value["risk_id"], s.value["facility"], state, raised_at, _given(shown))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _given(value: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in value.items() if each is not None}
