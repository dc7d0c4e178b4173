"""Plays the stories at a system, each as told, with every message twice, and in other orders of arrival; then compares
what stands with what the story says."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count, permutations
from random import Random
from typing import Literal

from tools.iti31.adapter import Adapter, VisitSeen
from tools.iti31.messages import Endpoint, Numbers, written
from tools.iti31.stories import Leave, Stands, Story

Order = Literal["as told", "each twice", "other order"]
ORDERS: tuple[Order, ...] = ("as told", "each twice", "other order")
AT_ONCE = 4
MOST_ORDERS = 6
"""How many other orders of arrival of one story are played: the reverse, and some by chance (the same in each run)."""
QUIET = 2.0
"""Seconds: what stands is taken as final when it did not change for so long."""
PATIENCE = 60.0


@dataclass(slots=True)
class Play:
    """One playing of a story: the order in which its messages arrive, the numbers in it, and what came of it."""

    story: Story
    order: Order
    arrivals: Sequence[int]
    numbers: Numbers
    answers: list[str] = field(default_factory=list)
    stands: frozenset[Stands] = frozenset()

    @property
    def wrong(self) -> list[str]:
        """What is otherwise than the story says, in words; empty where nothing is."""
        refused = sorted({code for code in self.answers if code not in {"AA", "CA"}})
        said = [f"answered {code}" for code in refused]
        missing, more = frozenset(self.story.stands) - self.stands, self.stands - frozenset(self.story.stands)
        return [*said, *(f"missing: {each}" for each in sorted(map(str, missing))),
                *(f"stands too: {each}" for each in sorted(map(str, more)))]  # fmt: skip


def plays(chosen: Iterable[Story]) -> Iterator[Play]:
    """Every playing of these stories, each with numbers of its own."""
    run, numbers = secrets.token_hex(3).upper(), count(1)
    for story in chosen:
        for order, arrivals in _arrivals(len(story.says)):
            yield Play(story, order, arrivals, Numbers(f"{run}{next(numbers)}"))


def _arrivals(messages: int) -> Iterator[tuple[Order, Sequence[int]]]:
    told = tuple(range(messages))
    yield "as told", told
    yield "each twice", [nth for nth in told for _ in range(2)]
    others = [each for each in permutations(told) if each != told]
    if others:
        chosen = [others.pop(), *Random(messages).sample(others, min(MOST_ORDERS - 1, len(others)))]  # noqa: S311 - no secret
        yield from (("other order", each) for each in chosen)


async def play_all(
    every: Sequence[Play], adapter: Adapter, endpoint: Endpoint, tick: Callable[[int], None] = lambda _: None
) -> None:
    """Play them, several at once, and note in each what stands. `tick` is called with the number of plays just sent."""
    await adapter.reset()
    room = asyncio.Semaphore(AT_ONCE)

    async def send(one: Play) -> None:
        async with room:
            messages = written(one.story, one.numbers, endpoint)
            for nth in one.arrivals:
                one.answers.append(await adapter.send(messages[nth]))
            tick(1)

    async with asyncio.TaskGroup() as sending:
        for one in every:
            sending.create_task(send(one))
    await _settled(every, adapter, endpoint)


async def _settled(every: Sequence[Play], adapter: Adapter, endpoint: Endpoint) -> None:
    """Ask what stands until all is as told, or nothing has changed for a while."""
    names = {code: place for place, code in endpoint.codes.items()}
    patients = [number for one in every for name, number in one.numbers.numbers.items() if name.startswith("p")]
    clock = asyncio.get_running_loop().time
    changed = begun = clock()
    while True:
        found = await adapter.stands(patients)
        before = [one.stands for one in every]
        _note(every, found, names)
        if before != [one.stands for one in every]:
            changed = clock()
        if not any(one.wrong for one in every) or clock() > min(changed + QUIET, begun + PATIENCE):
            return
        await asyncio.sleep(0.2)


def _note(every: Sequence[Play], found: Iterable[VisitSeen], names: Mapping[str, str]) -> None:
    """Note each visit in the play that has its patient."""
    plays = {number: one for one in every for number in one.numbers.numbers.values()}
    stands: dict[int, set[Stands]] = {id(one): set() for one in every}
    for visit in found:
        one = plays[visit.patient]
        stands[id(one)].add(_in_words(visit, one, names))
    for one in every:
        one.stands = frozenset(stands[id(one)])


def _in_words(visit: VisitSeen, one: Play, names: Mapping[str, str]) -> Stands:
    """A visit in the words of the play's story."""
    at = datetime.fromisoformat
    return Stands(
        one.story.visit(one.numbers.name(visit.visit)),
        one.numbers.name(visit.patient),
        tuple((names.get(place, place), at(since)) for place, since in visit.places),
        tuple(Leave(at(since), at(until) if until else None) for since, until in visit.leaves),
        at(visit.ended) if visit.ended else None,
    )
