"""A number of patients: what is sent of them in which order, and what each episode must be in the end; also as files.

Everything follows from the seed, the number of a patient and the last day of the simulated half-year. No clock is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import Any

from shared.errors import SetUpError
from tools.simulator.chances import Chance, Hospitals, Journeys, read
from tools.simulator.hospital_messages import messages_of
from tools.simulator.lives import life
from tools.simulator.noise import Sent, sent
from tools.simulator.oracle import expected
from tools.simulator.truth import Life

ENDS = date(2025, 6, 30)
"""The last day of the half-year where no other is given; it lies in the past, so that every message does."""
EXPECTED = "expected.json"


@dataclass(frozen=True, slots=True)
class Simulated:
    """One patient: the life, the messages in the order of sending, and the episodes that must result from these
    alone."""

    life: Life
    sent: tuple[Sent, ...]
    expected: tuple[dict[str, Any], ...]


def simulated(seed: int, number: int, zone: tzinfo, ends: date = ENDS, mark: str = "") -> list[Simulated]:
    """`number` patients; the first ones are the same however many there are. `mark` is part of their ids.

    Raises SetUpError for a YAML file of the simulator that is not valid.
    """
    drawing = Drawing(seed, ends, zone, mark)
    return [drawing.one(turn) for turn in range(1, number + 1)]


class Drawing:
    """Makes patients by their number. Raises SetUpError for a YAML file of the simulator that is not valid."""

    def __init__(self, seed: int, ends: date, zone: tzinfo, mark: str = "") -> None:
        self.seed, self.ends, self.zone, self.mark = seed, ends, zone, mark or str(seed)
        self.chances = read(Journeys, "journeys.yml"), read(Hospitals, "hospitals.yml")

    def one(self, number: int) -> Simulated:
        """A patient of whom the hospital sends everything, and nothing is entered at a desk."""
        was = self.life(number)
        messages = self.sent(was, number)
        first = next((one.message.trigger for one in messages if not one.broken), "")
        begun = first != "A11"  # what is cancelled before it is told was never begun
        return Simulated(was, messages, tuple(expected(was, self.zone, begun=begun)))

    def life(self, number: int) -> Life:
        """What truly happens to the patient of this number."""
        mrn = f"S{self.mark}N{number:04d}"
        return life(mrn, Chance(f"{self.seed}/{number}"), self.chances, self.ends, self.zone)

    def sent(self, was: Life, number: int) -> tuple[Sent, ...]:
        """The messages of a life, in the order of sending."""
        chance = Chance(f"{self.seed}/{number}/told")
        said = messages_of(was, self.chances[0].another_diagnosis, chance, self.zone)
        return tuple(sent(said, self.chances[1].messages, chance))


def write(people: list[Simulated], folder: Path) -> int:
    """Write a folder for each feed with a file for each day, in the order of sending, and expected.json; returns the
    number of messages.

    Files of an earlier simulation are deleted. Raises SetUpError where the folder cannot be written.
    """
    try:
        for old in folder.glob("*/*.hl7"):
            old.unlink()
        number = 0
        for feed, day, messages in _by_day(people):
            (folder / feed).mkdir(parents=True, exist_ok=True)
            (folder / feed / f"{day}.hl7").write_bytes(b"".join(one.message.raw for one in messages))
            number += len(messages)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / EXPECTED).write_text(_expected(people))
    except OSError as error:
        raise SetUpError(f"{folder} can't be written ({error.strerror})") from None
    return number


def _by_day(people: list[Simulated]) -> Iterator[tuple[str, date, list[Sent]]]:
    for feed in sorted({one.life.hospital.feed for one in people}):
        own = [one.sent for one in people if one.life.hospital.feed == feed]
        for day, messages in groupby(merge(*own, key=_at), key=_day):
            yield feed, day, list(messages)


def _at(one: Sent) -> datetime:
    return one.at


def _day(one: Sent) -> date:
    return one.at.date()


def _expected(people: list[Simulated]) -> str:
    """The content of expected.json: valid JSON with a line for each episode."""
    lines = ",\n".join(json.dumps(episode) for one in people for episode in one.expected)
    return f'{{"episodes":[\n{lines}\n]}}\n'
