"""What may happen to a patient, told as a hospital's feed tells it: in order, late, twice, wrong; values only.

Each story yields its messages in the order in which they are sent. Days count back from today.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.simulator.messages import Message, Visit

HOME, AGAINST_ADVICE, PSYCHIATRIC_UNIT = "01", "07", "65"


@dataclass(frozen=True, slots=True)
class Teller:
    """What a story needs: `day(n, hour)` is an instant n days ago, `visit()` a new visit of the patient."""

    day: Callable[[float, float], datetime]
    visit: Callable[[], Visit]


Story = Callable[[Teller], Iterator[Message]]


def whole_way(tell: Teller) -> Iterator[Message]:
    """Emergency, inpatient, a discharge taken back and told again, then down to php and iop."""
    visit = tell.visit()
    yield visit.says("A04", tell.day(21, 2), "ED", patient_class="E")
    yield visit.says("A01", tell.day(21, 7), "3W")
    yield visit.says("A03", tell.day(15, 11), "3W", disposition=HOME)
    yield visit.says("A13", tell.day(15, 15), "3W")
    yield visit.says("A03", tell.day(13, 10), "3W", disposition=HOME)
    yield from _program(tell, "PHP1", 11, 4)
    yield from _program(tell, "IOP1", 3)


def _program(tell: Teller, unit: str, first: float, last: float | None = None) -> Iterator[Message]:
    """A visit to a program's unit."""
    visit = tell.visit()
    yield visit.says("A04", tell.day(first, 9), unit, patient_class="O")
    if last is not None:
        yield visit.says("A03", tell.day(last, 15), unit, patient_class="O", disposition=HOME)


def _stay(tell: Teller, first: float, last: float, disposition: str = HOME) -> Iterator[Message]:
    """An inpatient stay from admission to discharge."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(first, 10), "3W")
    yield visit.says("A03", tell.day(last, 11), "3W", disposition=disposition)


def in_the_unit(tell: Teller) -> Iterator[Message]:
    """Inpatient, still there; another diagnosis since the second day."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(4, 10), "3W")
    yield visit.says("A08", tell.day(3, 9), "3W", diagnosis="F25.1")


def seen_in_time(tell: Teller) -> Iterator[Message]:
    """Discharged, at the partial program two days later."""
    yield from _stay(tell, 18, 12)
    yield from _program(tell, "PHP1", 10)


def not_seen_yet(tell: Teller) -> Iterator[Message]:
    """Discharged two days ago; nobody has seen the patient yet."""
    yield from _stay(tell, 9, 2)


def not_seen(tell: Teller) -> Iterator[Message]:
    """Discharged twelve days ago and never seen since."""
    yield from _stay(tell, 21, 12)


def emergency_then_admitted(tell: Teller) -> Iterator[Message]:
    """An emergency visit that became an inpatient stay."""
    visit = tell.visit()
    yield visit.says("A04", tell.day(3, 1), "ED", patient_class="E")
    yield visit.says("A01", tell.day(3, 6), "3W")


def discharge_told_twice(tell: Teller) -> Iterator[Message]:
    """Two systems tell one discharge, ten minutes apart."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(15, 10), "3W")
    left = tell.day(8, 11)
    yield visit.says("A03", left, "3W", disposition=HOME)
    yield visit.says("A03", left, "3W", said=left + timedelta(minutes=10), disposition=HOME)
    yield from _program(tell, "OPC", 5)


def discharge_taken_back(tell: Teller) -> Iterator[Message]:
    """A discharge that was cancelled: the patient stayed two days longer."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(16, 10), "3W")
    yield visit.says("A03", tell.day(9, 11), "3W", disposition=HOME)
    yield visit.says("A13", tell.day(9, 14), "3W")
    yield visit.says("A03", tell.day(7, 11), "3W", disposition=HOME)


def cancel_comes_first(tell: Teller) -> Iterator[Message]:
    """The cancel of a discharge overtakes the discharge on the wire."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(11, 10), "3W")
    discharge = visit.says("A03", tell.day(5, 11), "3W", disposition=HOME)
    yield visit.says("A13", tell.day(5, 13), "3W")
    yield discharge


def admission_comes_late(tell: Teller) -> Iterator[Message]:
    """The discharge arrives before the admission."""
    admission, discharge = _stay(tell, 13, 6)
    yield discharge
    yield admission


def moved_to_residential(tell: Teller) -> Iterator[Message]:
    """From the unit to the residence, then to outpatient care."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(24, 10), "3W")
    yield visit.says("A02", tell.day(17, 14), "RES")
    yield visit.says("A03", tell.day(6, 10), "RES", disposition=HOME)
    yield from _program(tell, "OPC", 3)


