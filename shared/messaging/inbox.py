"""Puts a consumer's facts in line: each episode's facts by each writer's sequence, in whatever order they arrive.

Used by every consumer that goes by sequence. A fact that is too early is parked until the gap before it is filled, a
repeat is counted, another fact with a used sequence becomes a dead letter; the handler gets locked rows and the facts
that are next in line. Consumers of whole documents go by their `version` instead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Generic, NamedTuple, Protocol, TypeVar

from shared.errors import Transient
from shared.facts.envelope import Fact
from shared.facts.ordering import FactPlace, Sorted, old_places, place_of, sort_out, tell_repeats
from shared.messaging import positions
from shared.messaging.positions import Incoming, Slot, Tally
from shared.storage.database import Connection

TAKEN = "another fact of this writer has this ce_sequence already"


class OwnFactAhead(Transient):
    """A fact of the consumer's own service came back that it does not know: its database is an older one (contract
    5.8)."""

    def __init__(self, slot: Slot) -> None:
        super().__init__(f"a fact of this service on {slot.topic}, partition {slot.partition}, is not in its database")
        self.slot = slot


class HasSeen(Protocol):
    """An episode's locked row: each writer's last sequence."""

    @property
    def seen(self) -> dict[str, int]: ...


Row = TypeVar("Row", bound=HasSeen)


class InLine(NamedTuple, Generic[Row]):
    """One episode's row with the facts that are next in line, by sequence; `seen`: each writer's last sequence after
    them."""

    row: Row
    facts: tuple[Fact, ...]
    seen: dict[str, int]


@dataclass(frozen=True, slots=True)
class Inbox(Generic[Row]):
    """How a subscription orders a batch (`Order`) where facts go by sequence.

    `lock`: locks the rows of these episodes, given with what arrives about each, in the order of their ids, inserting
    missing ones, after the positions that
    the tally has to advance (`positions.then`). `handled`: the ce_ids of facts handled earlier at these places, after
    these positions too; the handler has to store the ce_ids, and each row's `seen`. `own`: the writer whose facts come
    back to it, so that both have them before they come; None: nobody's do.
    """

    consumer: str
    lock: Callable[[Connection, Mapping[str, Sequence[Incoming]], Tally], Awaitable[Mapping[str, Row]]]
    handled: Callable[[Connection, Sequence[FactPlace], Tally], Awaitable[Mapping[FactPlace, str]]]
    own: str | None = None

    async def __call__(
        self, connection: Connection, incoming: Sequence[Incoming], tally: Tally
    ) -> dict[str, InLine[Row]]:
        """Inside the batch's transaction: only the episodes that have facts in line, for the handler.

        Every fact is counted in `tally` as applied, repeated, waiting or refused. Raises OwnFactAhead, which leaves all
        as it was.
        """
        own = [one for one in incoming if one.fact.writer == self.own] if self.own else []
        left = await self._without_repeats(own, connection, incoming, tally) if own else incoming
        if not left:
            return {}
        arriving: dict[str, list[Incoming]] = defaultdict(list)
        for one in left:
            arriving[one.fact.subject].append(one)
        rows = await self.lock(connection, arriving, tally)
        if tally.advance:
            raise RuntimeError(f"{self.consumer}: its rows are locked, but its positions are not advanced")
        for one in left if own else ():
            if one.fact.writer == self.own and one.fact.sequence > rows[one.fact.subject].seen.get(one.fact.writer, 0):
                raise OwnFactAhead(one.slot)
        parked = await positions.waiting(connection, self.consumer, list(arriving)) if tally.some_wait else {}
        line = {
            episode: sort_out(rows[episode].seen, chain(parked.get(episode, ()), new))
            for episode, new in arriving.items()
        }
        await self._park(connection, list(line.values()), list(chain.from_iterable(parked.values())), tally)
        await self._count_old(connection, list(line.values()), tally)
        return {
            episode: InLine(rows[episode], tuple(one.fact for one in found.apply), found.seen)
            for episode, found in line.items()
            if found.apply
        }

    async def _without_repeats(
        self, own: Sequence[Incoming], connection: Connection, incoming: Sequence[Incoming], tally: Tally
    ) -> Sequence[Incoming]:
        """What is left without own facts that come back as they were stated (contract 5.2): these are counted as
        repeats by their ce_id, and their episodes are not locked for them. An own fact that is another one, or that is
        not known, stays."""
        stated = await self.handled(connection, [place_of(one.fact) for one in own], tally)
        repeats = {id(one) for one in own if stated.get(place_of(one.fact)) == one.fact.id}
        tally.all((one for one in own if id(one) in repeats), "repeated")
        return [one for one in incoming if id(one) not in repeats]

    async def _park(
        self, connection: Connection, line: Sequence[Sorted[Incoming]], parked: Sequence[Incoming], tally: Tally
    ) -> None:
        """Store facts that came early, delete parked ones that are now in line, and count both."""
        before = {(one.slot, one.offset) for one in parked}
        left = {(one.slot, one.offset) for found in line for one in found.early} if before else set()
        early = [one for found in line for one in found.early if (one.slot, one.offset) not in before]
        taken = [one for one in parked if (one.slot, one.offset) not in left]
        await positions.unpark(connection, self.consumer, taken)
        await positions.park(connection, self.consumer, early)
        tally.all(early, "waiting")
        tally.all(taken, "waiting", -1)
        tally.all((one for found in line for one in found.apply), "applied")

    async def _count_old(self, connection: Connection, line: Sequence[Sorted[Incoming]], tally: Tally) -> None:
        """Count repeats; make dead letters of other facts with a used sequence (contract 5.2)."""
        if places := old_places(line):
            told = tell_repeats(line, await self.handled(connection, list(places), tally))
            tally.all((one for one, repeat in told if repeat), "repeated")
            for one in (one for one, repeat in told if not repeat):
                tally.refuse(one, TAKEN)
