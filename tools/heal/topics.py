"""Reads the topics once into the spools of the services that are healed, and notes where each consumer's last record
is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from shared.messaging.positions import Slot, StoredPosition
from shared.messaging.reading import Reading
from shared.messaging.spool import Spool, Told, told

FACTS, DOCUMENTS = "care.events", "care.episodes"
BILLING = ("billing.service-periods", "billing.periods")
OUT = "out."


@dataclass(slots=True)
class TopicsPass:
    """One pass over the topics. `tick` gets the number of records just read."""

    topics: Reading
    spools: Mapping[str, Spool]
    stands: Sequence[StoredPosition]
    tick: Callable[[int], None]
    found: dict[tuple[str, int, int], str | None] = field(default_factory=dict)
    """(topic, partition, offset) → ce_id of the records that consumers handled last."""

    async def read(self) -> None:
        """Read what the services that are healed write, and what their consumers read."""
        names = {FACTS}
        if self.spools.keys() & {"placement", "aftercare"}:
            names.add(DOCUMENTS)
        if "placement" in self.spools:
            names |= {*BILLING, *self.topics.names(OUT)}
        last = {(one.topic, one.partition, one.last_offset) for one in self.stands if one.last_offset >= 0}
        names |= {one.topic for one in self.stands}
        for name in sorted(names & {*self.topics.names("")}):
            async for batch in self.topics.to_the_end(name):
                for record in batch:
                    if (place := (record.topic, record.partition, record.offset)) in last:
                        self.found[place] = _ce_id(record.headers)
                if name != "hospital.adt":
                    await self._put(name, told(batch))
                self.tick(len(batch))

    async def _put(self, topic: str, rows: Sequence[Told]) -> None:
        for service, spool in self.spools.items():
            if service == "placement":
                await spool.put(rows)
            elif topic == FACTS:
                await spool.put([row for row in rows if row.writer == service])
            elif topic == DOCUMENTS and service == "aftercare":
                await spool.put(rows)

    async def lost(self) -> dict[str, str]:
        """Consumer → why it can't go on from its position: its topic was made anew, cut, or restored older."""
        slots = {Slot(one.topic, one.partition) for one in self.stands}
        known = set(self.topics.names(""))
        ends = await self.topics.ends(sorted({slot.topic for slot in slots if slot.topic in known}))
        found: dict[str, str] = {}
        for one in self.stands:
            end = ends.get(TopicPartition(one.topic, one.partition), 0)
            place = (one.topic, one.partition, one.last_offset)
            if one.next_offset > end:
                found[one.consumer] = "its topic ends before its position"
            elif one.last_offset >= 0 and place in self.found and self.found[place] != one.last_id:
                found.setdefault(one.consumer, "its last record is another one now")
        return found


def _ce_id(headers: Sequence[tuple[str, bytes]]) -> str | None:
    raw = next((value for name, value in headers if name == "ce_id"), None)
    return raw.decode(errors="replace") if raw else None
