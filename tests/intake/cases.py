"""Plays the messages of a file at intake as a hospital would send them, and tells what came of them in short lines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from services.intake.hl7.frames import VT, Framer
from services.intake.hl7.parser import pieces
from services.intake.receiving.read import Answer, Received
from services.intake.receiving.receive import Intake
from services.placement.billing.periods import periods
from services.placement.continuum.fold import fold
from shared.facts.envelope import Fact, from_record
from shared.messaging.outbox import stored

CASES = Path(os.environ.get("STEPDOWN_CASES", Path(__file__).resolve().parents[2].parent / "shared" / "cases"))
"""A folder with messages after public reports; it is not part of this repository."""
NEW_YORK = ZoneInfo("America/New_York")
_GONE = frozenset({"fact-cancelled"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What must come of the messages of one file; what is None is not asked.

    `facts` that stand, by clinical time, as `told` writes them; `notes` of the messages in the order sent, as `effect`
    or `effect reason`; `periods` on the bill, as `level first-day last-day`; `patients` who have a fact.
    """

    answers: Sequence[str]
    facts: Sequence[str] | None = None
    notes: Sequence[str] | None = None
    periods: Sequence[str] | None = None
    patients: int | None = None
    last: str | None = None
    """The note of the message that came last."""
    warnings: Sequence[Sequence[str]] | None = None
    """Of each message, in the order sent."""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of messages: the answers, all facts that were stated, and of each message note and warnings."""

    answers: list[Answer]
    stated: list[Fact]
    notes: list[str]
    warnings: list[list[str]] = field(default_factory=list)

    @property
    def standing(self) -> list[Fact]:
        """The facts that are neither cancelled nor replaced, by clinical time."""
        gone = {fact.as_json.get("cancels") or fact.as_json.get("replaces") for fact in self.stated}
        found = [fact for fact in self.stated if fact.id not in gone and fact.name not in _GONE]
        return sorted(found, key=lambda fact: (fact.value.occurred_at, fact.sequence))

    @property
    def patients(self) -> int:
        """How many patients have a fact that stands."""
        return len({fact.value.patient_id for fact in self.standing})


def frames_of(raw: bytes) -> list[bytes]:
    """The frames in a recorded stream; in a file without frame marks each message is one."""
    return list(Framer(1 << 20).feed(raw)) if VT in raw else pieces(raw)


async def play(intake: Intake, frames: Iterable[bytes]) -> Came:
    """Send frames to intake one after the other, each in a transaction of its own."""
    answers: list[Answer] = []
    for frame in frames:
        received = Received(frame, "mllp", intake.clock())
        answers += await intake.receive([intake.messages_of(received)])
    async with intake.database.read() as connection:
        facts = [from_record(row.value, row.headers) for row in await stored(connection)]
        query = sa.text("SELECT note, reason, warnings FROM messages ORDER BY message_id")
        rows = (await connection.execute(query)).all()
    notes = [f"{row.note} {row.reason or ''}".strip() for row in rows]
    return Came(answers, facts, notes, [list(row.warnings) for row in rows])


def told(facts: Iterable[Fact]) -> list[str]:
    """Facts as short lines: name, level or class, unit or what else tells it apart, and its time in New York."""
    return [" ".join(filter(None, (fact.name, *_parts(fact), _time(fact.value.occurred_at)))) for fact in facts]


def _parts(fact: Fact) -> list[str | None]:
    value = fact.as_json
    place = value.get("to", value)
    parts = [place.get("level"), place.get("class"), place.get("unit"), value.get("code")]
    if (expected := value.get("expected_at")) is not None:
        parts.append("expected " + _time(datetime.fromisoformat(expected)))
    return parts + [one["payer"] for one in value.get("coverage", ())]


def _time(at: datetime) -> str:
    return at.astimezone(NEW_YORK).strftime("%m-%d %H:%M")


def billed(facts: Sequence[Fact], intake: Intake) -> list[str]:
    """The service periods of the bill that placement makes of these facts: level, first day, day after the last."""
    found: list[str] = []
    site = intake.site
    for episode in dict.fromkeys(fact.subject for fact in facts):
        own = [fact for fact in facts if fact.subject == episode]
        for one in periods(fold(own, site.zone), site.zone, site.billed):
            days = [f"{day:%m-%d}" for day in (one.start, one.end) if day]
            found.append(" ".join([one.level, *days]))
    return found
