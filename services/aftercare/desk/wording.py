"""The words of the follow-up desk: names of forms, sentences after an act, and codes as people say them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from shared.web.tables import Badge

LABELS = {
    "plan-closed": "End aftercare",
    "calls-decided": "Say whether to call",
    "referral-made": "Refer",
    "referral-received": "Provider has it",
    "referral-accepted": "Provider accepts",
    "referral-declined": "Declined",
    "referral-scheduled": "Appointment made",
    "referral-no-show": "Did not come",
    "referral-rescheduled": "New appointment",
    "referral-cancellation-requested": "Ask to cancel",
    "referral-cancelled": "Cancelled",
    "referral-completed": "Completed",
    "contact-recorded": "Record a contact",
    "contact-withdrawn": "Recorded in error",
    "appointment-recorded": "Add an appointment",
    "follow-up-kept": "It was kept",
    "follow-up-excluded": "Does not count",
    "risk-cleared": "Risk is over",
    "leftover-kept": "It is this patient's",
    "leftover-given-back": "It is the other patient's",
}
DONE: Mapping[str, str] = {
    "plan-closed": "aftercare is ended",
    "calls-decided": "recorded: whether to call",
    "referral-made": "the referral is made",
    "referral-received": "the provider has the referral",
    "referral-accepted": "the provider accepts the referral",
    "referral-declined": "the referral is declined: refer to somebody else",
    "referral-scheduled": "the appointment is recorded",
    "referral-no-show": "recorded: the patient did not come",
    "referral-rescheduled": "the new appointment is recorded",
    "referral-cancellation-requested": "the provider is asked to cancel",
    "referral-cancelled": "the referral is cancelled",
    "referral-completed": "the referral is completed",
    "contact-recorded": "the contact is recorded",
    "contact-withdrawn": "the contact is taken back",
    "appointment-recorded": "the appointment is recorded",
    "follow-up-kept": "the follow-up counts as kept",
    "follow-up-excluded": "the discharge does not count any more",
    "risk-cleared": "the risk is over",
    "leftover-kept": "noted: it is this patient's",
    "leftover-given-back": "it is stated in the other patient's episode, and here no more",
}
CONFIRM: Mapping[str, str] = {
    "plan-closed": "Aftercare ends: nobody calls any more, and no follow-up is looked for.",
    "contact-withdrawn": "The contact counts as never made; what it kept is open again.",
    "follow-up-excluded": "The discharge counts for no measure any more.",
    "leftover-given-back": "It is taken back here, and stated in the other patient's episode.",
    "referral-cancelled": "The provider is told that nobody will come.",
}
"""A write that is hard to undo → what a person is told before it."""
FIELDS = {
    "at": "When",
    "call_again_on": "Not reached: call again on",
    "decision": "Calls",
    "mode": "How",
    "by": "Whose doing",
    "due_by": "Settled by",
    "kind": "What for",
    "provider": "To whom (the site's id)",
    "provider_kind": "With whom",
    "outcome": "What came of it",
    "reason": "Why",
}
STATES = {
    "referred": "sent, no answer yet",
    "received": "provider has it",
    "accepted": "accepted, no appointment yet",
    "scheduled": "appointment made",
    "no-show": "patient did not come",
    "cancellation-requested": "asked to cancel",
    "declined": "declined",
    "cancelled": "cancelled",
}
STOPPED = {"declined": "wants no calls", "ask-before-calling": "ask before calling"}
LEFT = {
    "contact-attempted": "a contact",
    "appointment-scheduled": "an appointment",
    "aftercare-referred": "a referral",
    "calls-decided": "a decision who calls",
    "aftercare-closed": "the end of aftercare",
}
"""What a merge can leave, by the name of its fact."""
WINDOWS = {"missed": Badge("missed", "late"), "excluded": Badge("does not count")}
SIGNALS = {"missed-contacts": "contacts missed in a row", "readmitted": "readmitted"}
