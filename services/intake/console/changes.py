"""What a transaction did, or would do: facts stated, replaced and taken back, and messages noted anew. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import orjson

from services.intake.console.views import NotedMessage, WrittenFact

FactChange = Literal["stated", "replaced", "taken-back"]


class ChangedFact(NamedTuple):
    """A fact that is stated, stated anew in the place of another (`replaced`), or taken back. `own`: its own fields, of
    one that is taken back those that it had."""

    change: FactChange
    type: str
    episode_id: str
    visit_id: str | None
    occurred_at: datetime
    key: tuple[str, ...]
    own: bytes


class NotedAnew(NamedTuple):
    """A message of which something else is noted than before; `before` is None for a new one."""

    message_id: str
    trigger: str
    before: str | None
    note: str
    reason: str | None


class Changes(NamedTuple):
    """All that changes. `digest` is the same for the same changes, whenever they are worked out."""

    facts: Sequence[ChangedFact]
    notes: Sequence[NotedAnew]

    @property
    def digest(self) -> str:
        """Sixteen hex digits. Ids and times of stating are not in it: they are new each time."""
        facts = [(each.change, each.key, each.occurred_at.isoformat(), each.own.decode()) for each in self.facts]
        told = orjson.dumps([sorted(facts), [tuple(each) for each in self.notes]])
        return hashlib.sha256(told).hexdigest()[:16]


def changes_of(
    written: Sequence[WrittenFact], now: Sequence[NotedMessage], before: Mapping[str, NotedMessage]
) -> Changes:
    """The changes by the rows that a transaction wrote, and what was noted of the messages before it."""
    fell = {(each.visit_id, tuple(each.key)): each for each in written if each.fell}
    stated = [each for each in written if each.standing]
    new = {(each.visit_id, tuple(each.key)) for each in stated}
    facts = [_changed(each, "replaced" if (each.visit_id, tuple(each.key)) in fell else "stated") for each in stated]
    facts += [_changed(each, "taken-back") for place, each in fell.items() if place not in new]
    return Changes(tuple(facts), tuple(_anew(each, before) for each in now if _differs(each, before)))


def _changed(fact: WrittenFact, change: FactChange) -> ChangedFact:
    place = (fact.type, fact.episode_id, fact.visit_id, fact.occurred_at, tuple(fact.key))
    return ChangedFact(change, *place, bytes(fact.value))


def _differs(now: NotedMessage, before: Mapping[str, NotedMessage]) -> bool:
    return now.message_id not in before or before[now.message_id] != now


def _anew(now: NotedMessage, before: Mapping[str, NotedMessage]) -> NotedAnew:
    was = before.get(now.message_id)
    return NotedAnew(now.message_id, now.trigger, was.note if was else None, now.note, now.reason)
