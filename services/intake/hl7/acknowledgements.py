"""Which acknowledgements a message gets, and their bytes. Of the message they repeat only fields of its MSH segment.

Sources: HL7 v2.5.1 chapter 2.9 (original and enhanced mode), 2.14.5 (ERR), tables 0008, 0155, 0357; contract 6.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Literal, NamedTuple

from services.intake.hl7.delimiters import Delimiters
from services.intake.hl7.header import Header
from services.intake.hl7.model import AckCode, Fault

Code = Literal["AA", "AE", "AR", "CA", "CE", "CR"]
Condition = Literal["AL", "NE", "ER", "SU"]

_TEXTS = {
    100: "Segment sequence error",
    101: "Required field missing",
    102: "Data type error",
    200: "Unsupported message type",
    201: "Unsupported event code",
    202: "Unsupported processing id",
    204: "Unknown key identifier",
    205: "Duplicate key identifier",
    207: "Application internal error",
}
_ONLY_COMPONENT = {200: 1, 201: 2}
"""Error code (HL7 table 0357) → the component of MSH-9 that ERR-2 points at (IHE ITI TF-2 C.2.3)."""
NOT_HL7 = Fault(100, "MSH", 0, "no MSH segment: this is not an HL7 message")


class Outcome(NamedTuple):
    """The acknowledgement code of a message (AA, AE or AR), and what is wrong with it where it is AE or AR."""

    code: AckCode
    fault: Fault | None = None


def answers(head: Header, outcome: Outcome) -> tuple[Code | None, Code | None]:
    """The codes to send as (commit, application), in this order; None where that acknowledgement is not sent.

    Original mode (MSH-15 and MSH-16 empty): the application answer alone. Enhanced mode: the commit answer first, and
    after CA the application answer. Where only one of the two fields is empty, it counts as NE; an unknown
    condition counts as AL. A refusal is sent once: as CR or CE, or as AR or AE where no commit answer was asked for.
    """
    if not head.accept and not head.application:
        return None, outcome.code
    commit = _commit(outcome)
    sent = commit if _met(head.accept, good=commit == "CA") else None
    if sent in {"CR", "CE"}:
        return sent, None
    return sent, outcome.code if _met(head.application, good=outcome.code == "AA") else None


def build(head: Header, code: Code, fault: Fault | None, *, at: datetime, control_id: str) -> bytes:
    """One acknowledgement in the sender's delimiters and charset, segments ended by CR.

    `at` (MSH-7) and `control_id` (MSH-10) are the acknowledgement's own. ERR is written as in 2.5.1 for every version:
    older receivers ignore the fields that they don't know.
    """
    marks, mirrored = head.marks, head.as_sent
    join, part = marks.field.join, marks.component.join
    kind = ["ACK", head.trigger, "ACK"] if _plain(head.trigger) else ["ACK"]
    lines = [
        join(
            [
                "MSH",
                marks.msh2,
                *mirrored[5:7],
                *mirrored[3:5],
                _stamp(at.replace(microsecond=0, tzinfo=None), at.tzinfo),
                "",
                part(kind),
                control_id,
                mirrored[11] or "P",
                mirrored[12] or "2.5.1",
                *([""] * 5 + [mirrored[18]] if mirrored[18] else []),
            ]
        ),
        join(["MSA", code, mirrored[10]]),
    ]
    if fault is not None and code not in {"AA", "CA"}:
        lines.append(
            join(["ERR", "", part(_location(fault)), part(_reason(fault)), "E", "", "", "", _sentence(fault, marks)])
        )
    return "\r".join([*lines, ""]).encode(head.charset, "replace")


@lru_cache(64)  # those of one second are alike
def _stamp(second: datetime, zone: tzinfo | None) -> str:
    return second.replace(tzinfo=zone).strftime("%Y%m%d%H%M%S%z")


def _commit(outcome: Outcome) -> Literal["CA", "CE", "CR"]:
    if outcome.code == "AR":
        return "CR"
    lacks_id = outcome.fault is not None and outcome.fault.segment == "MSH" and outcome.fault.field == 10
    return "CE" if lacks_id else "CA"


def _met(condition: str, *, good: bool) -> bool:
    return {"": False, "NE": False, "SU": good, "ER": not good}.get(condition, True)


def _location(fault: Fault) -> list[str]:
    only = _ONLY_COMPONENT.get(fault.code)
    found = [fault.segment, "1", *([str(fault.field)] if fault.field else [])]
    return [*found, "1", str(only)] if only and fault.field else found


def _reason(fault: Fault) -> list[str]:
    return [str(fault.code), _TEXTS.get(fault.code, "Application error"), "HL70357"]


def _sentence(fault: Fault, marks: Delimiters) -> str:
    own = {ord(mark): " " for mark in marks.field + marks.msh2 + "\r\n"}
    return fault.text.translate(own)


def _plain(trigger: str) -> bool:
    return len(trigger) == 3 and trigger.isascii() and trigger.isalnum()
