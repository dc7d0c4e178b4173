"""A patient of this morning: what the hospital, programs and the desks do of one, through their doors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from itertools import count
from typing import Any, TypeAlias

from shared.errors import Transient
from tools.simulator.doors import Doors, Json, Refused
from tools.simulator.lives import FAMILY, GIVEN
from tools.simulator.messages import Person, Visit
from tools.simulator.watch import Watch

WARD, PAYER, DIAGNOSIS = "3W", "ACME", "F33.2"
DAY_PROGRAM = "GH-PHP1"
PATIENCE = 20.0
"""Seconds to wait for what follows from a message."""
PROGRAM, REVIEWER = "program", "reviewer"


@dataclass(slots=True)
class Morning:
    """`send`: takes a message to the hospital's MLLP port; `now`: this morning; `mark`: begins the ids of its
    patients."""

    doors: Doors
    watch: Watch
    send: Callable[[bytes], Awaitable[object]]
    now: datetime
    zone: tzinfo
    mark: str
    numbers: count[int] = field(default_factory=lambda: count(1))
    people: count[int] = field(default_factory=lambda: count(1))

    def day(self, ago: int) -> str:
        """A day in the facility's zone, so many before today."""
        return (self.now.astimezone(self.zone).date() - timedelta(days=ago)).isoformat()

    async def shown(self, found: Callable[[], Awaitable[Any]], what: str, seconds: float = PATIENCE) -> Any:
        """What `found` answers, asked again while that is nothing. Raises Transient after so many seconds."""
        until = asyncio.get_running_loop().time() + seconds
        while not (answer := await found()):
            if asyncio.get_running_loop().time() > until:
                raise Transient(f"{what} of this morning did not come within {seconds:g} s")
            await asyncio.sleep(0.3)
        return answer

    async def post(self, service: str, path: str, body: Json, role: str = "coordinator") -> Json:
        """An act at a desk; again while what it is about is not there yet. Raises Refused."""
        until = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                return await self.doors.post(service, path, body, f"{self.mark}-{next(self.numbers)}", role)
            except Refused as no:
                if no.status != 404 or asyncio.get_running_loop().time() > until:
                    raise
            await asyncio.sleep(0.3)


