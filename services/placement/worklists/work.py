"""What a worklist may hold, desk entries or withheld facts, and the SQL that counts and reads each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.placement.gate import views as gate
from services.placement.search.entry import AHEAD, UNANSWERED, Kind
from services.placement.tables import entries, episodes
from services.placement.worklists.views import Line, ListQuestion, Whose, selected, within

_E = entries.c
Condition = Callable[[datetime], sa.ColumnElement[bool]]
"""What has to be so of an entry at an instant."""


class EntriesOf(NamedTuple):
    """The desk's entries of one kind, in these states (empty: any), that also meet the condition `more`."""

    kind: Kind
    states: tuple[str, ...] = ()
    more: Condition | None = None

    async def counted(
        self, connection: AsyncConnection, whose: Whose, now: datetime, late: Condition | None = None
    ) -> tuple[int, int]:
        """How many there are, and how many of them meet `late` (None: 0)."""
        count = sa.func.count()
        over = count.filter(late(now)) if late is not None else sa.literal(0)
        joined = entries.join(episodes, episodes.c.episode_id == _E.episode_id)
        query = sa.select(count, over).select_from(joined).where(*self._so(whose, now))
        row = (await connection.execute(query)).one()
        return int(row[0]), int(row[1])

    async def lines(self, connection: AsyncConnection, asked: ListQuestion, now: datetime) -> list[Line]:
        """The lines, the oldest first."""
        return await selected(connection, lambda query: query.where(*self._so(asked.whose, now)), asked)

    def holds(self, now: datetime) -> sa.ColumnElement[bool]:
        """The condition for an entry to be in the list, whoever reads it."""
        return sa.func.coalesce(sa.and_(*self._of(now)), sa.false())

    def _so(self, whose: Whose, now: datetime) -> Iterator[sa.ColumnElement[bool]]:
        yield within(whose)
        yield from self._of(now)

    def _of(self, now: datetime) -> Iterator[sa.ColumnElement[bool]]:
        yield _E.kind == self.kind
        if self.states:
            yield _E.state.in_(self.states)
        if self.more is not None:
            yield self.more(now)


class WithheldFacts:
    """Facts that the gate withholds for want of a basis; a line's id, `recipient|fact`, is also the cursor of the next
    page."""

    kind = "withheld"

    async def counted(
        self,
        connection: AsyncConnection,
        whose: Whose,
        now: datetime,  # noqa: ARG002
        late: Condition | None = None,  # noqa: ARG002
    ) -> tuple[int, int]:
        """How many there are; none counts as late."""
        return await gate.how_many_wait(connection, whose.scope), 0

    async def lines(self, connection: AsyncConnection, asked: ListQuestion, now: datetime) -> list[Line]:  # noqa: ARG002
        """The lines, the longest withheld first."""
        at = asked.after
        after = gate.After(at[0], *at[1].split("|", 1)) if at and "|" in at[1] else None
        rows = await gate.waiting(connection, scope=asked.whose.scope, after=after, most=asked.most)
        return [
            Line(
                self.kind, f"{row['recipient']}|{row['fact_id']}", row["episode_id"], row["facility"], None,
                row["reason"], row["since"], None,
                {name: row[name] for name in ("recipient", "fact_id", "fact_type")}, row["patient_id"], 0,
            )
            for row in rows
        ]  # fmt: skip


def over(now: datetime) -> sa.ColumnElement[bool]:
    """Entries whose time is over."""
    return sa.and_(_E.due <= now)


def unanswered(now: datetime) -> sa.ColumnElement[bool]:
    """Offers that should have been answered by now."""
    return sa.or_(_E.due <= now, sa.and_(_E.due.is_(None), _E.at <= now - UNANSWERED))


def seatless(_: datetime) -> sa.ColumnElement[bool]:
    """Placements that need a seat and have none."""
    return sa.and_(sa.not_(_E.content["seat"].as_boolean()))


def ending(now: datetime) -> sa.ColumnElement[bool]:
    """Authorizations whose last day is near."""
    return sa.and_(_in_force(now), _E.due <= now + AHEAD)


def used_up(now: datetime) -> sa.ColumnElement[bool]:
    """Authorizations without a unit left today, or that never had one, whose stay goes on, also past their last day."""
    spent = sa.cast(_E.content["used_up_at"].astext, sa.DateTime(timezone=True)) <= now
    return sa.and_(spent, sa.or_(_in_force(now), _E.content["goes_on"].as_boolean()))


def _in_force(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_E.content["in_force"].as_boolean(), _E.state != "ended", _E.due > now)
