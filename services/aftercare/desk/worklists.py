"""Worklists over HTTP: how many entries wait in each list, and which; the lists are defined in worklists/lists.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.aftercare.desk import showing
from services.aftercare.desk import views as pages
from services.aftercare.desk.answers import ANSWERS
from services.aftercare.desk.follow_ups import READERS, window_behind
from services.aftercare.engine import views
from services.aftercare.engine.apply import Rules
from services.aftercare.engine.views import AfterEntry
from services.aftercare.worklists.listed import ListedEntry, ListedRow
from services.aftercare.worklists.lists import WORKLISTS, EntriesOf, Worklist
from shared.scope import Scope
from shared.storage import audit
from shared.storage.database import Connection, Database
from shared.web import openapi as api
from shared.web import paging, requests
from shared.web.app import JSON, caller
from shared.web.desk import Look
from shared.web.listing import Counted
from shared.web.tables import OF_PEOPLE


def routes(database: Database, rules: Rules, lists: Sequence[Worklist] = WORKLISTS) -> Sequence[BaseRoute]:
    """GET /api/worklists and /api/worklists/{name}; a list's items have the form of its kind's own list."""
    known = {one.name: one for one in lists}
    return [
        Route("/api/worklists", partial(_counted, database, rules, known), methods=["GET"]),
        Route("/api/worklists/{name}", partial(_listed, database, rules, known), methods=["GET"]),
    ]


async def _counted(database: Database, rules: Rules, known: Mapping[str, Worklist], request: Request) -> Response:
    who = caller(request, *READERS)
    asked = requests.parameters(request, {"facility"})
    look = Look(who, requests.scope(who, asked.get("facility")), None, 0, rules.clock())
    async with database.read() as connection:
        found = [
            {"name": one.name, "title": one.title, "count": (await count(connection, one, look)).total}
            for one in known.values()
        ]
    return JSON({"worklists": found})


async def _listed(database: Database, rules: Rules, known: Mapping[str, Worklist], request: Request) -> Response:
    who = caller(request, *READERS)
    if (one := known.get(request.path_params["name"])) is None:
        raise requests.missing()
    asked = requests.parameters(request, {"facility", *paging.PARAMETERS})
    scope, now = requests.scope(who, asked.get("facility")), rules.clock()
    look = Look(who, scope, asked.get("cursor"), paging.limit(asked), now)
    async with database.begin() as connection:
        rows, more = await found(connection, one, look)
        read = f"worklist-{one.name}-read"
        await audit.note(connection, [audit.Entry(now, who.subject, read, row.episode_id) for row in rows])
    items = [showing.shown(row, now) for row in rows]
    return JSON({"name": one.name, "title": one.title, "items": items, "next": more})


async def found(connection: Connection, worklist: Worklist, look: Look) -> tuple[Sequence[ListedRow], str | None]:
    """A page of rows, narrowed to what this reader may see, and the cursor of the next page. Raises a 422 Problem for a
    cursor that is none."""
    page, more = paging.page(await _from_cursor_on(connection, worklist, look), look.most, _place)
    return await showing.seen_by(connection, look.who.scope, page), more


async def _from_cursor_on(connection: Connection, worklist: Worklist, look: Look) -> Sequence[ListedRow]:
    """One row more than a page has, so that it shows whether there is a next page."""
    last = paging.behind({"cursor": look.cursor} if look.cursor else {}, 2)
    scope, limit = look.scope, look.most + 1
    if isinstance(worklist.of, EntriesOf):
        after = AfterEntry(paging.instant(last[0]), last[1]) if last else None
        return await views.waiting(connection, worklist.of, scope=scope, after=after, limit=limit)
    behind = window_behind(last) if last else None
    state = worklist.of.state
    return await views.list_follow_ups(connection, state=state, scope=scope, after=behind, limit=limit)


def _place(row: ListedRow) -> Sequence[str]:
    if isinstance(row, ListedEntry):
        return paging.at(row.sort_at), row.id
    return row.due_to.isoformat(), row.follow_up_id


class ListRows(NamedTuple):
    """A page of a list, and the cursors of its first and last row."""

    rows: Sequence[ListedRow]
    ends: Sequence[str]


async def pages_of(connection: Connection, asked: Sequence[tuple[Worklist, Look]], scope: Scope) -> list[ListRows]:
    """The pages of these lists as the desk asks for them; what their reader, of this `scope`, may not see of all their
    episodes is looked up once. Raises a 422 Problem for a bad cursor."""
    found = [await pages.page_of(connection, one.of, question(one, look)) for one, look in asked]
    ends = [[paging.cursor(*_place(row)) for row in (*rows[:1], *rows[-1:])] for rows in found]
    every: list[ListedRow] = [row for rows in found for row in rows]
    seen = iter(await showing.seen_by(connection, scope, every))
    return [ListRows(list(islice(seen, len(rows))), own) for rows, own in zip(found, ends, strict=True)]


def question(worklist: Worklist, look: Look) -> pages.PageQuestion:
    """What is asked of a list, for SQL. Raises a 422 Problem for a bad cursor."""
    asked, back = look.asked, look.asked.before is not None
    text = asked.before if back else asked.cursor
    last = paging.behind({"cursor": text} if text else {}, 2)
    place = _placed(worklist, last) if last is not None else None
    overdue, of_people = "overdue" in asked.filters, frozenset(asked.filters).intersection(OF_PEOPLE)
    return pages.PageQuestion(
        look.scope, _late(worklist, look), look.most, asked.down, place, back, overdue, look.at, look.who.subject,
        of_people, asked.ids,
    )  # fmt: skip


def _placed(worklist: Worklist, last: Sequence[str]) -> tuple[datetime | date, str]:
    """The sort key that a cursor's two parts name."""
    if isinstance(worklist.of, EntriesOf):
        return paging.instant(last[0]), last[1]
    window = window_behind(last)
    return window.due_to, window.follow_up_id


def _late(worklist: Worklist, look: Look) -> datetime:
    """What was due before this is urgent."""
    return look.at - worklist.late if worklist.late is not None else datetime.min.replace(tzinfo=UTC)


async def count(connection: Connection, worklist: Worklist, look: Look) -> Counted:
    """How many entries a worklist has, and how many of them are urgent."""
    late = _late(worklist, look)
    if isinstance(worklist.of, EntriesOf):
        return Counted(*await views.counted(connection, worklist.of, scope=look.scope, late=late))
    return Counted(*await views.counted_windows(connection, worklist.of.state, scope=look.scope, late=late.date()))


def paths(lists: Sequence[Worklist] = WORKLISTS) -> dict[str, Any]:
    """The worklists' paths for the OpenAPI document."""
    about = "What waits for somebody in one list, what is due first at the top"
    return api.worklists(about, READERS, [one.name for one in lists], ANSWERS.values())
