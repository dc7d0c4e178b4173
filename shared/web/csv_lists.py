"""A list as a file for a spreadsheet (CSV, RFC 4180), as it is filtered; it leaves through the one function for exits
(storage/exits.py). Names are not in it: they are intake's.

UTF-8 with a byte order mark, by which Excel knows it. A cell that a spreadsheet would take for a formula begins with an
apostrophe (OWASP, CSV injection).
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from shared.events.levels import WORDS
from shared.storage.exits import WHO_MAY, Exit, leave
from shared.web import requests
from shared.web.auth import Caller
from shared.web.desk import Desk, Look, at_work_of
from shared.web.listing import Listing, Row
from shared.web.sessions import page_caller
from shared.web.tables import Cell, Column
from shared.web.words import say
from shared.web.zones import reading_zone

MOST: Final = 10_000
"""Rows of one file."""
AT_ONCE: Final = 100
"""Rows that are read in one transaction."""
BOM: Final = "\N{BYTE ORDER MARK}"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
OF_PAGES: Final = frozenset({"cursor", "before", "open", "density"})
"""Parameters of a page's address that a file goes without."""


async def exported(desk: Desk, request: Request) -> Response:
    """GET /csv: the list that the address names, as a file. Raises NotSignedIn, 403 and 422 Problems."""
    who = page_caller(request, *desk.source.readers)
    asked = requests.parameters(request, desk.source.filters)
    return await export(desk, request, who, asked)


async def export(
    desk: Desk, request: Request, who: Caller, asked: Mapping[str, str], ids: Sequence[str] = ()
) -> Response:
    """The rows of a list as a file; `ids`: only these entries. The ledger is written before the first byte leaves.
    Raises a 403 Problem for a role that may take nothing out, a 422 Problem for an address without a list."""
    requests.one_of_roles(who, WHO_MAY["export"])
    of_list = {name: value for name, value in asked.items() if name not in OF_PAGES}
    _, listing, wanted, _, scope = desk.question(who, of_list)
    if listing is None:
        raise requests.unfit("list", "name the list that is exported")
    at, only = desk.clock(), replace(wanted, ids=tuple(ids))
    look = Look(who, scope, None, AT_ONCE, at, only, reading_zone(request))
    async with desk.database.begin() as connection:
        look = await at_work_of(connection, look)
        count = (await desk.source.counts(connection, [listing], look, listing))[listing.name]
        total = count.total if count.found is None else count.found
        facilities = who.facilities if scope.facilities is None else scope.facilities
        await leave(connection, Exit(who.subject, who.roles, listing.name, min(total, MOST), facilities), at)
    name = f"{listing.name}-{at:%Y-%m-%d}.csv"
    headers = {**desk.frame.headers(), "content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_written(desk, listing, look, total), 200, headers, "text/csv; charset=utf-8")


async def _written(desk: Desk, listing: Listing, look: Look, total: int) -> AsyncIterator[str]:
    """The file, some rows at a time; a last line says so where there are more than MOST."""
    columns = listing.table.shown(look.asked)
    titles = (say("Patient"), say("Facility"), *(say(each.title) for each in columns if each.name != "facility"))
    yield BOM + _lines([titles])
    left, reads = MOST, replace(look.who, roles=frozenset({"auditor"}))  # a file has no forms: none is made
    look = look._replace(who=reads)
    while left > 0:
        look = look._replace(most=min(AT_ONCE, left))
        async with desk.database.begin() as connection:
            fetched = await desk.source.rows(connection, listing, look)
        yield _lines(_texts(row, columns) for row in fetched.rows)
        left -= len(fetched.rows)
        if fetched.last is None or len(fetched.rows) < look.most:
            break
        look = look._replace(cursor=fetched.last, asked=replace(look.asked, cursor=fetched.last))
    if total > MOST:
        yield _lines([(say("Only the first {most} of {total} rows are here.", most=MOST, total=total),)])


def _texts(row: Row, columns: Sequence[Column]) -> Sequence[str]:
    told = (text_of(row.cell(each.name)) for each in columns if each.name != "facility")
    return (row.patient_id or row.name, row.facility, *told)


def text_of(cell: Cell) -> str:
    """What a column shows of a row, as one text."""
    taken = f"{cell.taken[1]} / {cell.taken[0]}" if cell.taken else ""
    levels = " → ".join(say(WORDS.get(each, each)) for each in cell.levels)
    points = [words for _, words in cell.points]
    return " · ".join(filter(None, (levels, cell.badge.text, cell.text, *cell.more, taken, *points)))


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _lines(rows: Iterable[Sequence[str]]) -> str:
    made = io.StringIO()
    csv.writer(made).writerows([guarded(each) for each in row] for row in rows)
    return made.getvalue()
