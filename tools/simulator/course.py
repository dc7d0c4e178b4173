"""One patient's way through the doors in virtual order: what was done, what was refused, and in which episode."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from itertools import count

from shared.events.placing import SearchOpened
from tools.simulator.care import Care
from tools.simulator.chances import Chance
from tools.simulator.doors import Doors, Json, Refused
from tools.simulator.truth import Life, Stay
from tools.simulator.watch import Watch

PATIENCE = 8.0
"""Seconds that somebody waits for what must follow."""
TRIES = 20


@dataclass(slots=True)
class Tally:
    """Counts of everybody together: (service, what) done, (where, word) refused, what was waited for in vain."""

    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    in_vain: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Course:
    """A patient being played. `until` is the end of the half-year; `placement` the latest one at the desk."""

    life: Life
    care: Care
    chance: Chance
    doors: Doors
    watch: Watch
    tally: Tally
    until: datetime
    episode_id: str = ""
    placement: Json | None = None
    lost: bool = False
    completed: bool = True
    numbers: count[int] = field(default_factory=lambda: count(1))

    async def post(self, service: str, path: str, body: Json, role: str = "coordinator") -> Json | None:
        """What came of an act; None where it was refused, which is counted."""
        what = path.rstrip("/").rpartition("/")[2]
        try:
            answer = await self._told(service, path, body, role)
        except Refused as no:
            self.tally.refused[what, no.word] += 1
            return None
        self.tally.done[service, what] += 1
        return answer

    async def _told(self, service: str, path: str, body: Json, role: str) -> Json:
        """As a person does, who looks again a moment later where the patient is not there yet."""
        for turn in range(TRIES):
            try:
                return await self.doors.post(service, path, body, f"{self.life.person.mrn}-{next(self.numbers)}", role)
            except Refused as no:
                if no.status != HTTPStatus.NOT_FOUND or turn == TRIES - 1:
                    raise
            await asyncio.sleep(PATIENCE / TRIES)
        raise AssertionError

    async def is_after(self, stay: Stay | None) -> bool:
        """Whether the episode is known: that of a hospital's stay, once it was told, else the one asked for."""
        if stay is not None:
            number = f"V{self.life.person.mrn}-{stay.number}"
            self.episode_id = await self.watch.wait(lambda: self.watch.episodes.get(number), PATIENCE) or ""
        return bool(self.episode_id)

    async def search(self, seconds: float = PATIENCE) -> SearchOpened | None:
        """The episode's open search; None where none opens in that time."""

        found = await self.watch.wait(lambda: self.watch.searches.get(self.episode_id), seconds)
        if found is None:
            self.tally.in_vain["a search"] += 1
        return found
