"""Stepdown itself under the stories: messages by its MLLP door, and what stands by its facts on care.events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Self

from aiokafka import ConsumerRecord

from shared.events.stays import (
    Admitted,
    Discharged,
    LeaveEnded,
    LeaveStarted,
    PatientsMerged,
    Transferred,
    VisitEnded,
    VisitStarted,
)
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact, from_record
from shared.messaging.reading import Reading, reading
from shared.settings import load
from tools.iti31.adapter import VisitSeen
from tools.mllp_client import MllpClient
from tools.stack import access, ready, sites

TOPIC, FACILITY = "care.events", "GOODHEALTH"
CONNECTIONS = 4


class Stepdown:
    """A running Stepdown, by the ready file of `data`."""

    def __init__(self, host: str, port: int, data: Path | None = None) -> None:
        self._data, self._open = data, AsyncExitStack()
        self._senders = [MllpClient(host, port) for _ in range(CONNECTIONS)]
        self._turn = 0
        self._reading: Reading | None = None
        self._facts: dict[str, Fact] = {}
        site = sites.site_of(ready.find(data), load()).facility(FACILITY)
        assert site is not None, "the stories are about this facility of the sample site"  # noqa: S101
        self._zone: tzinfo = site.zone_info

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in self._senders:
            await each.close()
        await self._open.aclose()

    async def reset(self) -> None:
        """Begin to read at the end of the topic."""
        self._reading = await self._open.enter_async_context(reading(access.broker(self._data).kafka_client()))
        await self._reading.begin([TOPIC], at_the_end=True)

    async def send(self, message: bytes) -> str:
        """Send by one of a few connections."""
        self._turn += 1
        acks = await self._senders[self._turn % CONNECTIONS].send(message)
        return acks[-1].code

    async def stands(self, patients: Sequence[str]) -> list[VisitSeen]:
        """The visits that intake's standing facts tell."""
        assert self._reading is not None, "reset comes first"  # noqa: S101
        while found := await self._reading.batch(300):
            self._facts |= {fact.id: fact for fact in map(_fact, found)}
        asked = set(patients)
        return [each for each in told(self._facts.values(), self._zone) if each.patient in asked]


def _fact(record: ConsumerRecord) -> Fact:
    return from_record(record.value, record.headers)


def told(facts: Iterable[Fact], zone: tzinfo) -> list[VisitSeen]:
    """The visits that these facts tell, as any consumer of care.events may read them: what was cancelled or replaced
    does not stand, nor what is of an episode that was merged into another; an episode that was merged into none is the
    surviving patient's (contract 3.5, 3.6 rule 11)."""
    every = list(facts)
    gone = {fact.value.cancels for fact in every if isinstance(fact.value, FactCancelled)}
    gone |= {fact.value.replaces for fact in every if fact.value.replaces}
    standing = [fact for fact in every if fact.id not in gone]
    merged = [fact.value for fact in standing if isinstance(fact.value, PatientsMerged)]
    retired = {value.retired_episode_id for value in merged} - {None}
    renamed = {
        value.episode_id: value.patient.mrn for value in merged if value.retired_episode_id is None and value.patient
    }
    by_stay: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in standing:
        if fact.value.stay is not None and fact.writer == "intake" and fact.value.episode_id not in retired:
            by_stay[fact.value.episode_id, fact.value.stay.id].append(fact)
    visits = ((episode, _visit(sorted(each, key=_clinically), zone)) for (episode, _), each in by_stay.items())
    return [each._replace(patient=renamed.get(episode, each.patient)) for episode, each in visits if each is not None]


def _clinically(fact: Fact) -> tuple[datetime, int]:
    return fact.value.occurred_at, fact.sequence


def _visit(facts: Sequence[Fact], zone: tzinfo) -> VisitSeen | None:
    """One stay; None where no start of it stands."""
    places: list[tuple[str, str]] = []
    leaves: list[tuple[str, str | None]] = []
    visit = patient = ended = None
    for fact in facts:
        value, at = fact.value, fact.value.occurred_at.astimezone(zone).replace(tzinfo=None).isoformat()
        match value:
            case Admitted() | VisitStarted():
                visit, patient = value.visit_number, value.patient and value.patient.mrn
                places.append((value.unit or "", at))
            case Transferred():
                places.append((value.to.unit or "", at))
            case LeaveStarted():
                leaves.append((at, None))
            case LeaveEnded() if leaves:
                leaves[-1] = leaves[-1][0], at
            case Discharged() | VisitEnded():
                ended = at
    return VisitSeen(visit, patient, places, leaves, ended) if visit and patient else None
