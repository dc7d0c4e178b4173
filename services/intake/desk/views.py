"""All SQL that only intake's pages read: messages and consents page by page with their counts, and what came of one
patient. No message's text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.intake.receiving.deletions import DELETING
from services.intake.receiving.views import LISTED_NOTES, Listed
from services.intake.requests.consents.tables import consents
from services.intake.tables import messages, refused_messages
from shared.scope import Scope
from shared.storage import scoped
from shared.storage.database import Connection

_VISITS = sa.text(
    "SELECT v.visit_id, v.facility, v.begun_at, v.ended_at, count(m.message_id) AS number, "
    "min(m.arrived_at) AS first_at, max(m.arrived_at) AS last_at, "
    "count(m.message_id) FILTER (WHERE m.note IN ('waiting', 'error', 'unmapped')) AS open "
    "FROM visits AS v LEFT JOIN messages AS m USING (visit_id) WHERE v.patient_id = :patient "
    "AND (CAST(:facilities AS text[]) IS NULL OR v.facility = ANY(CAST(:facilities AS text[]))) "
    "GROUP BY 1, 2, 3, 4 ORDER BY max(m.arrived_at) DESC NULLS LAST, 1 LIMIT :most"
)
_COVERED = sa.text(
    "SELECT DISTINCT ON (v.facility) v.facility, convert_from(f.value, 'UTF8')::jsonb ->> 'effective_from' AS since, "
    "convert_from(f.value, 'UTF8')::jsonb -> 'coverage' AS coverage FROM facts AS f JOIN visits AS v USING (visit_id) "
    "WHERE v.patient_id = :patient AND f.standing AND f.type = 'coverage-changed' "
    "AND (CAST(:facilities AS text[]) IS NULL OR v.facility = ANY(CAST(:facilities AS text[]))) "
    "ORDER BY v.facility, since DESC, f.sequence DESC"
)


class PageOf(NamedTuple):
    """Which rows of a list: those behind the key `after`, or those before the key `before`, and how many at `most`."""

    after: str | None
    before: str | None
    most: int


class Tally(NamedTuple):
    """How many rows a list has, how many of them are urgent, and how many come before the place of a page."""

    total: int
    urgent: int
    ahead: int


class VisitOf(NamedTuple):
    """A visit of a patient: its `number` of messages, when the first and the last of them came, and how many of them
    are `open`, since they wait or went wrong."""

    visit_id: str
    facility: str
    begun_at: datetime | None
    ended_at: datetime | None
    number: int
    first_at: datetime | None
    last_at: datetime | None
    open: int


class CoverageOf(NamedTuple):
    """What a facility told last of who pays: from which day on, and payer and plan in order of payment."""

    facility: str
    since: date
    payers: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class KeyedList:
    """The rows of a table that are in a list, in the order of one key; `down`: the greatest first."""

    columns: Sequence[sa.ColumnElement[Any]]
    key: sa.Column[str]
    facility: sa.ColumnElement[str]
    so: sa.ColumnElement[bool]
    urgent: sa.ColumnElement[bool]
    down: bool = False

    def page(self, scope: Scope, asked: PageOf) -> sa.Select[Any]:
        """The rows of a page, from its end where it is one before a key."""
        back = asked.before is not None
        query = sa.select(*self.columns).where(self.so, scoped.of(self.facility, scope)).limit(asked.most)
        if (place := asked.before if back else asked.after) is not None:
            query = query.where(self._behind(place, back=back))
        return query.order_by(self.key.desc() if self.down != back else self.key)

    def tally(self, name: str, scope: Scope, asked: PageOf) -> sa.Select[Any]:
        """One row: the list's name and the numbers of a Tally."""
        count, back = sa.func.count(), asked.before is not None
        ahead: sa.ColumnElement[int] = sa.literal(0)
        if (place := asked.before if back else asked.after) is not None:
            behind = self._behind(place, back=back)
            ahead = count.filter(behind if back else sa.not_(behind))
        numbers: list[sa.ColumnElement[Any]] = [sa.literal(name), count, count.filter(self.urgent), ahead]
        query = sa.select(*numbers).select_from(self.key.table)  # nothing else may name it, for who sees everything
        return query.where(self.so, scoped.of(self.facility, scope))

    def _behind(self, place: str, *, back: bool) -> sa.ColumnElement[bool]:
        return self.key < place if self.down != back else self.key > place