def weekend_at_home(tell: Teller) -> Iterator[Message]:
    """In the residence, with a therapeutic leave."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(14, 10), "RES")
    yield visit.says("A21", tell.day(8, 16), "RES", reason="02", back=tell.day(6, 18))
    yield visit.says("A22", tell.day(6, 17), "RES")


def on_leave(tell: Teller) -> Iterator[Message]:
    """In the residence, away since yesterday."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(9, 10), "RES")
    yield visit.says("A21", tell.day(1, 8), "RES", reason="02", back=tell.day(-1, 18))


def readmitted(tell: Teller) -> Iterator[Message]:
    """Back on the unit eighteen days after the discharge."""
    yield from _stay(tell, 30, 24)
    yield tell.visit().says("A01", tell.day(6, 3), "3W")


def unknown_unit(tell: Teller) -> Iterator[Message]:
    """Admitted to a unit that the site has not mapped."""
    yield tell.visit().says("A01", tell.day(2, 10), "7NORTH")


def without_patient(tell: Teller) -> Iterator[Message]:
    """A message without PID; the hospital mends it and sends it again."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(5, 10), "3W", person=False)
    yield visit.says("A01", tell.day(5, 10), "3W")


def from_the_test_system(tell: Teller) -> Iterator[Message]:
    """A debugging system sends to the wrong door (MSH-11 is D)."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(5, 10), "3W", mode="D")


def sent_twice(tell: Teller) -> Iterator[Message]:
    """The same bytes twice: the sender did not hear the first answer."""
    message = tell.visit().says("A01", tell.day(3, 10), "3W")
    yield message
    yield message


def left_against_advice(tell: Teller) -> Iterator[Message]:
    """Left against medical advice."""
    yield from _stay(tell, 10, 5, AGAINST_ADVICE)


def transferred_out(tell: Teller) -> Iterator[Message]:
    """Discharged to another hospital's psychiatric unit."""
    yield from _stay(tell, 12, 9, PSYCHIATRIC_UNIT)


def discharge_without_admission(tell: Teller) -> Iterator[Message]:
    """A discharge whose admission has not come."""
    yield list(_stay(tell, 12, 4))[1]


def transfer_taken_back(tell: Teller) -> Iterator[Message]:
    """A transfer to the residence that did not happen."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(6, 10), "3W")
    yield visit.says("A02", tell.day(3, 10), "RES")
    yield visit.says("A12", tell.day(3, 12), "3W")


def admission_taken_back(tell: Teller) -> Iterator[Message]:
    """An admission to the wrong patient, cancelled."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(4, 10), "3W")
    yield visit.says("A11", tell.day(4, 11), "3W")


def stepped_up(tell: Teller) -> Iterator[Message]:
    """Intensive outpatient, then an inpatient crisis: the program waits."""
    yield from _program(tell, "IOP1", 18)
    yield tell.visit().says("A01", tell.day(5, 22), "3W")


def emergency_only(tell: Teller) -> Iterator[Message]:
    """An emergency visit, and home again."""
    visit = tell.visit()
    yield visit.says("A04", tell.day(2, 13), "ED", patient_class="E")
    yield visit.says("A03", tell.day(2, 18), "ED", patient_class="E", disposition=HOME)


def start_undone(tell: Teller) -> Iterator[Message]:
    """A program start told; then the discharge before it was cancelled, so the patient never left the unit."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(12, 10), "3W")
    yield visit.says("A03", tell.day(6, 11), "3W", disposition=HOME)
    yield from _program(tell, "PHP1", 4)
    yield visit.says("A13", tell.day(2, 9), "3W")


def transfer_told_late(tell: Teller) -> Iterator[Message]:
    """A transfer is told after the discharge: the bill is amended."""
    visit = tell.visit()
    yield visit.says("A01", tell.day(13, 10), "3W")
    yield visit.says("A03", tell.day(4, 11), "RES", disposition=HOME)
    yield visit.says("A02", tell.day(8, 14), "RES", said=tell.day(3, 9))


STORIES: tuple[Story, ...] = (
    whole_way, in_the_unit, seen_in_time, not_seen_yet, discharge_taken_back, discharge_told_twice, not_seen,
    cancel_comes_first, admission_comes_late, emergency_then_admitted, moved_to_residential, readmitted,
    weekend_at_home, unknown_unit, without_patient, from_the_test_system, sent_twice, discharge_without_admission,
    start_undone, left_against_advice, transfer_taken_back, stepped_up, on_leave, transfer_told_late, transferred_out,
    admission_taken_back, emergency_only,
)  # fmt: skip
"""All of them; the first so many are told where there are fewer patients than stories."""

ORDINARY: tuple[Story, ...] = (
    in_the_unit, in_the_unit, seen_in_time, seen_in_time, not_seen_yet, not_seen, not_seen, left_against_advice,
    emergency_then_admitted, moved_to_residential, readmitted, stepped_up, weekend_at_home,
)  # fmt: skip
"""What happens to all other patients."""
