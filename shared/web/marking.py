"""Taking entries of lists, handing them on, giving them back, and out of sight for a time: for the API's POSTs and the
desk's page alike. Each act is audited; what cannot be done is Rejected with a sentence, and nothing is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple, Protocol

from starlette.routing import BaseRoute

from shared.clock import Clock
from shared.errors import Rejected
from shared.storage import audit, desk_people, entry_marks
from shared.storage.database import Connection, Database
from shared.storage.entry_marks import MarkedEntry
from shared.web import marks, posts, requests
from shared.web.at_work import person_of
from shared.web.auth import Caller
from shared.web.marks import LONGEST_SNOOZE, EntryMark, GiveBack, MarkShown, Snooze, Take, Wake
from shared.web.wording import moment


class SeenEntry(NamedTuple):
    """An entry of a list that its reader may see: what is marked, whom it is about, the facilities by which it is seen
    (all those of one of the `scopes`), and the zone in which its days go."""

    marked: MarkedEntry
    episode_id: str
    patient_id: str
    scopes: tuple[tuple[str, ...], ...]
    zone: tzinfo


class Lists(Protocol):
    """What a service says of its lists. `takers`: the roles that may take an entry, besides admin."""

    @property
    def takers(self) -> Sequence[str]: ...

    async def named(
        self, connection: Connection, name: str, who: Caller, ids: Sequence[str], now: datetime
    ) -> Sequence[SeenEntry]:
        """Those of the entries with these ids that are in the list for this reader. Raises a 404 Problem for a list
        that there is not, a 403 Problem for a role that does not see it."""
        ...


class Asked(NamedTuple):
    """Who asks, when, and who may take entries."""

    who: Caller
    at: datetime
    takers: Collection[str]


Act = Callable[[Connection, SeenEntry, Asked, Any], Awaitable[None]]


async def take(connection: Connection, entry: SeenEntry, asked: Asked, command: Take) -> None:
    """Let the asker have the entry, or the colleague whom the command names. Raises Rejected where somebody else has
    it, or the colleague may not see it."""
    to, me = command.to or asked.who.subject, asked.who.subject
    if to != me:
        await _may_have(connection, to, entry, asked)
    if not await entry_marks.take(connection, entry.marked, to, by=me, at=asked.at):
        raise await _of_another(connection, entry, asked)
    await _noted(connection, entry, asked, "entry-taken" if to == me else "entry-handed", None if to == me else to)


async def give_back(connection: Connection, entry: SeenEntry, asked: Asked, _: GiveBack) -> None:
    """Nobody has it any more; a coordinator may give back what somebody else has. Raises Rejected where nobody has it,
    or another than the asker."""
    whoever = bool(asked.who.roles & {"coordinator", "admin"})
    if not await entry_marks.give_back(connection, entry.marked, by=None if whoever else asked.who.subject):
        if (await _mark(connection, entry)).taken_by is not None:
            raise await _of_another(connection, entry, asked)
        raise Rejected("not-taken", "nobody has it", possible=("taken",))
    await _noted(connection, entry, asked, "entry-given-back")


async def snooze(connection: Connection, entry: SeenEntry, asked: Asked, command: Snooze, field: str = "until") -> None:
    """Out of sight until a day begins at the entry's facility. Raises Rejected where somebody else has it, a 422
    Problem for a day that is not to come, or too far off; it names the `field` that the day was asked for by."""
    today = asked.at.astimezone(entry.zone).date()
    if not today < command.until <= today + timedelta(days=LONGEST_SNOOZE):
        raise requests.unfit(field, f"it can be snoozed until tomorrow, and for {LONGEST_SNOOZE} days at most")
    until, me = datetime.combine(command.until, time(), entry.zone), asked.who.subject
    if not await entry_marks.snooze(connection, entry.marked, until, command.reason, by=me, at=asked.at):
        raise await _of_another(connection, entry, asked)
    await _noted(connection, entry, asked, "entry-snoozed", command.reason)


async def wake(connection: Connection, entry: SeenEntry, asked: Asked, _: Wake) -> None:
    """In sight again. Raises Rejected where it is."""
    if not await entry_marks.wake(connection, entry.marked, asked.at):
        raise Rejected("not-snoozed", "it is not snoozed", possible=("snoozed",))
    await _noted(connection, entry, asked, "entry-woken")


async def _mark(connection: Connection, entry: SeenEntry) -> EntryMark:
    return EntryMark(*await entry_marks.of(connection, entry.marked))


async def _of_another(connection: Connection, entry: SeenEntry, asked: Asked) -> Rejected:
    mark = await _mark(connection, entry)
    if mark.taken_by is None or mark.taken_at is None:
        return Rejected("taken", "somebody else had it just now: try again", possible=("taken",))
    known = await desk_people.known(connection, asked.at)
    name = known[mark.taken_by].called if mark.taken_by in known else mark.taken_by
    return Rejected("taken", f"{name} has it since {moment(mark.taken_at, entry.zone)}", possible=("given-back",))


async def _may_have(connection: Connection, to: str, entry: SeenEntry, asked: Asked) -> None:
    person = (await desk_people.known(connection, asked.at)).get(to)
    able = person is not None and person.roles & {*asked.takers, "admin"}
    if person is None or not able or not any(person.may_see(*scope) for scope in entry.scopes):
        raise Rejected("no-such-colleague", "this colleague has not used this desk of late, or may not see it")


async def _noted(
    connection: Connection, entry: SeenEntry, asked: Asked, action: str, reason: str | None = None
) -> None:
    told = audit.Entry(asked.at, asked.who.subject, action, entry.episode_id, reason)
    await audit.note(connection, [told])


def writes(takers: Sequence[str]) -> tuple[posts.Write[Act], ...]:
    """The four POSTs of the API."""
    made: list[tuple[str, str, type[Any], Act, str, str]] = [
        ("taken", "entry-taken", Take, take, "Somebody works on it: the asker, or a colleague", "takeEntry"),
        ("given-back", "entry-given-back", GiveBack, give_back, "Nobody works on it any more", "giveBackEntry"),
        ("snoozed", "entry-snoozed", Snooze, snooze, "Out of sight until a day", "snoozeEntry"),
        ("woken", "entry-woken", Wake, wake, "In sight again", "wakeEntry"),
    ]
    return tuple(
        posts.Write(
            f"/api/worklists/{{name}}/{{id}}/{to}", "entry", action, asks, act, summary, tuple(takers), operation,
            MarkShown, tagged=False,
        )
        for to, action, asks, act, summary, operation in made
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Marking:
    """The POSTs of one service."""

    database: Database
    clock: Clock
    lists: Lists

    def routes(self) -> Sequence[BaseRoute]:
        """POST /api/worklists/{name}/{id}/taken, given-back, snoozed, woken."""
        door = posts.PostDoor[Act](self.database, self.clock, _fit, self._subject, self._act)
        return posts.routes(door, writes(self.lists.takers))

    async def _entry(self, connection: Connection, posted: posts.Posted[Act]) -> SeenEntry | None:
        found = await self.lists.named(connection, posted.list, posted.who, [posted.id], self.clock())
        return found[0] if found else None

    async def _subject(self, connection: Connection, posted: posts.Posted[Act]) -> str | None:
        entry = await self._entry(connection, posted)
        return entry.episode_id if entry is not None else None

    async def _act(self, connection: Connection, posted: posts.Posted[Act], _: str) -> posts.Answer | None:
        entry, now = await self._entry(connection, posted), self.clock()
        if entry is None:
            return None
        await desk_people.seen(connection, person_of(posted.who), now)
        await posted.write.decide(connection, entry, Asked(posted.who, now, self.lists.takers), posted.command)
        return posts.Answer({"id": posted.id, **marks.shown(await _mark(connection, entry), now)}, None)


async def _fit(_: posts.Posted[Act]) -> None:
    """Every command fits every site."""
