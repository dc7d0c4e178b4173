"""What a message waits for, and which message took it back: from what is noted of it and the messages of its visit.
Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from services.intake.hl7.model import SiteMap, VisitMessage
from services.intake.hl7.triggers import TRIGGERS
from services.intake.receiving.assign import NO_VISIT
from services.intake.receiving.merges.statements import NO_OTHER
from services.intake.receiving.receive import NO_KEY
from services.intake.visits.cancels import ASKS
from services.intake.visits.derive import derive
from services.intake.visits.reconcile import OTHERS_NUMBER

WaitsFor = Literal["beginning", "what-it-takes-back", "leave", "visit", "number", "unit", "person", "decision"]
"""`beginning`: of its visit; `what-it-takes-back`: the message that it cancels; `leave`: the beginning of a leave;
`visit`: one that it fits; `number`: by which the patient is known; `unit`: a row of the site's tables; `person`: who
does what only a person may; `decision`: whose a visit number of two patients is."""
MOST = 300
"""Messages of a visit: of one with more, it is not looked for which of them took another one back."""


def waits_for(trigger: str, note: str, reason: str | None) -> WaitsFor | None:
    """What a message waits for; None for one that does not wait."""
    if note == "unmapped":
        return "unit"
    if note != "waiting":
        return None
    if reason in _BY_REASON:
        return _BY_REASON[reason]
    row = TRIGGERS.get(trigger)
    return "what-it-takes-back" if row and row.cancels is not None else "beginning"


_BY_REASON: dict[str | None, WaitsFor] = {
    NO_VISIT: "visit",
    NO_OTHER: "visit",
    NO_KEY: "number",
    "not-on-leave": "leave",
    ASKS: "person",
    OTHERS_NUMBER: "decision",
}


def taken_back_by(visit: str, said: Sequence[VisitMessage], site: SiteMap, message_id: str) -> str | None:
    """The message that took this one of the visit back: the one without which it would not be taken back. None where no
    single message did, or the visit has more than MOST messages."""
    if len(said) > MOST:
        return None
    cancels = [each for each in said if TRIGGERS[each.adt.trigger].cancels is not None]
    for cancel in sorted(cancels, key=lambda each: each.message_id, reverse=True):
        left = [each for each in said if each is not cancel]
        notes = {note.message_id: note.effect for note in derive(visit, left, site).notes}
        if notes.get(message_id) not in {None, "taken-back"}:
            return cancel.message_id
    return None
