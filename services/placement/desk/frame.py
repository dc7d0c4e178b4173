"""The types that describe one subject of the desk's API, its list and its writes; api.py puts them together. No
rule."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from services.placement.desk.answers import ANSWERS
from services.placement.engine.act import Decided, Situation
from services.placement.engine.outcome import Ids
from services.placement.rules import Rules
from services.placement.search.entry import STATES, Kind
from services.placement.worklists import views
from services.placement.worklists.lists import CARE
from services.placement.worklists.views import Line, ListQuestion, Whose
from shared.clock import Clock
from shared.scope import Scope
from shared.storage.database import Connection, Database
from shared.values import value_object
from shared.web import posts
from shared.web.auth import Caller
from shared.web.commands import Command

COORDINATORS = ("coordinator",)
PROGRAMS = ("coordinator", "program")
KINDS = {
    "searches": "search",
    "offers": "offer",
    "placements": "placement",
    "seats": "seat",
    "waitlist": "waiting",
    "sessions": "session",
    "authorizations": "authorization",
    "reviews": "review",
    "conflicts": "conflict",
    "episodes": "episode",
    "leftovers": "leftover",
}
"""Path under /api/ → what one of them is called, in lists, audit and `find`."""


@value_object
class Parts:
    """What the desk's routes are made with; `ids` makes a new ce_id."""

    database: Database
    rules: Rules
    clock: Clock
    ids: Ids


class Rule(NamedTuple):
    """What decides a write: a function of the situation, the id in the path (or "") and the command. `claims`: it may
    claim a seat of the program that it is about, so that program is locked. `asker`: the desk whose search asked for
    the entry may do it too, not only those who have the entry in scope."""

    decide: Callable[[Situation, str, Any], Decided]
    claims: bool = False
    asker: bool = False


Write: TypeAlias = posts.Write[Rule]
Posted: TypeAlias = posts.Posted[Rule]


def write(
    path: str, asks: type[Command], rule: Rule, *, action: str, operation: str, summary: str,
    roles: tuple[str, ...] = COORDINATORS, told: Any = None,
) -> Write:  # fmt: skip
    """One row of a subject's table of writes. It answers with an entry of the list in its path, unless `told` gives a
    type."""
    kind = KINDS[path.split("/")[2]]
    return posts.Write(path, kind, action, asks, rule, summary, roles, operation, told or ANSWERS[kind])


Finder: TypeAlias = Callable[[Connection, Parts, str], Awaitable[Line | None]]
Searcher: TypeAlias = Callable[[Connection, Parts, ListQuestion], Awaitable[list[Line]]]
Teller: TypeAlias = Callable[[Connection, Parts, list[Line]], Awaitable[list[dict[str, Any]]]]


@dataclass(frozen=True)
class Listing:
    """One list of the API, `GET /api/<name>` and `GET /api/<name>/{id}`: who may read it and what it can be filtered
    by.

    `filters` are among state, episode_id, program, placement_id, facility, at. Its lines are the desk's entries of its
    kind, unless `finder` and `searcher` fetch them; `teller` adds what is not stored.
    """

    name: str
    about: str
    readers: tuple[str, ...] = CARE
    filters: tuple[str, ...] = ("state", "episode_id", "facility")
    states: tuple[str, ...] = ()
    finder: Finder | None = None
    searcher: Searcher | None = None
    teller: Teller | None = None

    @property
    def kind(self) -> str:
        """The kind of its entries, in the singular."""
        return KINDS[self.name]

    @property
    def noun(self) -> str:
        """The singular as used in operationIds."""
        return "WaitlistEntry" if self.kind == "waiting" else self.kind.capitalize()

    async def one(self, connection: Connection, parts: Parts, line_id: str) -> Line | None:
        """One line; None where there is none."""
        if self.finder is not None:
            return await self.finder(connection, parts, line_id)
        return await views.line(connection, self.kind, line_id)

    async def lines(self, connection: Connection, parts: Parts, asked: ListQuestion) -> list[Line]:
        """The lines that `asked` describes."""
        if self.searcher is not None:
            return await self.searcher(connection, parts, asked)
        return await views.lines(connection, self.kind, asked)


def of_entries(kind: Kind) -> tuple[str, ...]:
    """The states that entries of a kind can have."""
    return STATES[kind]


@dataclass(frozen=True)
class Subject:
    """One subject of the API: its list, if it has one, and its writes."""

    listing: Listing | None
    writes: tuple[Write, ...] = ()


def whose_of(who: Caller, scope: Scope) -> Whose:
    """Which lines a caller sees. Program staff see those of their programs; all others also what their own searches
    asked for."""
    return Whose(scope, bool(who.roles & {*CARE, "admin"}))
