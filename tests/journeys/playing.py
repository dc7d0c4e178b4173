"""One patient's story while it is played: who the patient is, and the doors of the system; knows no step."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import jwt

from shared.web.auth import AUDIENCE, DEV_ISSUER
from tests.journeys.told import ZONE, Calendar
from tests.waiting import until
from tools.mllp_client import MllpClient
from tools.simulator.messages import Message, Person, Visit

PATIENCE = 40.0
"""Seconds until what follows from a step must be there."""
Json = dict[str, Any]


class Refused(Exception):
    """A door said no, with this HTTP status."""

    def __init__(self, what: str, status: int, said: str) -> None:
        super().__init__(f"{what}: {status} {said}")
        self.status = status


class Doors:
    """The HTTP doors of a running system, and one token for each role."""

    def __init__(self, ready: Json, client: httpx.AsyncClient, key: str = "") -> None:
        self.ready, self._client, self._key = ready, client, key

    async def get(self, service: str, path: str, role: str = "coordinator", **query: Any) -> Json:
        """The JSON answer. Raises Refused."""
        answer = await self._client.get(self.ready[service] + path, params=query, headers=self._as(role))
        return _good(answer, f"GET {service} {path}")

    async def post(self, service: str, path: str, body: Json, role: str = "coordinator") -> Json:
        """The JSON answer to what somebody does, with a key of its own. Raises Refused."""
        headers = self._as(role) | {"idempotency-key": uuid.uuid4().hex}
        told = {name: value for name, value in body.items() if value is not None}
        answer = await self._client.post(self.ready[service] + path, json=told, headers=headers)
        return _good(answer, f"POST {service} {path}")

    async def all(self, service: str, path: str, name: str, **query: Any) -> list[Json]:
        """All of a list, page by page."""
        listed: list[Json] = []
        more: Json = {}
        while True:
            found = await self.get(service, path, limit=200, **query, **more)
            listed += found[name]
            if found["next"] is None:
                return listed
            more = {"cursor": found["next"]}

    def _as(self, role: str) -> dict[str, str]:
        """`program`: of all facilities; `program at RIVERBEND`: of that one alone."""
        name, _, facility = role.partition(" at ")
        if facility:
            claims = {"sub": role, "roles": [name], "facilities": [facility], "iss": DEV_ISSUER, "aud": AUDIENCE}
            until = datetime.now(UTC) + timedelta(hours=1)
            return {"authorization": f"Bearer {jwt.encode(claims | {'exp': until}, self._key, algorithm='HS256')}"}
        return {"authorization": f"Bearer {self.ready['tokens'][role]}"}


def _good(answer: httpx.Response, what: str) -> Json:
    if answer.status_code >= 400:
        raise Refused(what, answer.status_code, answer.text)
    found: Json = answer.json()
    return found


@dataclass
class Play:
    """A patient on the way through the system. `placements` and `consents` are those made, the latest last."""

    name: str
    person: Person
    calendar: Calendar
    doors: Doors
    hospital: MllpClient
    episode_id: str = ""
    patient_id: str = ""
    placements: list[Json] = field(default_factory=list)
    consents: list[str] = field(default_factory=list)
    visits: dict[str, Visit] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def visit(self, name: str) -> Visit:
        """The visit of that name; a new one where there was none."""
        if name not in self.visits:
            number = f"{self.person.mrn}-{len(self.visits) + 1}"
            self.visits[name] = Visit(self.person, number, ZONE, self.next_id)
        return self.visits[name]

    def next_id(self) -> str:
        """An id that is used once."""
        return f"{self.person.mrn}-C{next(self.numbers)}"

    async def says(self, message: Message) -> None:
        """The hospital says something, and is told that it was taken."""
        *_, ack = await self.hospital.send(message.raw)
        assert ack.code == "AA", f"{self.name}: {message.trigger} got {ack.code} {ack.error}"
        if not self.episode_id:
            await self._find()

    async def _find(self) -> None:
        """Which episode the patient has: intake answers after it stored."""
        found = await self.doors.get("intake", "/api/patients", q=self.person.family)
        ((self.episode_id,),) = [one["episodes"] for one in found["patients"]]

    async def listed(self, name: str, **query: Any) -> list[Json]:
        """One of placement's lists, of this episode."""
        return await self.doors.all("placement", f"/api/{name}", name, episode_id=self.episode_id, **query)

    async def aftercare(self, name: str, **query: Any) -> list[Json]:
        """One of aftercare's lists, of this episode."""
        return await self.doors.all("aftercare", f"/api/{name}", "items", episode_id=self.episode_id, **query)

    async def wait_for(self, found: Any, what: str) -> Any:
        """The first true answer of `found()`, which asks a door."""
        try:
            return await until(found, PATIENCE, every=0.15)
        except AssertionError:
            raise AssertionError(f"{self.name}: waited in vain for {what}") from None
