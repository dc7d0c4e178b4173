"""What a worklist may hold, desk entries or withheld facts, and the SQL that counts and reads each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.placement.gate import views as gate
from services.placement.search.entry import AHEAD, UNANSWERED, Kind
from services.placement.tables import entries
from services.placement.worklists.views import COUNTED, Line, ListPage, ListQuestion, Whose, selected, within
from shared.storage.keysets import Keyset
from shared.storage.list_counts import by_people, numbers
from shared.storage.own_words import among, has, text_of, truth_of, word
from shared.web.tables import OF_PEOPLE

_E = entries.c
MOST_OF_EPISODES = 500
"""Entries that are read of a set of episodes at most."""
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
ORDERS: Mapping[str, sa.ColumnElement[datetime]] = {
    "waiting": _E.at,
    "due": sa.func.coalesce(_E.due, sa.case((_E.kind == word("offer"), _E.at + UNANSWERED), else_=_NEVER)),
}
"""Name of an order of a list → what its entries are sorted by: since when it is so, or when somebody is too late."""
FILTERS: Mapping[str, sa.ColumnElement[Any]] = {
    "level": sa.func.coalesce(text_of(_E.content, "recommended_level"), text_of(_E.content, "level")),
    "payer": sa.func.coalesce(text_of(_E.content, "needs", "payer"), text_of(_E.content, "payer")),
    "program": _E.program,
}
"""Name of a filter → what has to have its value. Of a search the level is the recommended one."""
Condition = Callable[[datetime], sa.ColumnElement[bool]]
"""What has to be so of an entry at an instant."""


class PageQuestion(NamedTuple):
    """Which page of a list is asked for: whose entries, when, in which order and `down` or up; `place`: the (time, id)
    of the row after which it begins, or with `back` before which it ends; `filters`: name → value, `overdue` among
    them; at most how many rows; `me`: whose entries are `mine`. What is snoozed is on a page only where that is asked
    for."""

    whose: Whose
    now: datetime
    most: int
    order: str = "waiting"
    down: bool = False
    place: tuple[datetime, str] | None = None
    back: bool = False
    filters: Mapping[str, str] = {}
    me: str = ""
    ids: tuple[str, ...] = ()

    @property
    def keyset(self) -> Keyset:
        """The order, with the id."""
        return Keyset(ORDERS[self.order], _E.id, self.down)


def sorted_by(order: str, line: Line) -> datetime:
    """What a line is sorted by in this order, as ORDERS has it."""
    if order == "waiting":
        return line.at
    return line.due or (line.at + UNANSWERED if line.kind == "offer" else _NEVER)


class EntriesOf(NamedTuple):
    """The desk's entries of one kind, in these states (empty: any), that also meet the condition `more`."""

    kind: Kind
    states: tuple[str, ...] = ()
    more: Condition | None = None
    also: tuple[Kind, ...] = ()
    """Kinds of entries that are in the list besides."""

    async def counted(
        self, connection: AsyncConnection, whose: Whose, now: datetime, late: Condition | None = None
    ) -> tuple[int, int]:
        """How many there are, and how many of them meet `late` (None: 0)."""
        count = sa.func.count()
        over = count.filter(late(now)) if late is not None else sa.literal(0)
        query = sa.select(count, over).select_from(entries).where(*self._so(whose, now))
        row = (await connection.execute(query)).one()
        return int(row[0]), int(row[1])

    async def lines(self, connection: AsyncConnection, asked: ListQuestion, now: datetime) -> list[Line]:
        """The lines, the oldest first."""
        return await selected(connection, lambda query: query.where(*self._so(asked.whose, now)), asked)

    def page(self, asked: PageQuestion, late: Condition | None) -> ListPage:
        """A page of the lines, in the order that is asked for."""
        found = [*self._so(asked.whose, asked.now), *_narrowed(asked, late)]
        if asked.place is not None:
            found.append(asked.keyset.beyond(asked.place, back=asked.back))
        return ListPage(found, asked.keyset, asked.back, asked.most)

    def tally(self, name: str, asked: PageQuestion, late: Condition | None) -> sa.Select[Any]:
        """The query for one row: the list's name, and the numbers of a ListCount."""
        columns = numbers(
            name,
            asked.now,
            late=late(asked.now) if late is not None else None,
            found=sa.and_(*_narrowed(asked, late)),
            beyond=asked.keyset.beyond(asked.place, back=asked.back) if asked.place is not None else None,
            back=asked.back,
        )
        return sa.select(*columns).select_from(COUNTED).where(*self._so(asked.whose, asked.now))

    async def named(self, connection: AsyncConnection, whose: Whose, ids: Sequence[str], now: datetime) -> list[Line]:
        """Those of the entries with these ids that are in the list for this reader."""
        named = _E.id.in_(list(ids))
        asked = ListQuestion(whose, len(ids))
        return await selected(connection, lambda query: query.where(named, *self._so(whose, now)), asked)

    async def of_episodes(
        self, connection: AsyncConnection, whose: Whose, episode_ids: Sequence[str], now: datetime
    ) -> list[Line]:
        """The entries of these episodes, for this reader."""
        mine, asked = _E.episode_id.in_(list(episode_ids)), ListQuestion(whose, MOST_OF_EPISODES)
        return await selected(connection, lambda query: query.where(mine, *self._so(whose, now)), asked)

    def holds(self, now: datetime) -> sa.ColumnElement[bool]:
        """The condition for an entry to be in the list, whoever reads it."""
        return sa.func.coalesce(sa.and_(*self._of(now)), sa.false())

    def _so(self, whose: Whose, now: datetime) -> Iterator[sa.ColumnElement[bool]]:
        yield within(whose)
        yield from self._of(now)

    def _of(self, now: datetime) -> Iterator[sa.ColumnElement[bool]]:
        yield among(_E.kind, (self.kind, *self.also)) if self.also else _E.kind == word(self.kind)
        if self.states:
            yield among(_E.state, self.states)
        if self.more is not None:
            yield self.more(now)


