"""Two patients of one story who are merged and told apart again: what the hospital and a person say, and what stands of
both, without what counts statements (sequences, versions, the place in a topic)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from tests.journeys.playing import PATIENCE, Doors, Json, Play
from tests.journeys.runner import differences
from tests.journeys.seen import seen
from tests.journeys.steps import STEPS
from tests.journeys.told import ZONE, Calendar, long_ago
from tests.system import System
from tests.waiting import until
from tools.mllp_client import MllpClient
from tools.simulator.messages import FACILITY, Message, Person

WORDS = (
    "state", "level", "announced", "closings", "ineffective", "conflicts", "searches", "offers", "seats",
    "authorizations", "used", "periods", "follow-ups", "plans", "referrals", "risks", "worklists",
)  # fmt: skip
"""The parts of a story's `expect` that are compared."""
BILLS = ("billing.service-periods", "billing.periods")
COUNTS = frozenset({"version", "seen", "fold_version", "sequence"})
"""Fields that count what was stated: they go up, and nothing else changes."""
OF_A_PASS = frozenset({"period_id", "supersedes", "changed", "reason"})
"""What belongs to one pass of a service period: one that is void is never opened again, another one supersedes it."""
Did = tuple[str, str, Json | None]
"""One step: whose it is, its words, and what is told with it."""