def _noted(state: str) -> KeyedList:
    table = messages.c
    noted = sa.and_(table.note == LISTED_NOTES[state], table.note.not_in(["applied", "kept"]))
    shown = [table[name] for name in Listed._fields]
    return KeyedList(shown, table.message_id, table.facility, noted, sa.false())


def _agreed() -> KeyedList:
    """The messages that somebody agreed to."""
    table = messages.c
    said = sa.cast(sa.func.convert_from(table.said, "UTF8"), JSONB)
    so = sa.and_(table.trigger.in_(DELETING), table.said.is_not(None), said["agreed"].astext == "true")
    shown = [table[name] for name in Listed._fields]
    return KeyedList(shown, table.message_id, table.facility, so, sa.false(), down=True)


_REFUSED = refused_messages.c
_BEFORE_NOTE = ("message_id", "facility", "door", "trigger", "arrived_at")
LISTS: Mapping[str, KeyedList] = {
    **{state: _noted(state) for state in LISTED_NOTES},
    "agreed": _agreed(),
    "ar": KeyedList(
        [
            *(_REFUSED[name] for name in _BEFORE_NOTE),
            sa.literal("error").label("note"),
            _REFUSED.reason,
            sa.cast(sa.null(), sa.Text).label("visit_id"),
        ],
        _REFUSED.message_id,
        _REFUSED.facility,
        sa.true(),
        sa.false(),
    ),
    "consents": KeyedList(
        [consents.c.consent_id],
        consents.c.consent_id,
        consents.c.facility,
        consents.c.state.in_(["standing", "revoking"]),
        consents.c.state == "revoking",
        down=True,
    ),
}
"""Name of a list → its rows; messages by their state, as the API names it."""


async def tallied(connection: Connection, queries: Sequence[sa.Select[Any]]) -> dict[str, Tally]:
    """Name of list → its numbers, by one query for all lists."""
    if not queries:
        return {}
    rows = (await connection.execute(sa.union_all(*queries))).all()
    return {row[0]: Tally(*map(int, row[1:])) for row in rows}


async def messages_of(connection: Connection, state: str, scope: Scope, asked: PageOf) -> list[Listed]:
    """A page of the messages in a state, in the order of their arrival."""
    rows = (await connection.execute(LISTS[state].page(scope, asked))).all()
    return [Listed(*row) for row in (rows[::-1] if asked.before is not None else rows)]


async def consents_of(connection: Connection, scope: Scope, asked: PageOf) -> list[str]:
    """The ids of a page of the consents that stand or are being taken back, those recorded last first."""
    found = list((await connection.execute(LISTS["consents"].page(scope, asked))).scalars())
    return found[::-1] if asked.before is not None else found


async def visits_of(connection: Connection, patient_id: str, scope: Scope, most: int = 20) -> list[VisitOf]:
    """At most `most` visits of a patient at facilities in scope, the one that was told of last first."""
    given = {"patient": patient_id, "facilities": scope.listed, "most": most}
    return [VisitOf(*row) for row in (await connection.execute(_VISITS, given)).all()]


async def coverage_of(connection: Connection, patient_id: str, scope: Scope) -> list[CoverageOf]:
    """What each facility in scope told last of who pays for a patient."""
    rows = (await connection.execute(_COVERED, {"patient": patient_id, "facilities": scope.listed})).all()
    return [CoverageOf(row.facility, date.fromisoformat(row.since), row.coverage) for row in rows]
