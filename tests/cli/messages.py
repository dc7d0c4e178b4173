"""HL7 messages as a hospital's interface engine sends them, one patient each."""

from __future__ import annotations

import uuid


def stay(mrn: str | None = None, *, ends: bool = True, unit: str = "3W") -> list[bytes]:
    """A01 and A03 of one visit, inpatient unless another unit is named; every call another patient."""
    patient = mrn or uuid.uuid4().hex[:10]
    began = message("A01", patient, "20260301100000", unit=unit)
    return [began, message("A03", patient, "20260305140000", unit=unit)] if ends else [began]


def message(
    trigger: str, mrn: str, at: str, *, facility: str = "GOODHEALTH", unit: str = "3W", more: str = ""
) -> bytes:
    """One message; its control id begins with the trigger. `more`: MSH-12 and what follows."""
    discharge = "20260305140000-0500" if trigger == "A03" else ""
    lines = (
        rf"MSH|^~\&|EPIC|{facility}|STEPDOWN|SD|{at}-0500||ADT^{trigger}|{trigger}-{mrn}|P|{more or '2.5.1'}",
        f"EVN|{trigger}|{at}-0500",
        f"PID|1||{mrn}^^^GH^MR||DOE^JANE||19800101|F",
        f"PV1|1|I|{unit}^301^A^{facility}"
        + "|" * 16
        + f"V{mrn}"
        + "|" * 17
        + "01"
        + "|" * 8
        + f"20260301100000-0500|{discharge}",
    )
    return "\r".join(lines).encode() + b"\r"