def _narrowed(asked: PageQuestion, late: Condition | None) -> Iterator[sa.ColumnElement[bool]]:
    """The filters as conditions; of a list where nothing is ever late, nothing is overdue."""
    yield from by_people(asked.filters, asked.me, asked.now)
    if asked.ids:
        yield _E.id.in_(asked.ids)
    for name, value in asked.filters.items():
        if name == "overdue":
            yield late(asked.now) if late is not None else sa.false()
        elif name not in OF_PEOPLE:
            yield FILTERS[name] == value


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

    def tally(self, name: str, asked: PageQuestion, late: Condition | None) -> sa.Select[Any]:  # noqa: ARG002
        """The same row as that of entries; none counts as late, and what stands before a place is not counted."""
        every = gate.count_of_waiting(asked.whose.scope).subquery()
        [count] = every.c
        return sa.select(sa.literal(name).label("name"), count, sa.literal(0), count.label("found"), sa.literal(0))

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


def dose_due(now: datetime) -> sa.ColumnElement[bool]:
    """Medications whose next dose is due within a week and before the first day that is known, of patients whom no
    program or unit has now."""
    days = text_of(_E.content, "next_due"), text_of(_E.content, "first_day")
    before = sa.or_(days[1].is_(None), days[0] < days[1])
    return sa.and_(_E.due <= now + AHEAD, before, sa.not_(has(_E.content, "cared_for")))


def missed(now: datetime) -> sa.ColumnElement[bool]:
    """Placements whose first day was missed, as was told, or is over and nobody told whether the patient came."""
    return sa.or_(_E.state == word("missed"), sa.and_(_E.due <= now, sa.not_(has(_E.content, "start_told"))))


def kept_too_long(now: datetime) -> sa.ColumnElement[bool]:
    """Of these the ones whose seat is kept for longer than the site's days."""
    return sa.and_(_E.state == word("missed"), _E.due <= now)


def unconfirmed(now: datetime) -> sa.ColumnElement[bool]:
    """Stays at a program whose handover it has not confirmed in the site's time."""
    return sa.cast(text_of(_E.content, "receipt_due"), sa.DateTime(timezone=True)) <= now


def gapped(_: datetime) -> sa.ColumnElement[bool]:
    """Placements with more days between the end of the stay and the first day than the site takes for good."""
    return truth_of(_E.content, "gap")


def leaving(now: datetime) -> sa.ColumnElement[bool]:
    """Stays whose expected end is within the site's days."""
    return sa.cast(text_of(_E.content, "listed_from"), sa.DateTime(timezone=True)) <= now


def seatless(_: datetime) -> sa.ColumnElement[bool]:
    """Placements that need a seat and have none."""
    return sa.not_(truth_of(_E.content, "seat"))


def ending(now: datetime) -> sa.ColumnElement[bool]:
    """Authorizations whose last day is near."""
    return sa.and_(_in_force(now), _E.due <= now + AHEAD)


def used_up(now: datetime) -> sa.ColumnElement[bool]:
    """Authorizations without a unit left today, or that never had one, whose stay goes on, also past their last day."""
    spent = sa.cast(text_of(_E.content, "used_up_at"), sa.DateTime(timezone=True)) <= now
    return sa.and_(spent, sa.or_(_in_force(now), truth_of(_E.content, "goes_on")))


def _in_force(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(truth_of(_E.content, "in_force"), _E.state != word("ended"), _E.due > now)


OF_THE_LAST_DAY = ("authorization-ending", "authorization-used-up")
OF_DENIALS = ("peer-to-peer", "appeal")
OF_CERTIFICATION = ("certification", "recertification")


def of_reviews(*kinds: str) -> Condition:
    """Reviews of these kinds."""
    return lambda _: among(text_of(_E.content, "kind"), kinds)


def late_review(_: datetime) -> sa.ColumnElement[bool]:
    """Reviews that were not done in time."""
    return sa.and_(_E.state == word("overdue"))


def on_its_lead_day(_: datetime) -> sa.ColumnElement[bool]:
    """Reviews of which the site's lead day has come."""
    return sa.and_(_E.state == word("due"))


def to_review(now: datetime) -> sa.ColumnElement[bool]:
    """Plans whose day is over, and what payers wait for."""
    asked = among(text_of(_E.content, "kind"), ("next-review", *OF_THE_LAST_DAY, *OF_DENIALS))
    return sa.or_(sa.and_(_E.kind == word("plan"), _E.due <= now), sa.and_(_E.kind == word("review"), asked))


def late_to_review(now: datetime) -> sa.ColumnElement[bool]:
    """Of these the ones that are late."""
    return sa.or_(_E.kind == word("plan"), late_review(now))
