"""Contacts with the patient and appointments: which count as kept or missed, and the facts that record them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple

from services.aftercare.decisions.commands import RecordContact, Schedule
from services.aftercare.decisions.situation import Decided, Situation
from shared.errors import Rejected
from shared.events.aftercare import (
    AppointmentScheduled,
    ContactAttempted,
    Mode,
    ReferralCancelled,
    ReferralCompleted,
    ReferralDeclined,
    ReferralMove,
    ReferralNoShow,
    ReferralRescheduled,
)
from shared.events.base import CareFact
from shared.facts.envelope import Fact

KEPT = frozenset({"reached", "attended"})
MISSED = frozenset({"no-answer", "left-message", "no-show"})
"""Other outcomes (declined, wrong-number, cancelled, other) say neither."""
AppointmentState = Literal["scheduled", "kept", "missed", "cancelled"]
DONE: dict[str, AppointmentState] = {
    "attended": "kept",
    "reached": "kept",
    "no-show": "missed",
    "cancelled": "cancelled",
}
"""What a contact with its outcome makes of the appointment that it was."""


class Contact(NamedTuple):
    """One recorded attempt to reach or see the patient, or an appointment that the patient did not come to."""

    ce_id: str
    at: datetime
    mode: Mode
    outcome: str
    provider_kind: str | None = None
    facility: str = ""

    @property
    def kept(self) -> bool:
        """True when the patient was reached or seen."""
        return self.outcome in KEPT

    @property
    def missed(self) -> bool:
        """True when nobody was reached, or the patient did not come to an appointment."""
        return self.outcome in MISSED


def recorded(standing: Iterable[Fact]) -> tuple[Contact, ...]:
    """From the standing facts: contacts and missed appointments of referrals, sorted by their time."""
    found = [contact for fact in standing if (contact := contact_of(fact)) is not None]
    return tuple(sorted(found, key=lambda contact: (contact.at, contact.ce_id)))


def contact_of(fact: Fact) -> Contact | None:
    """The contact that this fact records, or None for a fact of another kind."""
    match fact.value:
        case ContactAttempted() as told:
            return Contact(fact.id, told.at, told.mode, told.outcome, told.provider_kind, told.facility)
        case ReferralNoShow() as told:
            return Contact(fact.id, told.occurred_at, "in-person", "no-show", None, told.facility)
        case _:
            return None


def record(now: Situation, asked: RecordContact) -> Decided:
    """Record a contact. Raises Rejected where it names an appointment that does not exist or is over."""
    _some_care(now)
    if asked.appointment_id is not None:
        _open(now, asked.appointment_id)
    contact_id = now.new_id()
    fact = ContactAttempted(
        **now.heading(now.home, asked.at),
        at=asked.at,
        mode=asked.mode,
        outcome=asked.outcome,
        contact_id=contact_id,
        provider_kind=asked.provider_kind,
        appointment_id=asked.appointment_id,
    )
    return Decided((fact,), subject=contact_id)


def withdraw(now: Situation, contact_id: str, reason: str) -> Decided:
    """Take back a contact that was recorded in error; what was derived from it is taken back too (contract 3.5)."""
    found = next((fact for fact in now.standing if _records(fact.value, contact_id)), None)
    if found is None:
        raise Rejected("no-such-contact", "the contact was taken back before", state="taken-back")
    return Decided(taken_back=((found, reason),), subject=contact_id)


def _records(value: CareFact, contact_id: str) -> bool:
    return isinstance(value, ContactAttempted) and value.contact_id == contact_id


def schedule(now: Situation, asked: Schedule) -> Decided:
    """Schedule an appointment that belongs to no referral."""
    _some_care(now)
    fact = appointment(now, now.home, asked.at, asked.mode)
    return Decided((fact,), subject=str(fact.appointment_id))


def appointment(
    now: Situation, facility: str, at: datetime, mode: Mode, referral_id: str | None = None
) -> AppointmentScheduled:
    """The fact that states a new appointment, with an id of its own."""
    return AppointmentScheduled(
        **now.heading(facility), at=at, mode=mode, appointment_id=now.new_id(), referral_id=referral_id
    )


def _some_care(now: Situation) -> None:
    if not now.document.stays:
        raise Rejected("no-care-yet", "the patient has not been in care in this episode", state=now.state)


def _open(now: Situation, appointment_id: str) -> None:
    state = appointments(now.standing).get(appointment_id)
    if state is None:
        raise Rejected("no-such-appointment", "the episode has no such appointment", possible=("leave it out",))
    if state != "scheduled":
        raise Rejected("appointment-is-over", f"the appointment is {state}", state=state, possible=("leave it out",))


def appointments(standing: Iterable[Fact]) -> dict[str, AppointmentState]:
    """appointment_id → the appointment's state, from the standing facts."""
    state: dict[str, AppointmentState] = {}
    of_referral: dict[str, str] = {}
    for fact in standing:
        _appointment_moves(fact.value, state, of_referral)
    return state


def _appointment_moves(value: CareFact, state: dict[str, AppointmentState], of_referral: dict[str, str]) -> None:
    match value:
        case AppointmentScheduled(appointment_id=str(each), referral_id=referral_id):
            state[each] = "scheduled"
            if referral_id is not None:
                of_referral[referral_id] = each
        case ContactAttempted(appointment_id=str(each), outcome=outcome) if each in state:
            state[each] = DONE.get(outcome, state[each])
        case ReferralMove(referral_id=referral_id) if (after := _BY_REFERRAL.get(type(value))) is not None:
            was = of_referral.get(referral_id)
            if was is not None and state[was] == "scheduled":
                state[was] = after


_BY_REFERRAL: dict[type[CareFact], AppointmentState] = {
    ReferralNoShow: "missed",
    ReferralRescheduled: "cancelled",
    ReferralDeclined: "cancelled",
    ReferralCancelled: "cancelled",
    ReferralCompleted: "kept",
}
"""What a move of the referral makes of its appointment."""
