"""A number of patients, what is sent of them in which order, what each episode must come to; and all of it as files.

Everything follows from the seed, the number and the day on which the simulated half-year ends: no clock is read.
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
from tools.simulator.lives import life
from tools.simulator.noise import Sent, sent
from tools.simulator.oracle import expected
from tools.simulator.telling import told
from tools.simulator.truth import Life

ENDS = date(2025, 6, 30)
"""The last day of the half-year where nobody says another; every message lies in the past, on any clock."""
EXPECTED = "expected.json"


@dataclass(frozen=True, slots=True)
class Simulated:
    """One patient: what was, what is sent of it in order, and what must come of it when only that is played."""

    life: Life
    sent: tuple[Sent, ...]
    expected: tuple[dict[str, Any], ...]


def simulated(seed: int, number: int, zone: tzinfo, ends: date = ENDS, mark: str = "") -> list[Simulated]:
    """So many patients; the first ones are the same however many there are. `mark` is part of their ids.

    Raises SetUpError for files of the simulator that say what can't be.
    """
    drawing = Drawing(seed, ends, zone, mark)
    return [drawing.one(turn) for turn in range(1, number + 1)]


class Drawing:
    """Patients by their number. Raises SetUpError for files of the simulator that say what can't be."""

    def __init__(self, seed: int, ends: date, zone: tzinfo, mark: str = "") -> None:
        self.seed, self.ends, self.zone, self.mark = seed, ends, zone, mark or str(seed)
        self.chances = read(Journeys, "journeys.yml"), read(Hospitals, "hospitals.yml")

    def one(self, number: int) -> Simulated:
        """A patient of whom only the hospital tells."""
        was = self.life(number)
        messages = self.sent(was, number)
        first = next((one.message.trigger for one in messages if not one.broken), "")
        begun = first != "A11"  # what is cancelled before it is told was never begun
        return Simulated(was, messages, tuple(expected(was, self.zone, begun=begun)))

    def life(self, number: int) -> Life:
        """What happens to the patient."""
        mrn = f"S{self.mark}N{number:04d}"
        return life(mrn, Chance(f"{self.seed}/{number}"), self.chances, self.ends, self.zone)

    def sent(self, was: Life, number: int) -> tuple[Sent, ...]:
        """What a hospital sends of a life."""
        chance = Chance(f"{self.seed}/{number}/told")
        said = told(was, self.chances[0].another_diagnosis, chance, self.zone)
        return tuple(sent(said, self.chances[1].messages, chance))


def write(people: list[Simulated], folder: Path) -> int:
    """One folder a feed, one file a day, in the order of sending; and expected.json. How many messages there are.

    What an earlier simulation left there is replaced. Raises SetUpError where the folder can't be written.
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
    """Valid JSON, an episode a line."""
    lines = ",\n".join(json.dumps(episode) for one in people for episode in one.expected)
    return f'{{"episodes":[\n{lines}\n]}}\n'
