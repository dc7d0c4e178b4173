"""Facts in words, for people who decide about them: what happened, where, on which day, and who reported it. Pure."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from services.placement.continuum.order import leaving_day
from services.placement.rules import Rules
from shared.events.base import Place
from shared.events.levels import WORDS
from shared.events.stays import (
    Absent,
    Attended,
    Completed,
    Discharged,
    Discontinued,
    PatientsMerged,
    VisitEnded,
)
from shared.facts.envelope import Fact
from shared.facts.places import places_of
from shared.web.wording import day
from shared.web.words import say

_WHO = {"intake": "the hospital", "placement": "the program or the desk", "aftercare": "aftercare"}
_WHAT = {
    "admitted": "admitted",
    "started": "first day",
    "transferred": "transferred",
    "leave-started": "went on leave",
    "leave-ended": "came back from leave",
    "discharged": "discharged",
    "completed": "completed the program",
    "discontinued": "ended before the goal",
    "attended": "attended a session",
    "absent": "missed a session",
    "visit-started": "came for a visit",
    "arrival-expected": "is expected",
    "arrival-cancelled": "is expected no more",
    "visit-ended": "left after a visit",
    "fact-cancelled": "took a statement back",
    "diagnosis-recorded": "recorded a diagnosis",
    "coverage-changed": "told another coverage",
    "search-opened": "a program is looked for",
    "search-closed": "nobody looks for a program any more",
    "offer-sent": "an offer was sent",
    "offer-countered": "another day was proposed",
    "offer-accepted": "the program accepted the offer",
    "offer-declined": "the program declined the offer",
    "offer-expired": "the offer was not answered in time",
    "offer-withdrawn": "the offer was withdrawn",
    "offer-reopened": "the program was asked again",
    "seat-held": "a seat was kept",
    "seat-released": "the seat was given back",
    "waitlisted": "put on the waiting list",
    "waitlist-left": "waits no longer",
    "placement-cancelled": "the placement was cancelled",
    "start-missed": "did not come on the first day",
    "handover-received": "the program confirmed the handover",
    "conflict-raised": "facts contradict each other",
    "conflict-settled": "a conflict was settled",
    "closed": "the episode was closed",
    "reopened": "the episode was taken up again",
    "episode-ended": "the episode was ended",
    "plan-recorded": "a plan was recorded",
    "medication-recorded": "a medication was handed over",
    "discharge-planned": "the discharge is planned",
    "ready-for-step": "ready to step down",
    "discharge-plan-cancelled": "the discharge is planned no more",
    "patient-agreed": "the patient agreed",
    "patient-declined": "the patient declined",
    "patient-died": "the patient died",
    "patients-merged": "the record was merged into another patient's",
    "patients-merged-here": "another record of the patient was merged into this one",
    "patients-unmerged": "the record is the patient's own again",
    "patients-linked": "the record was linked with another one of the same person",
    "patients-unlinked": "the link with another record was taken away",
    "merge-ended": "another record of the patient was taken apart from this one",
    "leftover-settled": "it was said whose it is that a merge left",
    "assigned": "somebody is in charge",
    "authorization-requested": "the payer was asked to authorize care",
    "authorization-pended": "the payer wants to know more",
    "authorization-approved": "the payer authorized care",
    "authorization-denied": "the payer did not authorize care",
    "authorization-extended": "the payer authorized more care",
    "authorization-ended": "the authorization ended",
    "follow-up-due": "a follow-up is due",
    "follow-up-kept": "the follow-up was kept",
    "follow-up-missed": "the follow-up was missed",
    "follow-up-excluded": "the follow-up does not count",
    "aftercare-started": "aftercare began",
    "aftercare-closed": "aftercare was closed",
    "aftercare-referred": "referred by aftercare",
    "appointment-scheduled": "an appointment was made",
    "assessed": "assessed",
    "calls-decided": "it was decided who calls",
    "certified": "a physician certified the level",
    "review-due": "a review is due",
    "benefits-told": "what was said of benefits or a price was noted",
    "review-done": "a review was done",
    "consent-recorded": "a consent was recorded",
    "consent-revoked": "a consent was taken back",
    "consent-expired": "a consent ran out",
    "contact-attempted": "a contact was tried",
    "disclosed": "something left the house",
    "placed": "placed",
    "readmitted": "readmitted",
    "referral-received": "the referral arrived",
    "referral-accepted": "the referral was accepted",
    "referral-declined": "the referral was declined",
    "referral-scheduled": "the referral has an appointment",
    "referral-rescheduled": "the referral has another appointment",
    "referral-completed": "the referral is done",
    "referral-no-show": "did not come to the appointment of the referral",
    "referral-cancelled": "the referral was cancelled",
    "referral-cancellation-requested": "the referral is to be cancelled",
    "referred": "referred",
    "relapse-risk-raised": "a risk of relapse was seen",
    "relapse-risk-cleared": "the risk of relapse is over",
    "stepped-down": "stepped down",
    "stepped-up": "stepped up",
}


def told(fact: Fact, rules: Rules) -> dict[str, Any]:
    """A fact with its sentence as JSON: `{"ce_id", "type", "writer", "says"}`."""
    return {"ce_id": fact.id, "type": fact.type, "writer": fact.writer, "says": says(fact, rules)}


def says(fact: Fact, rules: Rules) -> str:
    """One sentence: `attended a session at GH-PHP1 on 2026-05-06, said by the program or the desk`."""
    place = _place(fact)
    return f"{_what(fact)}{f' {place}' if place else ''} on {_day(fact, rules)}, said by {_who(fact)}"


class FactWords(NamedTuple):
    """A fact in words for a page, without codes and ids; `where` may be empty."""

    what: str
    where: str
    on: date
    who: str

    def short(self) -> str:
        """`attended a session (Adult partial hospitalization) on Wed 6 May`."""
        place = f" ({say(self.where)})" if self.where else ""
        return say("{what} on {day}", what=say(self.what) + place, day=day(self.on))

    def sentence(self) -> str:
        """The short form followed by who reported it."""
        return say("{what}, said by {who}", what=self.short(), who=say(self.who))


def words_of(fact: Fact, rules: Rules) -> FactWords:
    """A fact in words."""
    where = _where(fact)
    program = rules.site.program(where.program) if where.program else None
    named = (say(WORDS[where.level]) if where.level else None, where.unit)
    place = program.title if program else ", ".join(each for each in named if each)
    return FactWords(_what(fact), place, _day(fact, rules), _who(fact))


def fact_words(fact_type: str) -> str:
    """The name of a fact's type in words: `care.discharged.v1` → `discharged`."""
    name = fact_type.split(".")[1] if fact_type.count(".") == 2 else fact_type
    return _WHAT.get(name, name.replace("-", " "))


def _what(fact: Fact) -> str:
    if isinstance(fact.value, PatientsMerged) and fact.value.surviving_episode_id == fact.subject:
        return _WHAT["patients-merged-here"]
    return _WHAT.get(fact.name, fact.name.replace("-", " "))


def _who(fact: Fact) -> str:
    return _WHO.get(fact.writer, fact.writer)


def _where(fact: Fact) -> Place:
    return (places_of(fact) or (Place(),))[-1]


def _place(fact: Fact) -> str:
    where, stay = _where(fact), fact.value.stay
    known = [each for each in (where.level, where.program, where.unit) if each]
    return " ".join([*known, *([f"({stay.kind} {stay.id})"] if stay else [])])


def _day(fact: Fact, rules: Rules) -> date:
    value = fact.value
    if isinstance(value, Attended | Absent):
        return value.date
    if not rules.has_facility(value.facility):
        return value.occurred_at.date()
    zone = rules.zone_of(value.facility)
    ends = isinstance(value, VisitEnded | Discharged | Completed | Discontinued)
    return leaving_day(value.occurred_at, zone) if ends else value.occurred_at.astimezone(zone).date()
