"""From what a hospital records to what it sends: late, twice, out of order, again from a second system, or broken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tools.simulator.chances import Chance, OfMessages
from tools.simulator.hospital_messages import SimulatedMessage
from tools.simulator.messages import Message

WAYS = {"no-patient": 3, "no-control-id": 2, "unreadable-time": 2, "test-system": 2, "unknown-trigger": 1}
"""How a message can be broken so that it is refused; weights."""
AGAIN = timedelta(minutes=10)
"""How much later a second system records the same."""
SOON = timedelta(days=4)
"""Only a message that follows within this time is sent before the one it follows: a discharge that arrived after the
next episode began would make one episode of the two."""
REPEATABLE = frozenset({"A01", "A03", "A04"})
"""Triggers that a second system sends again."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message, when it is sent (`at`) and when the hospital recorded it (`said`). `broken`: it must be refused."""

    at: datetime
    said: datetime
    message: Message
    broken: bool = False


def sent(told: list[SimulatedMessage], rates: OfMessages, chance: Chance) -> list[Sent]:
    """Everything that is sent about one patient, in the order of sending, from the messages in the order recorded."""
    found: list[Sent] = []
    for number, one in enumerate(told):
        following = told[number + 1].said if number + 1 < len(told) else one.said
        found += _one(one, following, rates, chance)
    return sorted(found, key=lambda each: each.at)


def _one(one: SimulatedMessage, following: datetime, rates: OfMessages, chance: Chance) -> list[Sent]:
    at = one.said + timedelta(seconds=chance.between(1, 40))
    found: list[Sent] = []
    if chance.happens(rates.broken_first):
        found.append(Sent(at - timedelta(seconds=1), one.said, _broken(one, chance), broken=True))
    if chance.happens(rates.late):
        at += timedelta(hours=chance.between(*rates.late_hours))
    elif chance.happens(rates.overtaken) and following - one.said <= SOON:
        at = max(at, following + timedelta(minutes=2))
    found.append(Sent(at, one.said, one.message))
    if chance.happens(rates.sent_twice):
        found.append(Sent(at + timedelta(minutes=chance.between(1, 30)), one.said, one.message))
    if one.message.trigger in REPEATABLE and chance.happens(rates.told_again):
        found.append(Sent(at + AGAIN, one.said + AGAIN, _again(one)))
    return found


def _again(one: SimulatedMessage) -> Message:
    """The message as a second system sends it: recorded AGAIN later, with another control id."""
    later, number = one.said + AGAIN, one.visit.next_id()
    raw = one.message.raw.replace(one.message.control_id.encode(), number.encode(), 1)
    was, now = (f"{each:%Y%m%d%H%M%S%z}".encode() for each in (one.said, later))
    return Message(one.message.trigger, number, raw.replace(was, now, 2))  # MSH-7 and EVN-2


def _broken(one: SimulatedMessage, chance: Chance) -> Message:
    """The message broken in one of WAYS, with another control id; the right one is sent after it."""
    good, number = one.message, one.visit.next_id()
    raw = good.raw.replace(good.control_id.encode(), number.encode(), 1)
    mark = raw[3:4]
    way = chance.one_of(WAYS)
    if way == "no-patient":
        end = one.visit.dialect.written([""])
        raw = end.join(line for line in raw.split(end) if not line.startswith(b"PID"))
    elif way == "no-control-id":
        raw, number = raw.replace(mark + number.encode() + mark, mark + mark, 1), ""
    elif way == "unreadable-time":
        for year in range(one.said.year - 1, one.said.year + 2):
            raw = raw.replace(mark + f"{year}".encode(), mark + b"the year ")
    elif way == "test-system":
        raw = raw.replace(mark + b"P" + mark, mark + b"D" + mark, 1)
    else:
        raw = raw.replace(b"ADT" + raw[4:5] + good.trigger.encode(), b"ADT" + raw[4:5] + b"A99", 1)
    return Message(good.trigger, number, raw)
