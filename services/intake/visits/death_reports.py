"""What a facility's messages say together of a patient's death, in whatever order they came. Pure.

Contract 3.6 rule 13: PID-30 `Y`, PID-29 and a disposition tell a death; PID-30 `N` or `""` without PID-29, said later,
takes it back. PID-29 beside PID-30 `N` is a death that the same message contradicts, and so is a disposition beside it.
What is kept of a patient doesn't grow with the messages: the last one that takes a death back, and the reports after
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from pydantic import TypeAdapter

from services.intake.hl7.model import REMOVED, Adt, Moment, VisitMessage

_COUNTER = re.compile(r"(.*?)(\d{1,18})", re.DOTALL)


class Order(NamedTuple):
    """The sort key of when a message was said: EVN-2, MSH-7, then control ids as they count up, then our message id."""

    stated_at: datetime
    sent_at: datetime
    control: str
    number: int
    message_id: str


def order_of(said: VisitMessage) -> Order:
    """The sort key of a message among all of its facility, with times in UTC; it does not depend on when they came."""
    adt = said.adt
    counted = _COUNTER.fullmatch(adt.control_id)
    control, number = (counted[1], int(counted[2])) if counted else (adt.control_id, 0)
    sent = adt.sent_at or adt.stated_at
    return Order(adt.stated_at.astimezone(UTC), sent.astimezone(UTC), control, number, said.message_id)


@dataclass(frozen=True, slots=True)
class DeathReport:
    """What one message says of a death.

    `dead`: PID-30 `Y` or a disposition; `time`: PID-29 without it; `no-time`: PID-29 is `""`. `at` is the event's time,
    for where no time of death (`died_at`, PID-29) was told. `contradicted`: the same message has PID-30 `N`.
    """

    order: Order
    says: Literal["dead", "time", "no-time"]
    at: datetime
    died_at: datetime | None = None
    contradicted: bool = False


@dataclass(frozen=True, slots=True)
class DeathRecord:
    """What one facility told of one patient's death. It is stored as JSON, under these names.

    `alive` is when a death was last taken back, `tellings` are the reports of PID after that, and `ends` has by visit
    id the ends of its stays whose disposition is a death.
    """

    alive: Order | None = None
    tellings: tuple[DeathReport, ...] = ()
    ends: dict[str, tuple[DeathReport, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.alive is not None or bool(self.tellings) or bool(self.ends)


@dataclass(frozen=True, slots=True)
class Death:
    """The death that stands.

    `at` is when it was: PID-29 as told last (also in `died_at`), else the earliest event that told it. `contradicted`:
    the last report of it has PID-30 `N` beside it. `first`: which message said it first.
    """

    at: datetime
    died_at: datetime | None
    contradicted: bool
    first: Order


def mentions_death(adt: Adt) -> bool:
    """Whether the message's PID says anything of a death."""
    return adt.deceased or adt.death is not None or adt.died is not None


def with_messages(before: DeathRecord, said: Iterable[VisitMessage]) -> DeathRecord:
    """The record with what the PID of these messages says; a message that is in it already changes nothing."""
    every = list(said)
    back = [order_of(one) for one in every if _takes_back(one.adt)]
    alive = max([before.alive, *back] if before.alive else back, default=None)
    found = {one.order: one for one in before.tellings}
    found |= {told.order: told for one in every if (told := _report(one)) is not None}
    left = (found[order] for order in sorted(found) if alive is None or order > alive)
    return replace(before, alive=alive, tellings=tuple(left))


def with_ends(before: DeathRecord, visit_id: str, ends: Iterable[tuple[VisitMessage, datetime]]) -> DeathRecord:
    """The record with these `ends` of a visit's stays that are a death: (message that says so, end of the stay)."""
    told = tuple(
        DeathReport(order_of(said), "dead", at.astimezone(UTC), contradicted=said.adt.death == "N") for said, at in ends
    )
    others = {visit: each for visit, each in before.ends.items() if visit != visit_id}
    return replace(before, ends={**others, **({visit_id: told} if told else {})})


def takes_back(alive: Order | None, said: VisitMessage) -> bool:
    """Whether a disposition in this message, which tells a death, was taken back later: at `alive`, if at all."""
    return alive is not None and said.adt.death != "N" and order_of(said) < alive


def death_of(record: DeathRecord) -> Death | None:
    """The death that stands by all that was told; None where there is none."""
    since = max((one.order for one in record.tellings if one.says == "no-time"), default=None)
    times = [one for one in record.tellings if one.died_at and (since is None or one.order > since)]
    flags = [one for one in (*record.tellings, *_ends(record)) if one.says == "dead"]
    told = sorted({one.order: one for one in (*flags, *times)}.values(), key=lambda one: one.order)
    if not told:
        return None
    died_at = max(times, key=lambda one: one.order).died_at if times else None
    return Death(died_at or min(one.at for one in told), died_at, told[-1].contradicted, told[0].order)


def _ends(record: DeathRecord) -> Iterator[DeathReport]:
    """The dispositions that stand: those said after a death was last taken back, and those whose own message has PID-30
    `N`, since a sender with `N` in every message takes nothing back by it."""
    for ends in record.ends.values():
        yield from (one for one in ends if one.contradicted or record.alive is None or one.order > record.alive)


def _takes_back(adt: Adt) -> bool:
    """Whether the message's PID takes a death back."""
    return not adt.deceased and (adt.death == "N" or adt.death is REMOVED)


def _report(said: VisitMessage) -> DeathReport | None:
    """What the message's PID says of a death; None where it tells none, and no time that is to be removed."""
    adt, at = said.adt, said.adt.event.start.astimezone(UTC)
    if adt.deceased:
        died_at = adt.died.end.astimezone(UTC) if isinstance(adt.died, Moment) else None
        says: Literal["dead", "time"] = "dead" if adt.death == "Y" or died_at is None else "time"
        return DeathReport(order_of(said), says, at, died_at, contradicted=adt.death == "N")
    return DeathReport(order_of(said), "no-time", at) if adt.died is REMOVED and adt.death is None else None


_RECORD = TypeAdapter(DeathRecord)


def encode(record: DeathRecord) -> bytes:
    """The record as JSON: times, control ids and our message ids."""
    return _RECORD.dump_json(record)


def decode(kept: bytes) -> DeathRecord:
    """The record from the JSON that `encode` made."""
    return _RECORD.validate_json(kept)
