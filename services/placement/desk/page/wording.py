"""The words of the coordinators' desk: names of forms, sentences after an act, and the reasons it offers. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from shared.web.wording import spoken

LABELS: Mapping[str, str] = {
    "/api/searches": "Look again",
    "/api/searches/{id}/needs": "Say what is needed",
    "/api/searches/{id}/closed": "Stop looking",
    "/api/offers": "Send an offer",
    "/api/offers/{id}/accepted": "Program accepts",
    "/api/offers/{id}/declined": "Program declines",
    "/api/offers/{id}/countered": "Another day",
    "/api/offers/{id}/withdrawn": "Withdraw",
    "/api/offers/{id}/reopened": "Ask again",
    "/api/placements/{id}/started": "First day was",
    "/api/placements/{id}/start-missed": "Did not come",
    "/api/placements/{id}/cancelled": "Cancel the placement",
    "/api/placements/{id}/completed": "Completed",
    "/api/placements/{id}/discontinued": "Ended early",
    "/api/placements/{id}/leave-started": "On leave",
    "/api/placements/{id}/leave-ended": "Back from leave",
    "/api/placements/{id}/started-corrected": "Correct the first day",
    "/api/placements/{id}/start-withdrawn": "Did not start",
    "/api/placements/{id}/end-corrected": "Correct the end",
    "/api/placements/{id}/end-withdrawn": "Did not end",
    "/api/placements/{id}/diagnosed": "Diagnosis for the bill",
    "/api/conflicts/{id}/settled": "Both are so",
    "/api/seats": "Keep a seat",
    "/api/seats/{id}/released": "Give the seat back",
    "/api/authorizations/{id}/extended": "Payer allows more",
    "/api/authorizations/{id}/requested": "Ask for more",
    "/api/episodes/{id}/plan": "Plan reviewed",
    "/api/waitlist": "Put on the waiting list",
    "/api/waitlist/{id}/left": "Waits no longer",
}
"""A write of the API by its path → its button. What is not here has none."""
DONE: Mapping[str, str] = {
    "search-opened": "the search is open again",
    "search-needs-changed": "what is needed is noted: programs are ranked anew",
    "search-closed": "the search is closed, offers that waited are withdrawn",
    "offer-sent": "the offer is sent",
    "offer-accepted": "placed: the seat is held, other offers are withdrawn",
    "offer-declined": "the program has declined",
    "offer-countered": "the program's day is noted",
    "offer-withdrawn": "the offer is withdrawn",
    "offer-reopened": "the program is asked again",
    "placement-cancelled": "the placement is cancelled and its seat given back",
    "start-missed": "recorded: the patient did not come",
    "stay-started": "the stay has begun",
    "start-corrected": "the first day is corrected",
    "start-withdrawn": "the stay has not begun: the placement waits for its first day",
    "stay-completed": "completed: the seat is free from the next day on",
    "stay-discontinued": "ended early: the seat is free from the next day on",
    "end-corrected": "the end is corrected",
    "end-withdrawn": "the stay goes on",
    "leave-started": "the leave is recorded",
    "leave-ended": "recorded: the patient is back",
    "diagnosis-recorded": "the diagnosis is recorded",
    "conflict-settled": "the conflict is settled",
    "seat-held": "the seat is kept",
    "seat-released": "the seat is given back",
    "authorization-extended": "what the payer allows is noted",
    "authorization-requested": "noted: the payer is asked for more",
    "plan-recorded": "the plan is recorded",
    "waitlisted": "the patient is on the waiting list",
    "waitlist-left": "the patient waits no longer",
}
"""What may be said after an act, by its name in the audit; of others `DID` is said."""
DID = "it is done"
FIELDS: Mapping[str, str] = {
    "accreditation": "Accredited by",
    "age_years": "Age in years",
    "at": "When",
    "code": "Code",
    "date": "Day",
    "days_week": "Days a week",
    "expires_at": "To be answered by",
    "from": "From",
    "goals": "How many goals",
    "hours_week": "Hours a week",
    "language": "Language (code, as en)",
    "rank": "Rank (1 is principal)",
    "reason": "Why",
    "review_due": "To be reviewed by",
    "start_by": "Has to start by",
    "start_date": "First day",
    "status": "Stands as",
    "to": "Last day",
    "units": "Units in all",
    "until": "Kept until",
    "system": "Code system (as I10)",
    "variance_reason": "Why another level than recommended",
}
CONFIRM: Mapping[str, str] = {
    "/api/searches/{id}/closed": "Nobody looks for a program any more, and offers that wait are withdrawn.",
    "/api/offers/{id}/withdrawn": "The program is told that the offer stands no more.",
    "/api/offers/{id}/declined": "The program's answer is recorded, and other programs are asked.",
    "/api/placements/{id}/cancelled": "The placement is cancelled, and its seat is given to others.",
    "/api/placements/{id}/completed": "The stay ends, and from the next day on the seat is for others.",
    "/api/placements/{id}/discontinued": "The stay ends, and from the next day on the seat is for others.",
    "/api/placements/{id}/start-withdrawn": "The stay counts as never begun, and is taken off the bill.",
    "/api/placements/{id}/end-withdrawn": "The stay goes on as if it had not ended, and is billed on.",
    "/api/conflicts/{id}/settled": "State, bills and follow-ups go by what you say, and it cannot be taken back here.",
    "/api/seats/{id}/released": "Others can have the seat at once.",
    "/api/waitlist/{id}/left": "The place in the line is lost.",
}
"""A write that is hard to undo, by its path → what a person is told before it."""
_REASONS: Mapping[str, tuple[str, ...]] = {
    "/api/offers/{id}/withdrawn": ("placed-elsewhere", "patient-declined", "sent-in-error", "other"),
    "/api/offers/{id}/reopened": ("answered-in-error", "seat-free-again", "other"),
    "/api/offers/{id}/countered": ("no-seat-before", "staffing", "authorization-pending", "other"),
    "/api/placements/{id}/cancelled": ("patient-declined", "program-cancelled", "placed-elsewhere", "other"),
    "/api/placements/{id}/completed": ("goals-met", "program-finished", "stepped-down", "other"),
    "/api/placements/{id}/start-withdrawn": ("wrong-patient", "recorded-twice", "did-not-come", "other"),
    "/api/placements/{id}/end-withdrawn": ("wrong-patient", "recorded-twice", "came-back", "other"),
    "/api/placements/{id}/end-corrected": ("wrong-day", "wrong-reason", "other"),
    "/api/seats/{id}/released": ("not-needed", "kept-in-error", "other"),
    "/api/waitlist/{id}/left": ("placed-elsewhere", "patient-declined", "lost-contact", "other"),
}
MUSTS: Mapping[str, str] = {"level": "level of care", "seat": "no seat in time"}
"""A must → what is said where a program does not meet it; others by their own name."""
MATCHES = (
    "offers {level}",
    "offers {level}, not {wanted}",
    "takes {payer}",
    "does not take {payer}",
    "takes that age: {youngest} and older",
    "takes that age: {youngest} to {oldest}",
    "does not take that age: {youngest} and older",
    "does not take that age: {youngest} to {oldest}",
    "has a seat from {day}",
    "has a seat from {day}, later than {latest}",
    "speaks {language}",
    "does not speak {language}",
    "has the track {track}",
    "does not have the track {track}",
    "also meets on {days}",
    "meets on days that suit",
    "gives care by {mode}",
    "does not give care by {mode}",
    "is accredited by {whom}",
    "is not accredited by {whom}",
    "no wait",
    "{count} day of waiting",
    "{count} days of waiting",
)
"""The reasons of search/matching.py, so that pages say them in the reader's words."""
FIELD_OF: Mapping[str, str] = {
    "before-start": "date",
    "days-out-of-order": "to",
    "empty-claim": "until",
    "expires-in-the-past": "expires_at",
    "group-full": "group",
    "in-the-future": "date",
    "not-due": "date",
    "program-full": "start_date",
    "session-later": "date",
    "unknown-group": "group",
    "unknown-track": "track",
}
"""Code of a refusal → the field of the form that it is about."""
VARIANCES = (
    "patient-preference",
    "clinical-judgement",
    "payer-decision",
    "no-seat-at-level",
    "closer-to-home",
    "other",
)


def options(codes: tuple[str, ...]) -> Mapping[str, str]:
    """Codes to choose from, each with its words."""
    return {code: spoken(code) for code in codes}


def reasons(path: str) -> Mapping[str, Mapping[str, str]]:
    """The reasons to choose from for a write whose `reason` may be any code in the API."""
    return {"reason": options(_REASONS[path])} if path in _REASONS else {}
