"""A synthetic person and one hospital's visits, as HL7 v2.5.1 ADT messages; sends nothing, reads no clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

FACILITY = "GOODHEALTH"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who never lived."""

    mrn: str
    family: str
    given: str
    born: date
    sex: str
    payer: str
    diagnosis: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it goes on the wire, without MLLP bytes."""

    trigger: str
    control_id: str
    raw: bytes


@dataclass(slots=True)
class Visit:
    """One visit of a person at the hospital; `number` is PV1-19, `next_id` gives control ids that count up."""

    person: Person
    number: str
    zone: tzinfo
    next_id: Callable[[], str]
    admitted: datetime | None = None

    def says(
        self,
        trigger: str,
        at: datetime,
        unit: str,
        *,
        said: datetime | None = None,
        patient_class: str = "I",
        disposition: str = "",
        reason: str = "",
        back: datetime | None = None,
        mode: str = "P",
        person: bool = True,
        diagnosis: str = "",
    ) -> Message:
        """What the hospital says of this visit: it happened `at` and was said at `said` (EVN-2), else at once.

        `reason` is EVN-4, `back` the expected return (PV2-47), `mode` MSH-11; without `person` there is no PID.
        `diagnosis` is another than the one on admission.
        """
        if trigger in {"A01", "A04"}:
            self.admitted = at
        number = self.next_id()
        told = self._time(said or at)
        visit = {2: patient_class, 3: f"{unit}^{unit}01^A^{FACILITY}", 4: "R", 14: "1", 19: self.number}
        visit |= {36: disposition, 44: self._time(self.admitted), 45: self._time(at) if trigger == "A03" else ""}
        lines = [
            _segment("MSH", _head(trigger, told, number, mode)),
            _segment("EVN", {1: trigger, 2: told, 4: reason, 6: self._time(at)}),
            *([self._pid()] if person else []),
            _segment("PV1", {1: "1", **visit}),
            *([_segment("PV2", {47: self._time(back)})] if back else []),
            *(self._about(diagnosis) if trigger in {"A01", "A04", "A08"} else []),
        ]
        return Message(trigger, number, "".join(line + "\r" for line in lines).encode())

    def _pid(self) -> str:
        who = self.person
        ids, born = f"{who.mrn}^^^{FACILITY}^MR", who.born.strftime("%Y%m%d")
        return _segment("PID", {1: "1", 3: ids, 5: f"{who.family}^{who.given}", 7: born, 8: who.sex})

    def _about(self, diagnosis: str) -> list[str]:
        told = diagnosis or self.person.diagnosis
        first = _segment("DG1", {1: "1", 3: f"{told}^^I10", 6: "W" if diagnosis else "A", 15: "1"})
        payer = self.person.payer
        return [first, _segment("IN1", {1: "1", 2: f"{payer}-STD", 3: payer})]

    def _time(self, at: datetime | None) -> str:
        return at.astimezone(self.zone).strftime("%Y%m%d%H%M%S%z") if at else ""


def _head(trigger: str, told: str, number: str, mode: str) -> dict[int, str]:
    """MSH without MSH-1, so that a field's number is one less than in the standard."""
    return {1: "^~\\&", 2: "SIMULATOR", 3: FACILITY, 4: "STEPDOWN", 6: told, 8: f"ADT^{trigger}", 9: number,
            10: mode, 11: "2.5.1"}  # fmt: skip


def _segment(name: str, fields: dict[int, str]) -> str:
    last = max(place for place, text in fields.items() if text)
    return "|".join([name, *(fields.get(place, "") for place in range(1, last + 1))])
