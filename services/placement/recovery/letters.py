"""Settles the dead letters that only came of a loss: facts refused because their number was given already, to the same
fact (contract 5.2, 5.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from services.placement.recovery import store
from shared.clock import Clock
from shared.errors import InvalidMessage, Rejected
from shared.facts.envelope import Fact, from_record
from shared.facts.values import UnknownFact
from shared.messaging import dead_letter_desk
from shared.messaging.dead_letter_desk import OpenLetter
from shared.messaging.inbox import TAKEN
from shared.storage.database import Connection, Database
from shared.storage.sealing import CannotOpen, Seal

WHY = "the same fact stands under its number: it was refused only because a database or a topic was an older one"


@dataclass(slots=True)
class RefusedFacts:
    """The dead letters whose fact has a number that was taken. `same`: ids of those whose number has that very fact, by
    its ce_id or by all its content; `other`: how many have a number of another fact, or can't be opened."""

    database: Database
    seal: Seal
    clock: Clock
    same: list[str] = field(default_factory=list)
    other: int = 0

    async def compare(self) -> None:
        """Look at all that are dead, in pages; writes nothing."""
        self.same, self.other, after = [], 0, ""
        while True:
            async with self.database.read() as connection:
                page = await dead_letter_desk.open_letters(connection, TAKEN, after)
                if not page:
                    return
                same = await self._same(connection, page)
            self.same += same
            self.other += len(page) - len(same)
            after = page[-1].id

    async def settle(self, actor: str) -> int:
        """Discard those whose fact stands, with the reason in the audit; how many. After `compare`."""
        async with self.database.begin() as connection:
            done = await dead_letter_desk.ask(
                connection, self.same, "discarded", at=self.clock(), actor=actor, reason=WHY
            )
        return len(done)

    def gone(self) -> list[str]:
        """A sentence about those that stay; none where there are none."""
        told = f"{self.other:,} dead letters stay: their number has another fact; look at them with `dead-letters list`"
        return [told] if self.other else []

    async def _same(self, connection: Connection, page: Sequence[OpenLetter]) -> list[str]:
        read = {one.id: fact for one in page if (fact := self._fact(one)) is not None}
        stands = await store.at(connection, [(fact.subject, fact.writer, fact.sequence) for fact in read.values()])
        return [
            letter
            for letter, fact in read.items()
            if (kept := stands.get((fact.subject, fact.writer, fact.sequence))) is not None and _is_same(fact, kept)
        ]

    def _fact(self, letter: OpenLetter) -> Fact[UnknownFact] | None:
        try:
            content = letter.content(self.seal)
            return from_record(content.value, content.headers, lambda kind, body: UnknownFact())  # noqa: ARG005
        except (CannotOpen, Rejected, InvalidMessage):
            return None


def _is_same(one: Fact[UnknownFact], kept: Fact[UnknownFact]) -> bool:
    """True for one fact told twice under one number: of one id, or of one type and the same content, whenever it was
    recorded."""
    return one.id == kept.id or (one.type == kept.type and _content(one) == _content(kept))


def _content(fact: Fact[UnknownFact]) -> dict[str, object]:
    read = orjson.loads(fact.body)
    return {name: value for name, value in read.items() if name != "recorded_at"} if isinstance(read, dict) else {}
