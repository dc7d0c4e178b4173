"""Contacts with the patient and appointments: what they count as, and the facts that record them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from services.aftercare.decisions.commands import RecordContact, Schedule
from services.aftercare.decisions.own_facts import ActiveFact
from services.aftercare.decisions.situation import Decided, Situation
from shared.errors import Rejected
from shared.events.aftercare import AppointmentScheduled, ContactAttempted

KEPT = frozenset({"reached", "attended"})
MISSED = frozenset({"no-answer", "left-message", "no-show"})
"""Other outcomes (declined, wrong-number, cancelled, other) say neither."""
DONE = {"attended": "kept", "reached": "kept", "no-show": "missed", "cancelled": "cancelled"}
"""What a contact with its outcome makes of the appointment that it was."""


class Contact(NamedTuple):
    """One contact as recorded, or an appointment that the patient did not come to."""

    ce_id: str
    at: datetime
    mode: str
    outcome: str
    provider_kind: str | None = None
    facility: str = ""

    @property
    def kept(self) -> bool:
        """The patient was reached or seen."""
        return self.outcome in KEPT

    @property
    def missed(self) -> bool:
        """Nobody was reached, or the patient did not come."""
        return self.outcome in MISSED


def recorded(standing: Iterable[ActiveFact]) -> tuple[Contact, ...]:
    """Contacts, and appointments of referrals that the patient missed, by their time."""
    found = [contact for s in standing if (contact := _contact(s)) is not None]
    return tuple(sorted(found, key=lambda contact: (contact.at, contact.ce_id)))


def _contact(s: ActiveFact) -> Contact | None:
    value = s.value
    if s.name == "contact-attempted":
        at = datetime.fromisoformat(value["at"])
        return Contact(s.ce_id, at, value["mode"], value["outcome"], value.get("provider_kind"), value["facility"])
    if s.name == "referral-no-show":
        at = datetime.fromisoformat(value["occurred_at"])
        return Contact(s.ce_id, at, "in-person", "no-show", None, value["facility"])
    return None


def record(now: Situation, asked: RecordContact) -> Decided:
    """A contact. Raises Rejected for an appointment that is not there or is over."""
    _some_care(now)
    if asked.appointment_id is not None:
        _open(now, asked.appointment_id)
    contact_id = now.new_id()
    fact = ContactAttempted(
        **{**now.common(now.home), "occurred_at": asked.at},
        contact_id=contact_id,
        **asked.model_dump(exclude={"episode_id"}),
    )
    return Decided((fact,), subject=contact_id)


def withdraw(now: Situation, contact_id: str, reason: str) -> Decided:
    """Take a contact back that was recorded in error; what followed from it goes with it (contract 3.5)."""
    found = next((s for s in now.named(ContactAttempted.TYPE) if s.value["contact_id"] == contact_id), None)
    if found is None:
        raise Rejected("no-such-contact", "the contact was taken back before", state="taken-back")
    return Decided(taken_back=((found, reason),), subject=contact_id)


def schedule(now: Situation, asked: Schedule) -> Decided:
    """An appointment that no referral is behind."""
    _some_care(now)
    fact = appointment(now, now.home, asked.at, asked.mode)
    return Decided((fact,), subject=str(fact.appointment_id))


def appointment(
    now: Situation, facility: str, at: datetime, mode: str, referral_id: str | None = None
) -> AppointmentScheduled:
    """The fact that there is an appointment."""
    return AppointmentScheduled(
        **now.common(facility), at=at, mode=mode, appointment_id=now.new_id(), referral_id=referral_id
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


def appointments(standing: Iterable[ActiveFact]) -> dict[str, str]:
    """Each appointment's state: scheduled, kept, missed or cancelled."""
    state: dict[str, str] = {}
    of_referral: dict[str, str] = {}
    for s in standing:
        _appointment_moves(s, state, of_referral)
    return state


def _appointment_moves(s: ActiveFact, state: dict[str, str], of_referral: dict[str, str]) -> None:
    if s.name == "appointment-scheduled":
        state[s.value["appointment_id"]] = "scheduled"
        if "referral_id" in s.value:
            of_referral[s.value["referral_id"]] = s.value["appointment_id"]
    elif s.name == "contact-attempted" and s.value.get("appointment_id") in state:
        was = s.value["appointment_id"]
        state[was] = DONE.get(s.value["outcome"], state[was])
    elif s.name in _BY_REFERRAL and state.get(of_referral.get(s.value["referral_id"], "")) == "scheduled":
        state[of_referral[s.value["referral_id"]]] = _BY_REFERRAL[s.name]


_BY_REFERRAL = {
    "referral-no-show": "missed",
    "referral-rescheduled": "cancelled",
    "referral-declined": "cancelled",
    "referral-cancelled": "cancelled",
    "referral-completed": "kept",
}
