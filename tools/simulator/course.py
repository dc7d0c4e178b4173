"""One patient being played: the acts of the people who care for the patient, in the order of virtual time, and the
patient's episode."""

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
"""Seconds to wait for what must follow from something else, such as a search after a discharge."""
TRIES = 20
"""How often an act is tried, over PATIENCE seconds, while its answer is 404."""


@dataclass(slots=True)
class Tally:
    """Counts over all patients: acts done by (service, act), acts refused by (act, the problem's code), and what was
    waited for and did not come."""

    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    in_vain: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Course:
    """A patient being played. `until`: the end of the half-year; `placement`: the latest one; `arranged`: it
    was made before the stay before it ended; `lost`: the desk does
    nothing more for the patient; `numbers` count up for idempotency keys."""

    life: Life
    care: Care
    chance: Chance
    doors: Doors
    watch: Watch
    tally: Tally
    until: datetime
    episode_id: str = ""
    placement: Json | None = None
    arranged: bool = False
    lost: bool = False
    completed: bool = True
    numbers: count[int] = field(default_factory=lambda: count(1))

    async def post(self, service: str, path: str, body: Json, role: str = "coordinator") -> Json | None:
        """The answer to an act; None where it was refused. Both are counted."""
        what = path.rstrip("/").rpartition("/")[2]
        try:
            answer = await self._posted(service, path, body, role)
        except Refused as no:
            self.tally.refused[what, no.word] += 1
            return None
        self.tally.done[service, what] += 1
        return answer

    async def _posted(self, service: str, path: str, body: Json, role: str) -> Json:
        """Post, and again a moment later where it is not there yet (404), as a person would look again. Raises
        Refused."""
        for turn in range(TRIES):
            try:
                return await self.doors.post(service, path, body, f"{self.life.person.mrn}-{next(self.numbers)}", role)
            except Refused as no:
                if no.status != HTTPStatus.NOT_FOUND or turn == TRIES - 1:
                    raise
            await asyncio.sleep(PATIENCE / TRIES)
        raise AssertionError

    async def is_after(self, stay: Stay | None) -> bool:
        """True where the patient's episode is known: that of a hospital's stay, once it is on care.events, else the one
        of the referral."""
        if stay is not None:
            number = f"V{self.life.person.mrn}-{stay.number}"
            self.episode_id = await self.watch.wait(lambda: self.watch.episodes.get(number), PATIENCE) or ""
        return bool(self.episode_id)

    async def search(self, seconds: float = PATIENCE) -> SearchOpened | None:
        """The episode's open search; None, which is counted, where none opens within `seconds`."""

        found = await self.watch.wait(lambda: self.watch.searches.get(self.episode_id), seconds)
        if found is None:
            self.tally.in_vain["a search"] += 1
        return found
