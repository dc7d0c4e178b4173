"""Hospitals that say things of several patients: messages by MRN and visit number, and what stands of them."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa

from services.intake.checks import broken
from services.intake.receiving.read import Received
from services.intake.receiving.receive import Intake
from shared.facts.envelope import Fact, from_record
from shared.messaging.outbox import stored
from tests.intake.conftest import NOW, patient_known_by

_COUNT = itertools.count(1)


def er7(
    trigger: str,
    at: str,
    mrn: str,
    *,
    visit: str = "",
    unit: str = "3W",
    account: str = "",
    mrg: dict[int, str] | None = None,
    other: str = "",
    more: str = "",
    pv1: dict[int, str] | None = None,
) -> bytes:
    """A message of GOODHEALTH said at `at`; `mrg` are fields of MRG, `other` is PID-3 of a second patient, `more` are
    other repetitions of PID-3."""
    ids = "~".join(filter(None, (f"{mrn}^^^GH^MR", more)))
    lines = [
        f"MSH|^~\\&|ADT|GOODHEALTH|SD|SD|{at}||ADT^{trigger}|R{next(_COUNT)}|P|2.5.1",
        f"EVN|{trigger}|{at}",
        f"PID|1||{ids}||TESTER^CASE||19800101|F||||||||||{account}",
    ]
    if mrg:
        lines.append("MRG|" + "|".join(mrg.get(place, "") for place in range(1, max(mrg) + 1)))
    if other:
        lines.append(f"PID|2||{other}^^^GH^MR||OTHER^CASE")
    own = {2: "I", 3: f"{unit}^101^A", 19: visit} if visit or account else {}
    own |= {44: at} if trigger in {"A01", "A04"} else {45: at, 36: "01"} if trigger == "A03" else {}
    own |= pv1 or {}
    if own:
        lines.append("PV1|" + "|".join(own.get(place, "") for place in range(1, 46)))
    return "".join(line + "\r" for line in lines).encode()


class Standing(NamedTuple):
    """A fact that stands: its name, the day of its clinical time, and its number as these tests call episodes."""

    name: str
    day: str
    patient: str
    episode: str
    copied: bool


class Ward:
    """Some patients at GOODHEALTH, whose numbers no other test has, and what stands of them."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.own = uuid.uuid4().hex[:8]

    def mrn(self, name: str) -> str:
        """The MRN of a patient who is called so here."""
        return f"{name}{self.own}"

    def says(self, trigger: str, at: str, patient: str, **more: Any) -> bytes:
        """A message; `into` is the patient whom MRG-1 names, numbers get this ward's own ending."""
        mrg = dict(more.pop("mrg", {}))
        if (retired := more.pop("retired", None)) is not None:
            mrg[1] = "~".join(f"{self.mrn(each)}^^^GH^MR" for each in retired.split())
        for place in (3, 5):
            if place in mrg:
                mrg[place] = self.mrn(mrg[place])
        for name in ("visit", "account", "other"):
            if more.get(name):
                more[name] = self.mrn(more[name])
        if "also" in more:
            more["more"] = f"{self.mrn(more.pop('also'))}^^^GH^MR"
        return er7(trigger, at, self.mrn(patient), mrg=mrg or None, **more)

    async def hears(self, *messages: bytes, apart: bool = True) -> list[str]:
        """The answers to messages, each in a transaction of its own, or all in one."""
        frames = [[self.intake.messages_of(Received(raw, "mllp", NOW))] for raw in messages]
        if not apart:
            frames = [[each for frame in frames for each in frame]]
        answers = [answer for frame in frames for answer in await self.intake.receive(frame)]
        return [answer.code for answer in answers]

    async def patient(self, name: str) -> str | None:
        """Our id of the patient whose number it is."""
        return await patient_known_by(self.intake, self.mrn(name))

    async def facts(self, names: Iterable[str]) -> list[Fact]:
        """Everything that was stated of the episodes of these patients, in the order of the outbox."""
        patients = [await self.patient(name) for name in names]
        query = sa.text("SELECT episode_id FROM episodes WHERE patient_id = ANY(:ids)")
        async with self.intake.database.read() as connection:
            mine = set((await connection.execute(query, {"ids": patients})).scalars())
            rows = await stored(connection)
        return [fact for row in rows if (fact := from_record(row.value, row.headers)).subject in mine]

    async def standing(self, names: str) -> list[Fact]:
        """The facts that stand by what went out."""
        facts = await self.facts(names.split())
        gone = {fact.as_json.get("cancels") for fact in facts} | {fact.value.replaces for fact in facts}
        return [fact for fact in facts if fact.id not in gone and fact.name != "fact-cancelled"]

    async def told(self, names: str) -> set[tuple[str, str, str, str]]:
        """(fact, day, whose, on whose episode) of what stands: patients by their names here, a copy with a `*`."""
        whose = {await self.patient(name): name for name in names.split()}
        owners = await self.owners()
        return {
            (
                fact.name + ("*" if fact.copy_of else ""),
                fact.value.occurred_at.isoformat()[5:10],
                whose[fact.value.patient_id],
                whose[owners[fact.subject]],
            )
            for fact in await self.standing(names)
        }

    async def owners(self) -> dict[str, str]:
        """Episode → the patient to whom it was given when it began."""
        async with self.intake.database.read() as connection:
            rows = (await connection.execute(sa.text("SELECT episode_id, patient_id FROM episodes"))).all()
        return {row[0]: row[1] for row in rows}

    async def notes(self, trigger: str) -> list[tuple[str, str | None]]:
        """(note, reason) of the messages of a trigger about this ward's patients, in the order they came."""
        query = sa.text(
            "SELECT m.note, m.reason FROM messages AS m WHERE m.trigger = :trigger AND m.patient_id IN "
            "(SELECT patient_id FROM messages WHERE said::text IS NOT NULL AND convert_from(said, 'UTF8') LIKE :own) "
            "ORDER BY m.message_id"
        )
        async with self.intake.database.read() as connection:
            rows = (await connection.execute(query, {"trigger": trigger, "own": f"%{self.own}%"})).all()
        return [(row[0], row[1]) for row in rows]


async def broken_of(intake: Intake) -> list[str]:
    """What `verify` says is broken of intake's database, but for what is not sent yet."""
    return [str(one) async for one in broken(intake.database, intake.site) if one.subject != "outbox"]
