"""Facts of intake as records of care.events: episodes of a given length, many patients' facts mixed; made fast."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from bench.sizes import EPISODES_AT_A_TIME
from shared.facts.envelope import Fact, Record, to_record

VISITS = {10: 1, 150: 5, 1000: 20}
"""Facts of an episode → how many stays at the hospital they tell of."""
BEGIN = datetime(2026, 1, 5, 14, tzinfo=UTC)
EPISODE, STARTS = "00000000", 60
"""What stands for the episode's number in a template; the first days of episodes lie on so many days."""


class Template(NamedTuple):
    """One fact of any episode: its number is put in where EPISODE stands."""

    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def records(length: int, episodes: int, seed: int = 7) -> Iterator[Record]:
    """The facts of so many episodes of `length` facts each, so many episodes at a time, each one's in order."""
    chance = random.Random(seed)
    for first in range(0, episodes, EPISODES_AT_A_TIME):
        group = range(first, min(first + EPISODES_AT_A_TIME, episodes))
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
        for name, own in _visit(episode, visit, each, at):
            at += timedelta(hours=7)
            told.append(_fact(episode, len(told) + 1, name, at, own))
        at += timedelta(days=12)
    return told


def _visit(episode: str, number: int, length: int, at: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, own fields) of the facts of one stay, `length` of them."""
    visit = f"V{episode}-{number}"
    stay = {"stay": {"kind": "visit", "id": visit}}
    ward = {"unit": "3W", "level": "inpatient", "program": "GH-3W"}
    house = {"unit": "RES", "level": "residential", "program": "GH-RES"}
    patient = {"mrn": f"M{episode}", "assigning_authority": "GH"}
    admitted = {"visit_number": visit, "admission": {"type": "E", "source": "7"}, "age_years": 34, "patient": patient}
    yield "admitted", stay | ward | admitted
    payer = {"order": 1, "payer": "MEDICAID" if number % 2 else "ACME", "plan": "A1"}
    yield "coverage-changed", {"effective_from": at.date().isoformat(), "coverage": [payer]}
    yield "diagnosis-recorded", stay | _diagnosis("F33.2", 1)
    yield "transferred", stay | {"from": ward, "to": house}
    for leave in range((length - 5) // 2):
        kind = "medical" if leave % 3 == 2 else "therapeutic"
        yield "leave-started", stay | {"kind": kind}
        yield "leave-ended", stay | {"kind": kind}
    if (length - 5) % 2:
        yield "diagnosis-recorded", stay | _diagnosis("F10.20", 2)
    yield "discharged", stay | {"level": "residential", "disposition": {"code": "01", "kind": "home"}}


def _diagnosis(code: str, rank: int) -> dict[str, Any]:
    return {"system": "I10", "code": code, "rank": rank, "status": "working"}


def _fact(episode: str, number: int, name: str, at: datetime, own: dict[str, Any]) -> Fact:
    said = (at + timedelta(seconds=40)).isoformat()
    common = {
        "episode_id": f"bench-{episode}",
        "patient_id": f"bench-patient-{episode}",
        "facility": "GOODHEALTH",
        "occurred_at": at.isoformat(),
        "recorded_at": said,
        "stated_at": (at + timedelta(seconds=20)).isoformat(),
        "labels": ["PSY"],
    }
    ce_id = f"{episode}-0000-4000-8000-{number:012x}"
    kind = f"care.{name}.v1"
    correlation = f"{episode}-1111-4000-8000-{number:012x}"
    return Fact(ce_id, kind, "intake", f"bench-{episode}", number, said, common | own, correlation, correlation)


def cancel(fact: Fact, sequence: int) -> Fact:
    """Takes a fact back."""
    common = ("episode_id", "patient_id", "facility", "occurred_at", "recorded_at", "stated_at", "labels", "stay")
    value = {name: fact.value[name] for name in common if name in fact.value}
    value |= {"cancels": fact.id, "cancelled_type": fact.type, "reason": "sent-in-error"}
    ce_id = f"{fact.id[:-1]}c-{sequence}"
    return Fact(ce_id, "care.fact-cancelled.v1", "intake", fact.subject, sequence, fact.time, value)


def mean_bytes(length: int) -> int:
    """Bytes of a fact's value and headers, on average."""
    made = [record(length, 1, place) for place in range(length)]
    sizes = [len(one.value or b"") + sum(len(name) + len(value) for name, value in one.headers) for one in made]
    return sum(sizes) // len(sizes)


def dumped(fact: Fact) -> bytes:
    """A fact's value as bytes, for whoever makes rows of it."""
    return orjson.dumps(fact.value)
