"""Facts of intake as records of care.events: episodes of a given length, many patients' facts mixed; made fast."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import NamedTuple, TypedDict

from msgspec import structs

from bench.sizes import EPISODES_AT_A_TIME
from shared.events.base import Admission, CareFact, Disposition, PatientNumber, Place, Stay, type_name
from shared.events.levels import Level
from shared.events.published import encode
from shared.events.stays import (
    Admitted,
    Coverage,
    CoverageChanged,
    DiagnosisRecorded,
    Discharged,
    LeaveEnded,
    LeaveKind,
    LeaveStarted,
    Transferred,
)
from shared.events.taking_back import taken_back
from shared.facts.envelope import Fact, Record, rfc3339, to_record

VISITS = {10: 1, 150: 5, 1000: 20}
"""Facts of an episode → how many stays at the hospital they tell of."""
BEGIN = datetime(2026, 1, 5, 14, tzinfo=UTC)
EPISODE, STARTS = "00000000", 60
"""What stands for the episode's number in a template; the first days of episodes lie on so many days."""


class Template(NamedTuple):
    """One fact of any episode: its number is put in where EPISODE stands."""

    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def records(length: int, episodes: int, seed: int = 7, first: int = 0) -> Iterator[Record]:
    """The facts of so many episodes of `length` facts each, so many episodes at a time, each one's in order; `first`:
    the number of the first episode."""
    chance, end = random.Random(seed), first + episodes
    for begin in range(first, end, EPISODES_AT_A_TIME):
        group = range(begin, min(begin + EPISODES_AT_A_TIME, end))
        turns = [episode for episode in group for _ in range(length)]
        chance.shuffle(turns)
        told = dict.fromkeys(group, 0)
        for episode in turns:
            yield record(length, episode, told[episode])
            told[episode] += 1


def record(length: int, episode: int, place: int, start: int | None = None) -> Record:
    """One fact of one episode as its record; it begins on a day of its own where none is given."""
    day = episode % STARTS if start is None else start
    found, number = templates(length, day)[place], b"%08d" % episode
    mark = EPISODE.encode()
    headers = [(name, value.replace(mark, number)) for name, value in found.headers]
    return Record("care.events", b"bench-" + number, found.value.replace(mark, number), headers)


@lru_cache(1000)
def templates(length: int, start: int) -> list[Template]:
    """The facts of one episode that begins on that day."""
    made = (to_record(fact, "care.events") for fact in facts(length, start=start))
    return [Template(one.value or b"", tuple(one.headers)) for one in made]


def facts(length: int, episode: str = EPISODE, start: int = 0) -> list[Fact]:
    """The same as facts: stays one after the other, each admitted, moved, on leave now and then, discharged."""
    each = length // VISITS[length]
    told: list[Fact] = []
    at = BEGIN + timedelta(days=start)
    for visit in range(VISITS[length]):
        for make in _visit(episode, visit, each, at):
            at += timedelta(hours=7)
            told.append(_fact(episode, len(told) + 1, make(**_heading(episode, at))))
        at += timedelta(days=12)
    return told


def _visit(episode: str, number: int, length: int, at: datetime) -> Iterator[Callable[..., CareFact]]:
    """The facts of one stay, `length` of them, each still without what is common to all."""
    visit = f"V{episode}-{number}"
    stay = Stay(kind="visit", id=visit)
    ward = Place(unit="3W", level=Level.INPATIENT, program="GH-3W")
    house = Place(unit="RES", level=Level.RESIDENTIAL, program="GH-RES")
    yield partial(
        Admitted,
        stay=stay,
        unit="3W",
        level=Level.INPATIENT,
        program="GH-3W",
        visit_number=visit,
        admission=Admission(type="E", source="7"),
        age_years=34,
        patient=PatientNumber(mrn=f"M{episode}", assigning_authority="GH"),
    )
    payer = Coverage(order=1, payer="MEDICAID" if number % 2 else "ACME", plan="A1")
    yield partial(CoverageChanged, effective_from=at.date(), coverage=(payer,))
    yield _diagnosed(stay, "F33.2", 1)
    yield partial(Transferred, stay=stay, origin=ward, to=house)
    for leave in range((length - 5) // 2):
        kind: LeaveKind = "medical" if leave % 3 == 2 else "therapeutic"
        yield partial(LeaveStarted, stay=stay, kind=kind)
        yield partial(LeaveEnded, stay=stay, kind=kind)
    if (length - 5) % 2:
        yield _diagnosed(stay, "F10.20", 2)
    yield partial(Discharged, stay=stay, level=Level.RESIDENTIAL, disposition=Disposition(code="01", kind="home"))


def _diagnosed(stay: Stay, code: str, rank: int) -> Callable[..., CareFact]:
    return partial(DiagnosisRecorded, stay=stay, system="I10", code=code, rank=rank, status="working")


class _Heading(TypedDict):
    episode_id: str
    patient_id: str
    facility: str
    occurred_at: datetime
    recorded_at: datetime
    stated_at: datetime
    labels: tuple[str, ...]


def _heading(episode: str, at: datetime) -> _Heading:
    return _Heading(
        episode_id=f"bench-{episode}",
        patient_id=f"bench-patient-{episode}",
        facility="GOODHEALTH",
        occurred_at=at,
        recorded_at=at + timedelta(seconds=40),
        stated_at=at + timedelta(seconds=20),
        labels=("PSY",),
    )


def _fact(episode: str, number: int, value: CareFact) -> Fact:
    correlation = f"{episode}-1111-4000-8000-{number:012x}"
    return _said(f"{episode}-0000-4000-8000-{number:012x}", number, value, correlation)


def _said(ce_id: str, number: int, value: CareFact, correlation: str | None = None) -> Fact:
    kind, time = type_name(value.TYPE), rfc3339(value.recorded_at)
    body = encode(value)
    return Fact(ce_id, kind, "intake", value.episode_id, number, time, value, body, correlation, correlation)


def cancel(fact: Fact, sequence: int) -> Fact:
    """Takes a fact back."""
    value = taken_back(fact.value, fact.id, reason="sent-in-error", now=fact.value.recorded_at)
    return _said(f"{fact.id[:-1]}c-{sequence}", sequence, structs.replace(value, stated_at=fact.value.stated_at))


def mean_bytes(length: int) -> int:
    """Bytes of a fact's value and headers, on average."""
    made = [record(length, 1, place) for place in range(length)]
    sizes = [len(one.value or b"") + sum(len(name) + len(value) for name, value in one.headers) for one in made]
    return sum(sizes) // len(sizes)
