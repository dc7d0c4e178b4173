"""The messages that a hospital records of a life, in order, with its errors and their corrections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from itertools import count
from typing import Any

from tools.simulator.chances import Chance, Disposition, HospitalProfile
from tools.simulator.messages import Dialect, Message, Visit
from tools.simulator.truth import ELSEWHERE, Life, Stay

CODES: dict[Disposition, str] = {
    "home": "01",
    "against-advice": "07",
    "elopement": "ELOPED",
    "transfer": "65",
    "deceased": "20",
}
"""How a stay ended → PV1-36, where the hospital has no code of its own."""
OTHER_DIAGNOSIS = "F33.9"
"""The diagnosis of an update."""


@dataclass(frozen=True, slots=True)
class SimulatedMessage:
    """A message, when the hospital recorded it (`said`), its stay, and the visit from which more messages can be
    made."""

    said: datetime
    stay: Stay
    visit: Visit
    message: Message


def messages_of(life: Life, updated: float, chance: Chance, zone: tzinfo) -> list[SimulatedMessage]:
    """Every message of a life, by the time recorded. `updated`: the share of stays with an update of the diagnosis."""
    numbers = count(1)
    by_stay = [_stay_messages(life, stay, numbers, zone) for stay in life.stays]
    found = [one for each in by_stay for one in _of_stay(each, chance.happens(updated))]
    if life.oddity == "discharge-alone":
        found = [one for one in found if one.message.trigger == "A03"]
    return sorted(found, key=lambda one: one.said)


def dialect_of(hospital: HospitalProfile) -> Dialect:
    """The dialect of a hospital."""
    return Dialect(hospital.delimiters, hospital.sending_facility, hospital.line_end, hospital.visit_numbers)


def payer_at(life: Life, day: date) -> str:
    """The payer on a day."""
    changes = sorted((since, payer) for stay in life.stays for since, payer in stay.payers)
    return next((payer for since, payer in reversed(changes) if since <= day), life.person.payer)


def _stay_messages(life: Life, stay: Stay, numbers: count[int], zone: tzinfo) -> _StayMessages:
    mrn = life.person.mrn

    def next_id() -> str:
        return f"{mrn}-{next(numbers):03d}"

    number = f"V{mrn}-{stay.number}"
    return _StayMessages(life, stay, Visit(life.person, number, zone, next_id, dialect=dialect_of(life.hospital)))


def _of_stay(messages: _StayMessages, updated: bool) -> Iterator[SimulatedMessage]:
    stay = messages.stay
    yield from messages.places()
    yield from messages.leaves()
    if updated and stay.began + timedelta(days=2) < (stay.ended or stay.began):
        yield messages.says("A08", stay.began + timedelta(days=1, hours=1), diagnosis=OTHER_DIAGNOSIS)
    for since, payer in stay.payers:
        at = datetime.combine(since, stay.began.timetz()) + timedelta(hours=2)
        yield messages.says("A08", at, payer=payer, since=since)
    yield from messages.mishaps()
    yield from messages.discharge()


@dataclass(frozen=True, slots=True)
class _StayMessages:
    """Makes the messages of one stay."""

    life: Life
    stay: Stay
    visit: Visit

    def says(
        self, trigger: str, at: datetime, unit: str = "", *, said: datetime | None = None, **more: Any
    ) -> SimulatedMessage:
        """One message; its unit is the given one, else that of the patient at `at`."""
        unit = unit or self._unit(at)
        classed = {"ED": "E", "OBS": "O", "PHP1": "O", "IOP1": "O", "OPC": "O"}.get(unit, "I")
        message = self.visit.says(trigger, at, unit, said=said, patient_class=classed, **more)
        return SimulatedMessage(said or at, self.stay, self.visit, message)

    def _unit(self, at: datetime) -> str:
        there = [place.unit for place in self.stay.places if place.at <= at]
        return there[-1] if there else self.stay.places[0].unit

    def places(self) -> Iterator[SimulatedMessage]:
        """Registration, admission and transfers; a late transfer is recorded 20 hours after the discharge."""
        first, *others = self.stay.places
        outside = first.unit not in {"3W", "DTX", "RES", "7NORTH"}
        payer = payer_at(self.life, first.at.date())
        yield self.says("A04" if outside else "A01", first.at, payer=payer)
        for place in others:
            if outside:
                yield self.says("A01", place.at, payer=payer)
            else:
                ended = self.stay.ended if self.stay.late_transfer else None
                yield self.says("A02", place.at, said=ended + timedelta(hours=20) if ended else None)
            outside = False

    def leaves(self) -> Iterator[SimulatedMessage]:
        """Leaves: A21 on going, A22 on coming back."""
        for away in self.stay.aways:
            back = away.back or away.since + timedelta(days=3)
            yield self.says("A21", away.since, reason="02", back=back)
            if away.back:
                yield self.says("A22", away.back)

    def mishaps(self) -> Iterator[SimulatedMessage]:
        """What was sent in error, and its cancel."""
        for one in self.stay.mishaps:
            if one.kind == "registration":
                yield self.says("A11", self.stay.began, said=one.mended)
            elif one.kind == "transfer":
                yield self.says("A02", one.told, ELSEWHERE[self._unit(one.told)])
                yield self.says("A12", one.mended)
            elif one.kind == "discharge":
                yield self.says("A03", one.told, disposition=self._code("home"))
                yield self.says("A13", one.mended)

    def discharge(self) -> Iterator[SimulatedMessage]:
        """The discharge; where a wrong time was sent, also the update with the right one."""
        left = self.stay.ended
        if left is None or self.stay.never:
            return
        code = self._code(self.stay.how)
        wrong = self.stay.mishap("discharge-time")
        yield self.says("A03", left, disposition=code, left=wrong.told if wrong else None)
        if wrong:
            yield self.says("A08", left, said=wrong.mended, left=left, disposition=code)

    def _code(self, how: Disposition) -> str:
        return self.life.hospital.dispositions.get(how, CODES[how])
