"""Messages wait for one another: what is read meanwhile, and how they are taken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.intake.receiving.group_commit import Reception
from services.intake.receiving.receive import Intake
from tests.intake.conftest import Hospital
from tests.waiting import until


class Counter:
    """Reads and takes numbers, and goes on with a batch when it is let."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.taken: list[list[int]] = []
        self.began = asyncio.Event()
        self.let = asyncio.Event()
        self.reception: Reception[int, int, str] = Reception(self._read, self._take, size=lambda _: 1, batch=3)

    def _read(self, number: int) -> int:
        self.read.append(number)
        return -number

    async def _take(self, numbers: Sequence[int]) -> list[str]:
        self.taken.append(list(numbers))
        self.began.set()
        await self.let.wait()
        return [str(number) for number in numbers]


async def test_the_next_batch_is_read_while_the_one_before_is_stored_and_no_more() -> None:
    counter = Counter()
    await counter.reception.start()
    first = counter.reception.hand_in(1)
    await counter.began.wait()
    rest = [counter.reception.hand_in(number) for number in range(2, 7)]
    assert counter.read == [1, 2, 3, 4]
    assert not first.done()
    counter.let.set()
    assert await asyncio.gather(first, *rest) == [str(-number) for number in range(1, 7)]
    assert counter.taken == [[-1], [-2, -3, -4], [-5, -6]]
    assert sorted(counter.read) == [1, 2, 3, 4, 5, 6]
    await counter.reception.stop()


class Ward:
    """Messages are `patient number`, as in `a1`; a batch about patients of `gates` waits until it is let."""

    def __init__(self, gates: str, long: str = "") -> None:
        self.long, self.taken, self.began = set(long), list[str](), list[str]()
        self.gates = {patient: asyncio.Event() for patient in gates}
        self.reception: Reception[str, str, str] = Reception(
            str,
            self._take,
            size=len,
            keys=lambda text: text.rstrip("0123456789"),
            is_long=lambda keys: bool(self.long & set(keys)),
            batch=3,
        )

    async def _take(self, texts: Sequence[str]) -> list[str]:
        self.began += texts
        for text in texts:
            for patient in text.rstrip("0123456789"):
                if patient in self.gates:
                    await self.gates[patient].wait()
        self.taken += texts
        return list(texts)

    def comes(self, *texts: str) -> list[asyncio.Future[str]]:
        """Hand messages in."""
        return [self.reception.hand_in(text) for text in texts]


async def test_while_a_long_visit_is_worked_on_everybody_else_is_answered() -> None:
    ward = Ward("a", long="a")
    await ward.reception.start()
    first, second, *others = ward.comes("a1", "a2", "b1", "c1", "b2")
    assert await asyncio.gather(*others) == ["b1", "c1", "b2"]
    later = ward.comes("b3", "a3")
    assert await later[0] == "b3"
    assert not first.done()
    assert not second.done()
    ward.gates["a"].set()
    await ward.reception.stop()
    assert [text for text in ward.taken if "a" in text] == ["a1", "a2", "a3"]
    assert later[1].result() == "a3"


async def test_nothing_overtakes_what_is_about_the_same_patient() -> None:
    ward = Ward("a", long="a")
    await ward.reception.start()
    told = ward.comes("a1", "ab2", "b3", "c4", "bc5", "c6", "d7")
    assert [await told[3], await told[6]] == ["c4", "d7"]
    ward.long.clear()  # forgotten while some of it waits: the rest waits behind it all the same
    late = ward.comes("a8", "b9")
    assert await ward.comes("e1")[0] == "e1"
    ward.gates["a"].set()
    await asyncio.gather(*told, *late)
    for patient in "abc":
        numbers = [int(text.lstrip("abcd")) for text in ward.taken if patient in text]
        assert numbers == sorted(numbers)
    await ward.reception.stop()


async def test_two_long_visits_do_not_share_a_batch() -> None:
    ward = Ward("a", long="ab")
    await ward.reception.start()
    told = ward.comes("a1", "b1", "a2", "b2")
    await until(lambda: ward.began)
    ward.gates["a"].set()
    await asyncio.gather(*told)
    assert ward.taken == ["a1", "a2", "b1", "b2"]
    await ward.reception.stop()


async def test_a_visit_that_has_become_long_is_derived_aside_to_the_same_facts(intake: Intake) -> None:
    apart = Intake(intake.database, intake.site, intake.seal, intake.clock)
    apart.long_visits.long = 3
    one, other = Hospital(intake), Hospital(apart)
    for hospital in (one, other):
        for day in range(10, 18):
            unit = "3W" if day < 14 else "RES"
            trigger = {10: "A01", 14: "A02", 17: "A03"}.get(day, "A08")
            assert await hospital.tells(trigger, f"202603{day}090000", unit=unit) == "AA"
        assert await hospital.tells("A13", "20260318090000") == "AA"
        assert await hospital.tells("A08", "20260318100000", visit="") == "AA"
    await apart.long_visits.apart.stop()
    assert await one.standing() == await other.standing()
    assert await one.notes() == await other.notes()
    assert await one.names() == await other.names()
    assert [apart.long_visits.has([("GOODHEALTH", "GH", each.mrn)]) for each in (other, one)] == [True, False]