@dataclass
class Pair:
    """Two patients on their way. `own`: name → the episode that the patient's own visits have."""

    plays: dict[str, Play]
    system: System
    own: dict[str, str]
    said: int = 0

    async def does(self, who: str, words: str, told: Json | None) -> None:
        """One step of one of them; a retired patient's goes on where the record is now."""
        play = self.plays[who]
        step = STEPS[words]
        play.episode_id = play.episode_id or "not known yet"
        await step.does(play, step.told.model_validate(told or {}))
        if who not in self.own:
            self.own[who] = await self._episode(play)
        await self.system.idle()
        play.episode_id = await self._now(self.own[who])

    async def play(self, steps: Iterable[Did]) -> None:
        """Some steps, one after the other."""
        for who, words, told in steps:
            await self.does(who, words, told)

    async def _episode(self, play: Play) -> str:
        """The episode of the patient's first visit, by the fact that is no copy."""
        await self.system.idle()
        number = f"{play.person.mrn}-1"
        facts = await self.system.facts()
        (found,) = {
            fact.subject
            for fact in facts
            if fact.writer == "intake" and fact.value.stay and fact.value.stay.id == number and not fact.copy_of
        }
        return str(found)

    async def _now(self, episode: str) -> str:
        """Where the facts of an episode count now."""
        document = await self.document(episode)
        going = (document or {}).get("merged_into") or []
        return str(going[0]["episode_id"]) if going and not (document or {}).get("stays") else episode

    async def document(self, episode: str) -> Json | None:
        """The episode's last document on care.episodes."""
        told = [one for one in await self.system.facts("care.episodes") if one.subject == episode]
        return told[-1].as_json if told else None

    async def merged(self) -> None:
        """A40: `retired` is `survivor`; the connection is the survivor's."""
        await self._says("A40", mrg=self.plays["retired"].person.mrn)

    async def linked(self) -> None:
        """A24: both records are one person's."""
        await self._says("A24", other=self.plays["retired"].person.mrn)

    async def told_apart(self) -> None:
        """A37: they are two."""
        await self._says("A37", other=self.plays["retired"].person.mrn)

    async def taken_back(self) -> None:
        """A person takes back that they are one, among the matches that were decided."""
        play = self.plays["survivor"]
        page = await play.doors.get("intake", "/api/matches", "identity", state="same", limit=200)
        mine = {str((await self.document(episode) or {})["patient_id"]) for episode in self.own.values()}
        (match,) = [one for one in page["matches"] if mine & set(one["patient_ids"])]
        await play.doors.post("intake", f"/api/matches/{match['match_id']}/taken-back", {}, "identity")
        await self.system.idle()
        await self._look()

    async def _says(self, trigger: str, mrg: str = "", other: str = "") -> None:
        self.said += 1
        play = self.plays["survivor"]
        at = datetime.now(UTC).astimezone(ZONE) + timedelta(seconds=self.said)
        when, control_id = at.strftime("%Y%m%d%H%M%S%z"), play.next_id()
        lines = [
            f"MSH|^~\\&|SIMULATOR|{FACILITY}|STEPDOWN||{when}||ADT^{trigger}|{control_id}|P|2.5.1",
            f"EVN|{trigger}|{when}",
            _pid(play.person),
            *([f"MRG|{mrg}^^^{FACILITY}^MR"] if mrg else []),
            *([_pid(self.plays["retired"].person)] if other else []),
        ]
        play.episode_id = play.episode_id or "not known yet"
        await play.says(Message(trigger, control_id, "".join(f"{line}\r" for line in lines).encode()))
        await self.system.idle()
        await self._look()

    async def _look(self) -> None:
        for who, episode in self.own.items():
            self.plays[who].episode_id = await self._now(episode)

    async def in_words(self, who: str) -> dict[str, Any]:
        """What became of one of them, read at every door where the patient's own episode is."""
        play = self.plays[who]
        now, play.episode_id = play.episode_id, self.own[who]
        found = await seen(play, WORDS)
        play.episode_id = now
        return found

    async def becomes(self, who: str, wanted: dict[str, Any]) -> None:
        """Wait until these parts of one patient's record are so: timers state some of them."""

        async def so() -> bool:
            found = await self.in_words(who)
            return all(found[name] == each for name, each in wanted.items())

        try:
            await until(so, PATIENCE, every=0.5)
        except AssertionError:
            found = await self.in_words(who)
            raise AssertionError(f"{who}: {differences(wanted, {name: found[name] for name in wanted})}") from None

    async def records(self) -> dict[str, Any]:
        """Every record of both: the documents of the episodes and the last version of each period, without counts."""
        kept: dict[str, Any] = {}
        for who, episode in self.own.items():
            kept[f"{who}'s document"] = without(await self.document(episode) or {}, COUNTS)
        for fact in await self.periods():
            if not fact["type"].endswith("voided.v1"):
                one = fact["value"]
                kept[f"{one['stay']['id']} from {one['start_date']}"] = without(one, COUNTS | OF_A_PASS)
        return kept

    async def periods(self) -> list[Json]:
        """The last record of each service period of both, with its type."""
        latest: dict[str, Json] = {}
        for fact in await self.system.facts("billing.service-periods"):
            if fact.as_json["episode_id"] in self.own.values():
                latest[fact.subject] = {"type": fact.type, "value": fact.as_json}
        return list(latest.values())

    async def billed(self) -> list[tuple[str, bytes]]:
        """Every record of both on the topics of bills, byte by byte, with its topic."""
        found = [(topic, one) for topic in BILLS for one in await self.system.records(topic)]
        return [
            (topic, one.value) for topic, one in found if orjson.loads(one.value)["episode_id"] in self.own.values()
        ]


def _pid(person: Person) -> str:
    born = person.born.strftime("%Y%m%d")
    return f"PID|1||{person.mrn}^^^{FACILITY}^MR||{person.family}^{person.given}||{born}|{person.sex}"


def without(value: Any, names: frozenset[str]) -> Any:
    """A value without the fields of these names, at any depth."""
    if isinstance(value, dict):
        return {name: without(each, names) for name, each in value.items() if name not in names}
    if isinstance(value, list):
        return [without(each, names) for each in value]
    return value


class Names(NamedTuple):
    """What the two patients are called, and with what their numbers begin."""

    number: str
    survivor: str
    retired: str


async def a_pair(system: System, doors: Doors, hospital: MllpClient, names: Names) -> Pair:
    """Two patients of GOODHEALTH whom nothing was said of yet."""
    calendar = Calendar(long_ago(datetime.now(ZONE).date(), 60))
    plays = {}
    for who, family in (("survivor", names.survivor), ("retired", names.retired)):
        born = calendar.date(-9000 if who == "survivor" else -12000)
        person = Person(f"{names.number}{who[0].upper()}", family, "Wren", born, "F", "ACME", "F33.2")
        plays[who] = Play(who, person, calendar, doors, hospital)
    return Pair(plays, system, {})