@dataclass(slots=True)
class Somebody:
    """One patient of this morning, and the hospital's visit."""

    morning: Morning
    visit: Visit
    episode_id: str = ""

    async def says(self, trigger: str, ago: float, unit: str = WARD, **more: Any) -> None:
        """The hospital tells what happened so many days ago."""
        at = self.morning.now - timedelta(days=ago)
        await self.morning.send(self.visit.says(trigger, at, unit, **more).raw)

    async def leaves(self, ago: float, stayed: float = 6) -> str:
        """Admitted, and discharged home so many days ago; returns the id of the search for the next program."""
        await self.says("A01", ago + stayed)
        await self.says("A03", ago, disposition="01")
        watch = self.morning.watch
        self.episode_id = await there(watch, lambda: watch.episodes.get(self.visit.number), "an episode")
        return str((await there(watch, lambda: watch.searches.get(self.episode_id), "a search")).search_id)

    async def is_to_leave(self, stayed: float = 4, ahead: int = 1) -> str:
        """In the ward since so many days, and expected to leave so many days ahead; the search for what follows."""
        await self.is_in_the_ward(stayed)
        leaves = (self.morning.now + timedelta(days=ahead)).isoformat()
        path = f"/api/episodes/{self.episode_id}/discharge-planned"
        await self.morning.post("placement", path, {"expected_at": leaves})
        watch = self.morning.watch
        return str((await there(watch, lambda: watch.searches.get(self.episode_id), "a search")).search_id)

    async def is_in_the_ward(self, stayed: float) -> None:
        """Admitted so many days ago."""
        await self.says("A01", stayed)
        watch = self.morning.watch
        self.episode_id = await there(watch, lambda: watch.episodes.get(self.visit.number), "an episode")

    async def asks(self, search_id: str, *programs: str, start: int = -1, **more: Any) -> list[str]:
        """Offers to these programs, or else to the first two that suit, for a first day so many days ago (-1:
        tomorrow); their ids."""
        asked = list(programs) or await self._suits(search_id)
        body = {"search_id": search_id, "programs": asked, "start_date": self.morning.day(start), **more}
        sent = await self.morning.post("placement", "/api/offers", body)
        return [str(each["offer_id"]) for each in sent["offers"]]

    async def is_placed(self, ago: float, start: int, program: str = DAY_PROGRAM) -> str:
        """Left the ward so many days ago, and a program took the patient for a first day so many days ago; the
        placement."""
        [offer, *_] = await self.asks(await self.leaves(ago), program, start=start)
        told = await self.morning.post("placement", f"/api/offers/{offer}/accepted", {}, PROGRAM)
        return str(told["placement_id"])

    async def starts(self, ago: float, start: int, program: str = DAY_PROGRAM) -> str:
        """The same, and the patient came on that day; the placement."""
        placement = await self.is_placed(ago, start, program)
        await self.of(placement, "started", {"date": self.morning.day(start)})
        return placement

    async def of(self, placement: str, what: str, body: Json, role: str = PROGRAM) -> Json:
        """What is said of a placement."""
        return await self.morning.post("placement", f"/api/placements/{placement}/{what}", body, role)

    async def attends(self, placement: str, ago: int) -> None:
        """A session, so many days ago."""
        body: Json = {"placement_id": placement, "session_id": f"{placement}-{ago}", "date": self.morning.day(ago)}
        body["services"] = [{"kind": "group", "minutes": 180, "mode": "in-person"}]
        await self.morning.post("placement", "/api/sessions", body, PROGRAM)

    async def is_authorized(self, units: int, begins: int, ends: int) -> None:
        """The payer allows so many days, between two days so many days ago."""
        asked = await self.is_asked_of_the_payer(units, begins, ends)
        await self.morning.post("placement", f"{asked}/approved", {})

    async def is_asked_of_the_payer(self, units: int, begins: int, ends: int) -> str:
        """The payer is asked for so many days, between two days so many days ago; the authorization's path."""
        body = {"episode_id": self.episode_id, "payer": PAYER, "level": "php", "unit": "day", "units": units}
        body |= {"from": self.morning.day(begins), "to": self.morning.day(ends)}
        made = await self.morning.post("placement", "/api/authorizations", body)
        return f"/api/authorizations/{made['auth_id']}"

    async def _suits(self, search_id: str) -> list[str]:
        found = (await self.morning.doors.get("placement", f"/api/searches/{search_id}/programs"))["programs"]
        return [each["id"] for each in found if each["fits"]][:2]


def somebody(morning: Morning) -> Somebody:
    """The next patient."""
    turn = next(morning.people)
    mrn = f"{morning.mark}T{turn:02d}"
    family, given = FAMILY[turn % len(FAMILY)], GIVEN[(turn * 5) % len(GIVEN)]
    born = date(1961 + 3 * turn % 40, 1 + turn % 12, 1 + 2 * turn % 28)
    person = Person(mrn, family, given, born, "FM"[turn % 2], PAYER, DIAGNOSIS)
    return Somebody(morning, Visit(person, f"V{mrn}", morning.zone, lambda: f"{mrn}-{next(morning.numbers)}"))


async def there(watch: Watch, found: Callable[[], Any], what: str) -> Any:
    """What was `found`, once it is. Raises Transient after PATIENCE."""
    answer = await watch.wait(found, PATIENCE)
    if answer is None:
        raise Transient(f"{what} of this morning did not come within {PATIENCE:g} s")
    return answer


Scene: TypeAlias = Callable[[Somebody], Awaitable[None]]
"""What happens to one patient of this morning."""
