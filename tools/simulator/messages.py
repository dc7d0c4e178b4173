"""HL7 v2.5.1 ADT messages about a synthetic person's visit, in a hospital's dialect. Sends nothing and reads no
clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

FACILITY = "GOODHEALTH"
USUAL = "|^~\\&"
LINE_ENDS = {"CR": "\r", "LF": "\n", "CRLF": "\r\n"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a hospital writes: its delimiters (MSH-1 and MSH-2), MSH-4, what ends a segment, and whether it sends
    PV1-19."""

    delimiters: str = USUAL
    sending_facility: str = FACILITY
    line_end: str = "CR"
    visit_numbers: bool = True

    def written(self, segments: list[str]) -> bytes:
        """Segments that are written with the usual delimiters, as bytes with the hospital's own. No field may contain a
        delimiter as text."""
        usual, own = USUAL, self.delimiters
        text = "".join(line + LINE_ENDS[self.line_end] for line in segments)
        return text.translate(str.maketrans(usual, own)).encode()


PLAIN = Dialect()


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic patient, who never lived."""

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
    dialect: Dialect = PLAIN

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
        left: datetime | None = None,
        payer: str = "",
        since: date | None = None,
    ) -> Message:
        """One message of this visit, about what happened at `at` (EVN-6) and was recorded at `said` (EVN-2; None: at
        once).

        `unit` is PV1-3.1, `reason` EVN-4, `back` the expected return (PV2-47), `mode` MSH-11; without `person` there is
        no PID. `diagnosis`: another than on admission; `left`: PV1-45 of a discharge at another time than `at`;
        `payer`: another than the person's, from the day `since` on. An update (A08) contains only those of these that
        are given.
        """
        if trigger in {"A01", "A04"}:
            self.admitted = at
        number = self.next_id()
        told = self._time(said or at)
        visit = {2: patient_class, 3: f"{unit}^{unit}01^A^{FACILITY}", 4: "R", 14: "1"}
        visit |= {19: self.number if self.dialect.visit_numbers else "", 36: disposition}
        visit |= {44: self._time(self.admitted), 45: self._time(left or (at if trigger == "A03" else None))}
        lines = [
            _segment("MSH", _head(trigger, told, number, mode, self.dialect)),
            _segment("EVN", {1: trigger, 2: told, 4: reason, 6: self._time(at)}),
            *([self._pid()] if person else []),
            _segment("PV1", {1: "1", **visit}),
            *([_segment("PV2", {47: self._time(back)})] if back else []),
            *self._about(trigger, diagnosis, payer, since),
        ]
        return Message(trigger, number, self.dialect.written(lines))

    def _pid(self) -> str:
        who = self.person
        ids, born = f"{who.mrn}^^^{FACILITY}^MR", who.born.strftime("%Y%m%d")
        return _segment("PID", {1: "1", 3: ids, 5: f"{who.family}^{who.given}", 7: born, 8: who.sex})

    def _about(self, trigger: str, diagnosis: str, payer: str, since: date | None) -> list[str]:
        """DG1 and IN1: both when a visit begins, in an update only what is new."""
        begins, found = trigger in {"A01", "A04"}, []
        if begins or diagnosis:
            told = diagnosis or self.person.diagnosis
            found.append(_segment("DG1", {1: "1", 3: f"{told}^^I10", 6: "W" if diagnosis else "A", 15: "1"}))
        if begins or payer:
            paying = payer or self.person.payer
            from_day = since.strftime("%Y%m%d") if since else ""
            found.append(_segment("IN1", {1: "1", 2: f"{paying}-STD", 3: paying, 12: from_day}))
        return found

    def _time(self, at: datetime | None) -> str:
        return at.astimezone(self.zone).strftime("%Y%m%d%H%M%S%z") if at else ""


def _head(trigger: str, told: str, number: str, mode: str, dialect: Dialect) -> dict[int, str]:
    """MSH without MSH-1, so that a field's number is one less than in the standard."""
    return {1: "^~\\&", 2: "SIMULATOR", 3: dialect.sending_facility, 4: "STEPDOWN", 6: told,
            8: f"ADT^{trigger}", 9: number, 10: mode, 11: "2.5.1"}  # fmt: skip


def _segment(name: str, fields: dict[int, str]) -> str:
    last = max(place for place, text in fields.items() if text)
    return "|".join([name, *(fields.get(place, "") for place in range(1, last + 1))])
