"""A hospital's messages through each of the three doors, told apart by a mark on their ids; expects nothing of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import httpx

from services.intake.hl7.frames import framed
from services.intake.hl7.parser import NULL, Message, Segment
from tests.databases import everything, produce
from tests.intake.said import er7
from tests.system import System
from tests.waiting import until

ER7 = "x-application/hl7-v2+er7"
UNITS = {"A02": "RES", "A06": "3W", "A07": "OPC", "E": "ED", "O": "OPC", "R": "OPC"}
"""By trigger, else by patient class; anybody else is at 3W."""
LAST = "LAST"
"""Control id of the message after all others; its trigger is not taken, so that it is answered and not kept."""
AT_ONCE = 16
"""Requests on their way at most."""
Change = Callable[[str], str]


@dataclass(frozen=True)
class Told:
    """One message of a file. The file may be named where something is wrong, nothing that is in it."""

    file: str
    message: Message

    @property
    def trigger(self) -> str:
        """MSH-9.2."""
        return self.message.msh.get(9, 2)

    def as_it_is(self, mark: str) -> bytes:
        """As the hospital wrote it, about a patient and a visit of this mark."""
        return self._with(self._marked(mark))

    def from_our_hospital(self, mark: str) -> bytes:
        """The same as GOODHEALTH would say it, in production, of one of its units."""
        unit = UNITS.get(self.trigger) or UNITS.get(self.message.get("PV1", 2), "3W")
        ours = {("MSH", 4): "GOODHEALTH", ("MSH", 11): "P", ("PV1", 3): unit}
        return self._with({**self._marked(mark), **{place: _always(text) for place, text in ours.items()}})

    def _marked(self, mark: str) -> dict[tuple[str, int], Change]:
        """The first component of every repetition of what names a patient or a visit, and the message's id.

        That one is marked in front: at their ends, such ids count up.
        """
        marks = self.message.marks
        ends = re.escape(marks.component + marks.sub + marks.repetition)
        begin = f"(?:^|{re.escape(marks.repetition)})" if marks.repetition else "^"
        first = re.compile(f"{begin}([^{ends}]+)")

        def marked(text: str) -> str:
            return first.sub(lambda m: m[0] + mark if m[1].strip() not in {"", NULL} else m[0], text)

        found: dict[tuple[str, int], Change] = dict.fromkeys([("PID", 2), ("PID", 3), ("PID", 18), ("PV1", 19)], marked)
        return found | {("MSH", 10): lambda text: text and mark + text}

    def _with(self, changes: Mapping[tuple[str, int], Change]) -> bytes:
        lines = [self._line(segment, changes) for segment in self.message.segments]
        return "".join(line + "\r" for line in lines).encode(self.message.charset, "replace")

    def _line(self, segment: Segment, changes: Mapping[tuple[str, int], Change]) -> str:
        fields = segment.line.split(self.message.marks.field)
        for (name, number), change in changes.items():
            if name == segment.name:
                place = number - (name == "MSH")
                fields += [""] * (place + 1 - len(fields))
                fields[place] = change(fields[place])
        return self.message.marks.field.join(fields)


def _always(text: str) -> Change:
    return lambda _: text


def _last(mark: str) -> bytes:
    return er7("A99", control_id=mark + LAST)


async def over_mllp(system: System, said: Sequence[bytes], mark: str) -> list[bytes]:
    """All on one connection, none waiting for the answer to the one before: the answers as they came."""
    sender = await system.sender()
    sender.writer.write(b"".join(map(framed, [*said, _last(mark)])))
    answers = [await sender.answer()]
    while answers[-1] and (mark + LAST).encode() not in answers[-1]:
        answers.append(await sender.answer())
    await sender.close()
    return answers


async def over_kafka(system: System, said: Sequence[bytes], mark: str) -> list[bytes]:
    """All with one key, so that they stay in order: the answers on hospital.acks."""
    key, headers = f"GOODHEALTH|{mark}".encode(), [("content-type", ER7.encode())]
    await produce(system.kafka, "hospital.adt", [(key, raw, headers) for raw in [*said, _last(mark)]])

    async def answers() -> list[bytes]:
        found = [one.value or b"" for one in await everything(system.kafka, "hospital.acks") if one.key == key]
        return found if found and (mark + LAST).encode() in found[-1] else []

    return list(await until(answers, 60, every=0.2))


async def over_http(system: System, said: Sequence[bytes], mark: str) -> list[bytes]:
    """Several requests at once where they have no id in common: the answers in the bodies, in the order asked."""
    headers = {"authorization": f"Bearer {system.ready['tokens']['hospital']}", "content-type": ER7}
    bodies: list[bytes] = []
    async with httpx.AsyncClient(base_url=system.ready["intake"], headers=headers, timeout=30) as client:
        for some in [*_of_others(said, mark), [_last(mark)]]:
            answers = await asyncio.gather(*(client.post("/hl7v2", content=raw) for raw in some))
            assert {answer.status_code for answer in answers} <= {200, 204}
            bodies += [answer.content for answer in answers]
    return [piece for body in bodies for piece in re.split(rb"(?<=\r)(?=MSH)", body) if piece]


def _of_others(said: Sequence[bytes], mark: str) -> Iterator[list[bytes]]:
    """All in their order, in runs of messages of which each is about another patient, visit and message."""
    run: list[bytes] = []
    known: set[bytes] = set()
    for raw in said:
        ids = set(re.findall(rb"[\w.-]*" + mark.encode() + rb"[\w.-]*", raw))
        if run and (len(run) == AT_ONCE or not ids or ids & known):
            yield run
            run, known = [], set()
        run.append(raw)
        known |= ids
    yield run


Door = Callable[[System, Sequence[bytes], str], Awaitable[list[bytes]]]
DOORS: dict[str, Door] = {"M": over_mllp, "K": over_kafka, "H": over_http}


async def through_every_door(
    system: System, told: Sequence[Told], written: Callable[[Told, str], bytes], story: str
) -> dict[str, list[bytes]]:
    """Send all by each door at once, about three patients each; mark → the answers, when all has come to rest."""
    marks = [f"{story}DOOR{letter}" for letter in DOORS]
    sendings = [
        door(system, [written(one, mark) for one in told], mark)
        for door, mark in zip(DOORS.values(), marks, strict=True)
    ]
    answers = await asyncio.gather(*sendings)
    await system.idle()
    return dict(zip(marks, answers, strict=True))
