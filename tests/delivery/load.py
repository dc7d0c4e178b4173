"""A hospital under load: patients' messages over several connections, sent again until each has its answer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.intake.hl7.frames import framed
from tests.intake.said import er7
from tests.intake.sender import Sender
from tests.system import System

NOW = datetime.now(ZoneInfo("America/New_York")).replace(microsecond=0)
WINDOW = 8
"""Messages that a connection has under way at once."""


@dataclass(frozen=True)
class Patient:
    """One patient with one visit: admitted, discharged, and with some the discharge is taken back."""

    number: int
    taken_back: bool

    @property
    def visit(self) -> str:
        return f"LOAD{self.number}"

    def messages(self) -> list[bytes]:
        """In clinical order."""
        triggers = ["A01", "A03", "A13"] if self.taken_back else ["A01", "A03"]
        return [self.message(trigger, 6 - 2 * place) for place, trigger in enumerate(triggers)]

    def message(self, trigger: str, days_ago: int, disposition: str | None = None) -> bytes:
        """One more message about the visit, said so many days ago."""
        at = (NOW - timedelta(days=days_ago)).strftime("%Y%m%d%H%M%S%z")
        began = (NOW - timedelta(days=6)).strftime("%Y%m%d%H%M%S%z")
        return er7(
            trigger, at,
            control_id=f"{trigger}{self.number}", visit=self.visit,
            pid={3: f"{100000 + self.number}^^^GH^MR", 5: "Loadbearing^Ignatius"},
            pv1={
                44: began,
                **({36: "01", 45: at} if trigger == "A03" else {}),
                **({36: disposition} if disposition else {}),
            },
        )  # fmt: skip

    @property
    def state(self) -> str:
        return "active" if self.taken_back else "between"


def patients(number: int, first: int = 0) -> list[Patient]:
    """Every fifth one's discharge is taken back."""
    return [Patient(first + n, n % 5 == 0) for n in range(number)]


def feed(people: Iterable[Patient], seed: int = 7) -> list[bytes]:
    """Their messages: some patients' out of order, some messages twice."""
    chance, found = random.Random(seed), []
    for one in people:
        told = one.messages()
        if chance.random() < 0.3:
            chance.shuffle(told)
        told += [message for message in told if chance.random() < 0.15]
        found.append(told)
    return list(_interleaved(found, chance))


def _interleaved(told: Sequence[list[bytes]], chance: random.Random) -> Iterator[bytes]:
    """Twenty patients at a time, each one's messages in the order given."""
    for first in range(0, len(told), 20):
        group = [list(each) for each in told[first : first + 20]]
        while group := [each for each in group if each]:
            yield chance.choice(group).pop(0)


@dataclass
class Answered:
    """What came back: acknowledgement codes, and how often something had to be sent again."""

    codes: list[bytes] = field(default_factory=list)
    again: int = 0


async def deliver(system: System, messages: Sequence[bytes], told: Answered) -> None:
    """One connection: sends in order, and all that has no answer again when the connection breaks or AR comes."""
    left = list(messages)
    while left:
        sender = await system.sender()
        answered = await _while_it_holds(sender, left, told)
        await sender.close()
        if answered < len(left):
            told.again += 1
            await asyncio.sleep(0.05)
        left = left[answered:]


async def _while_it_holds(sender: Sender, messages: Sequence[bytes], told: Answered) -> int:
    """How many were answered for good before the connection broke or one was refused."""
    sent = 0
    for number in range(len(messages)):
        while sent < min(number + WINDOW, len(messages)):
            sender.writer.write(framed(messages[sent]))
            sent += 1
        try:
            answer = await sender.answer()
        except (TimeoutError, OSError):
            return number
        if not answer or b"MSA|AR|" in answer:
            return number
        control_id = messages[number].split(b"|")[9]
        assert b"|" + control_id in answer, "an answer is not that of its message"
        told.codes.append(answer.split(b"MSA|")[1][:2])
    return len(messages)


async def deliver_all(system: System, messages: Sequence[bytes], connections: int = 6) -> Answered:
    """All of them over so many connections at once; a patient's messages may travel on different ones."""
    told = Answered()
    await asyncio.gather(*(deliver(system, messages[n::connections], told) for n in range(connections)))
    return told
