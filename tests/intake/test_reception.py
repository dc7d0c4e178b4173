"""Messages wait for one another: what is read meanwhile, and how they are taken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.intake.reception import Reception


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
