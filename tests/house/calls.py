"""How many functions of ours one discharge calls, in intake (an ADT^A03) and in placement (its `discharged`).

A wall clock is no judge on a busy machine; this figure is the same on every machine and in every run. It is kept in
bench/calls.json, and `python -m tests.house.calls` writes it anew. Not counted: the standard library and packages,
comprehensions (Python 3.12 no longer calls them), statements to the database, of which there is none here.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, cast
from unittest.mock import patch

import orjson

import services
import shared
from services.intake.hl7 import codec
from services.intake.hl7.model import VisitMessage
from services.intake.receiving.in_line import settle
from services.intake.receiving.read import ER7, InboundMessage, Received
from services.intake.receiving.receive import Intake
from services.intake.receiving.store import NOTHING
from services.intake.visits.derive import ActiveFact
from services.intake.visits.reconcile import EpisodeSequences, VisitRecord, reconcile
from services.intake.visits.unnamed import visit_id
from services.placement.billing.model import SentPeriod
from services.placement.continuum.readable import checked
from services.placement.engine import apply, publish, store
from services.placement.engine.outcome import Outcome
from services.placement.rules import rules_of
from shared.clock import SetClock
from shared.facts.envelope import from_record, headers
from shared.messaging.inbox import InLine
from shared.site import config
from shared.storage.database import Connection, Database
from shared.storage.sealing import Seal
from tests.builders import EPISODE, a_story, admitted, covered, diagnosed, discharged
from tests.intake.said import er7

KEPT = Path(__file__).resolve().parents[2] / "bench" / "calls.json"
OURS = (*services.__path__, *shared.__path__)
INLINED = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
SITE = config.load(config.SAMPLE)
RULES = rules_of(SITE)
NO_CONNECTION = cast("Connection", None)
MORE = ("DG1|1||F33.2^MAJOR DEPRESSIVE DISORDER^I10|||A", "IN1|1|PPO|ACME")


class Calls:
    """So many so far."""

    number = 0

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(OURS) and code.co_name not in INLINED:
            self.number += 1


@contextmanager
def counted() -> Iterator[Calls]:
    """Counts what the body calls."""
    calls, before = Calls(), sys.getprofile()
    sys.setprofile(calls)
    try:
        yield calls
    finally:
        sys.setprofile(before)


async def of_intake() -> int:
    """An A03 read, sealed, given to its visit of which an A01 is stored, derived and stated, its facts as records."""
    intake = Intake(cast("Database", None), SITE, Seal({"k1": bytes(32)}), SetClock(NOW))
    admission = _read(intake, "A01", "20260302100000", pv1={44: "20260302100000"})
    visit, ledger = _stored(admission)
    stored = (admission.values or b"", admission.message_id)
    visit.messages.clear()
    with counted() as calls:
        message = _read(intake, "A03", "20260309140000", pv1={36: "01", 44: "20260302100000", 45: "20260309140000"})
        visit.messages.append(VisitMessage(codec.decode(stored[0]), stored[1], NOW))
        loaded = NOTHING._replace(visits=[visit], filled={visit.visit_id}, ledger=ledger)
        await settle(NO_CONNECTION, [message], set(), loaded, intake)
    assert message.note == "applied", "the discharge came to nothing"
    return calls.number


def _read(intake: Intake, trigger: str, said: str, **fields: Any) -> InboundMessage:
    raw = er7(trigger, said, control_id=trigger, more=MORE, **fields)
    (message,) = intake.messages_of(Received(raw, ER7, NOW))
    message.patient_id = "patient-1"
    return message


def _stored(message: InboundMessage) -> tuple[VisitRecord, EpisodeSequences]:
    """The visit and the episode as they are after this message."""
    assert message.adt is not None
    visit = VisitRecord("visit-1", "patient-1", message.facility, visit_id(message.adt) or "")
    visit.newest = VisitMessage(message.adt, message.message_id, NOW)
    visit.messages.append(visit.newest)
    ledger = EpisodeSequences()
    (changes,) = reconcile([visit], ledger, SITE, NOW)
    visit.standing = {new.key: ActiveFact(new.fact.id, new.fact.value.TYPE, new.fact.value) for new in changes.stated}
    return visit, ledger


async def of_placement() -> int:
    """A `discharged` decoded, folded into an episode of three facts, followed, billed, announced, made into records."""
    *before, end = [(fact.body, headers(fact)) for fact in _story()]
    made = await _applied(store.LockedEpisode(EPISODE), before, {})
    saved = made.saved._asdict()
    row = store.LockedEpisode(
        **{name: saved[name] for name in store.LockedEpisode.__slots__ if name not in {"seen", "facilities"}},
        seen=orjson.loads(made.saved.seen),
    )
    with counted() as calls:
        after = await _applied(row, [end], made.sent)
    assert len(after.records) > 1, "the discharge came to nothing"
    return calls.number


def _story() -> Sequence[Any]:
    at = "2026-03-02 10:00"
    return a_story(admitted(at), covered(at), diagnosed(at), discharged("2026-03-09 14:00"))


async def _applied(row: store.LockedEpisode, told: Sequence[Any], sent: Mapping[Any, SentPeriod]) -> Outcome:
    """What placement would save for these records of one episode; `sent`: the periods that went out before."""
    saved: list[Outcome] = []

    async def no_facts(*_: object) -> dict[str, Any]:
        return {}

    async def periods(*_: object) -> dict[str, Any]:
        return {EPISODE: sent}

    async def save(_: Connection, __: object, made: Sequence[Outcome], *___: object) -> None:
        saved.extend(made)

    numbers = count(1)
    with (
        patch.object(store, "facts_of_the_desk", no_facts),
        patch.object(store, "sent_periods", periods),
        patch.object(publish, "_save", save),
    ):
        facts = tuple(checked(from_record(*one), RULES.has_facility) for one in told)
        seen = row.seen | {fact.writer: fact.sequence for fact in facts}
        line = {EPISODE: InLine(row, facts, seen)}
        await apply.apply(NO_CONNECTION, line, rules=RULES, clock=SetClock(NOW), ids=lambda: f"id-{next(numbers)}")
    return saved[0]


COUNTS: dict[str, Callable[[], Awaitable[int]]] = {"intake": of_intake, "placement": of_placement}


async def figures() -> AsyncIterator[tuple[str, int]]:
    """(service, calls), each of a second time: what is worked out once a process is then there."""
    for service, of in COUNTS.items():
        await of()
        yield service, await of()


async def _written() -> None:
    found = {service: number async for service, number in figures()}
    KEPT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(found)


if __name__ == "__main__":
    asyncio.run(_written())
