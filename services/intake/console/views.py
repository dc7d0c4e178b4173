"""All SQL that the console reads with: messages by what is asked, the facts that they said, sealed texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from services.intake.console.question import WantedMessages
from services.intake.tables import messages, patient_identifiers, refused_messages, visits
from shared.facts.envelope import Fact, from_record
from shared.messaging import outbox
from shared.scope import Scope
from shared.storage import scoped
from shared.storage.database import Connection

_M, _R = messages.c, refused_messages.c
_SAME = ("message_id", "facility", "door", "trigger", "control_id", "arrived_at")
_KEPT = [*(_M[name] for name in (*_SAME, "answer", "note", "reason", "warnings", "patient_id", "visit_id"))]
_REFUSED = [
    *(_R[name] for name in _SAME),
    sa.literal("AR").label("answer"), sa.literal("refused").label("note"), _R.reason,
    sa.cast(sa.literal([], sa.ARRAY(sa.Text)), sa.ARRAY(sa.Text)).label("warnings"),
    sa.cast(sa.null(), sa.Text).label("patient_id"), sa.cast(sa.null(), sa.Text).label("visit_id"),
]  # fmt: skip
_FACTS = sa.text(
    "SELECT message_id, ce_id, type, stay_id, occurred_at, standing, episode_id FROM facts "
    "WHERE message_id = ANY(CAST(:ids AS text[])) ORDER BY episode_id, sequence"
)
_GONE = sa.text(  # by a cancel that names it, or by a later statement of the same
    "SELECT DISTINCT ON (f.ce_id) f.ce_id, n.message_id, n.type = 'fact-cancelled' AS cancelled FROM facts AS f "
    "JOIN facts AS n ON n.episode_id = f.episode_id AND n.sequence > f.sequence AND "
    "((n.type = 'fact-cancelled' AND n.key[2] = f.ce_id) OR (n.visit_id = f.visit_id AND n.key = f.key)) "
    "WHERE f.ce_id = ANY(CAST(:ids AS text[])) ORDER BY f.ce_id, n.sequence"
)
_TEXT = sa.text(
    "SELECT facility, charset, sealed FROM messages WHERE message_id = :id UNION ALL "
    "SELECT facility, '', sealed FROM refused_messages WHERE message_id = :id"
)
_STATED_NOW = sa.text(  # what this transaction wrote: rows that it made, or made fall
    "SELECT ce_id, type, key, stay_id, occurred_at, standing, episode_id, visit_id, value FROM facts "
    "WHERE episode_id IN (SELECT episode_id FROM episodes WHERE patient_id = ANY(CAST(:patients AS text[]))) "
    "AND xmin = pg_current_xact_id()::xid ORDER BY episode_id, sequence"
)
_SENT_NOW = sa.text(
    "SELECT topic, batch, key, value, headers FROM outbox WHERE topic = 'care.events' "
    "AND xmin = pg_current_xact_id()::xid ORDER BY id"
)
_NOTED_NOW = sa.text(
    "SELECT message_id, trigger, note, reason FROM messages WHERE patient_id = ANY(CAST(:patients AS text[])) "
    "AND xmin = pg_current_xact_id()::xid ORDER BY message_id"
)
_NOTED = sa.text(
    "SELECT message_id, trigger, note, reason FROM messages WHERE patient_id = ANY(CAST(:patients AS text[])) "
    "ORDER BY message_id"
)
_KNOWN = sa.text(
    "SELECT patient_id FROM patients WHERE patient_id = ANY(CAST(:patients AS text[])) UNION ALL "
    "SELECT visit_id FROM visits WHERE visit_id = ANY(CAST(:visits AS text[]))"
)
_WITH_MESSAGES = sa.text(
    "SELECT v.patient_id, coalesce(m.number, 0) FROM (SELECT DISTINCT patient_id FROM visits) AS v LEFT JOIN "
    "(SELECT patient_id, count(*) AS number FROM messages WHERE patient_id IS NOT NULL GROUP BY 1) AS m "
    "USING (patient_id) ORDER BY 1"
)
_UNSURE = sa.text("SELECT patient_id FROM patients WHERE patient_id = ANY(CAST(:patients AS text[])) AND unsure")
_SPANS = sa.text("SELECT visit_id, begun_at, ended_at FROM visits WHERE visit_id = ANY(CAST(:visits AS text[]))")
Span = tuple[datetime | None, datetime | None]
"""When a visit began, and when it ended."""
_LAST = sa.text("SELECT facility, max(last_at) FROM feeds WHERE answer <> 'AR' GROUP BY facility")


class MessageLine(NamedTuple):
    """A message as it is listed: where it came from, what it got, and what became of it; nothing of its content."""

    message_id: str
    facility: str
    door: str
    trigger: str
    control_id: str
    arrived_at: datetime
    answer: str
    note: str
    reason: str | None
    warnings: Sequence[str]
    patient_id: str | None
    visit_id: str | None


class FactOfMessage(NamedTuple):
    """A fact that a message said, and by which message it was taken back or replaced, if it no longer stands."""

    message_id: str
    ce_id: str
    type: str
    stay_id: str | None
    occurred_at: datetime
    standing: bool
    episode_id: str
    gone_by: str | None = None
    replaced: bool = False


class WrittenFact(NamedTuple):
    """A row of a fact that a transaction wrote: a new one, or one that it made fall (`standing` is False then).
    `key`: what it is among the facts of its visit; `value`: its own fields as JSON."""

    ce_id: str
    type: str
    key: Sequence[str]
    stay_id: str | None
    occurred_at: datetime
    standing: bool
    episode_id: str
    visit_id: str | None
    value: bytes

    @property
    def fell(self) -> bool:
        """True for a fact that stood before and does not any more; a cancel never stands."""
        return not self.standing and self.type != "fact-cancelled"


class NotedMessage(NamedTuple):
    """What is noted of a message."""

    message_id: str
    trigger: str
    note: str
    reason: str | None


class SealedText(NamedTuple):
    """A message's text, sealed for the place of its id; None where it is not kept any more. `charset`: Python's name,
    empty where it is not known."""

    facility: str
    charset: str
    sealed: bytes | None


async def found(connection: Connection, wanted: WantedMessages) -> list[MessageLine]:
    """A page of the messages that are asked for, in the order of their arrival."""
    parts = [*([_of_kept(wanted)] if wanted.of_kept else []), *([_of_refused(wanted)] if wanted.of_refused else [])]
    if not parts:
        return []
    every = sa.union_all(*(sa.select(part.subquery()) for part in parts)).subquery()
    key = every.c.message_id
    query = sa.select(every).order_by(key.desc() if wanted.down else key).limit(wanted.most)
    return [MessageLine(*row) for row in (await connection.execute(query)).all()]


async def one(connection: Connection, message_id: str, scope: Scope) -> MessageLine | None:
    """One message; None where there is none in scope."""
    kept = sa.select(*_KEPT).where(_M.message_id == message_id, scoped.of(_M.facility, scope))
    refused = sa.select(*_REFUSED).where(_R.message_id == message_id, scoped.of(_R.facility, scope))
    row = (await connection.execute(sa.union_all(kept, refused))).first()
    return MessageLine(*row) if row else None


async def facts_said(connection: Connection, message_ids: Sequence[str]) -> dict[str, list[FactOfMessage]]:
    """Message id → the facts that it said, those of an episode in their order; by two statements for all of them."""
    told = [FactOfMessage(*row) for row in (await connection.execute(_FACTS, {"ids": list(message_ids)})).all()]
    fallen = [each.ce_id for each in told if not each.standing]
    gone = {row.ce_id: row for row in (await connection.execute(_GONE, {"ids": fallen})).all()} if fallen else {}
    by_message: dict[str, list[FactOfMessage]] = {}
    for each in told:
        by = gone.get(each.ce_id)
        fact = each._replace(gone_by=by.message_id, replaced=not by.cancelled) if by else each
        by_message.setdefault(each.message_id, []).append(fact)
    return by_message


async def patients_with(connection: Connection, keys: Iterable[bytes]) -> frozenset[str]:
    """The patients to whom a number with one of these keyed hashes leads."""
    column = patient_identifiers.c
    query = sa.select(column.patient_id).where(column.key.in_(list(keys)), column.leads != "not").distinct()
    return frozenset((await connection.execute(query)).scalars())


async def visits_numbered(connection: Connection, number: str, scope: Scope) -> frozenset[str]:
    """The visits that have this number at a facility in scope."""
    so = (visits.c.visit_key == number, scoped.of(visits.c.facility, scope))
    return frozenset((await connection.execute(sa.select(visits.c.visit_id).where(*so))).scalars())


async def text_of(connection: Connection, message_id: str, scope: Scope) -> SealedText | None:
    """The sealed text of a message; None where there is no such message in scope."""
    row = (await connection.execute(_TEXT, {"id": message_id})).first()
    text = SealedText(*row) if row else None
    return text if text and scope.has(text.facility) else None


async def visit_of(connection: Connection, visit_id: str) -> tuple[str, datetime | None, datetime | None] | None:
    """(key, when it began, when it ended) of a visit."""
    column = visits.c
    query = sa.select(column.visit_key, column.begun_at, column.ended_at).where(column.visit_id == visit_id)
    row = (await connection.execute(query)).first()
    return tuple(row) if row else None


async def stated_now(connection: Connection, patients: Iterable[str]) -> list[WrittenFact]:
    """The facts of these patients that this transaction stated or made fall, in the order of their episodes."""
    given = {"patients": sorted(patients)}
    return [WrittenFact(*row) for row in (await connection.execute(_STATED_NOW, given)).all()]


async def sent_now(connection: Connection) -> list[Fact]:
    """The facts that this transaction states, as they would be published."""
    found = [row._asdict() for row in (await connection.execute(_SENT_NOW)).all()]
    return [from_record(each.value, each.headers) for row in found for each in outbox.records_of(row)]


async def noted_now(connection: Connection, patients: Iterable[str]) -> list[NotedMessage]:
    """The messages of these patients that this transaction stored or noted anew, in the order of arrival."""
    given = {"patients": sorted(patients)}
    return [NotedMessage(*row) for row in (await connection.execute(_NOTED_NOW, given)).all()]


async def noted(connection: Connection, patients: Iterable[str]) -> dict[str, NotedMessage]:
    """Message id → what is noted of it, of all messages of these patients."""
    given = {"patients": sorted(patients)}
    return {row[0]: NotedMessage(*row) for row in (await connection.execute(_NOTED, given)).all()}


async def known(connection: Connection, patients: Iterable[str], visits_: Iterable[str]) -> frozenset[str]:
    """Those of these ids of patients and visits that are stored."""
    given = {"patients": sorted(patients), "visits": sorted(visits_)}
    return frozenset((await connection.execute(_KNOWN, given)).scalars())


async def spans_of(connection: Connection, visits_: Iterable[str]) -> dict[str, Span]:
    """Visit id → when it began and ended."""
    rows = (await connection.execute(_SPANS, {"visits": sorted(visits_)})).all()
    return {row[0]: (row[1], row[2]) for row in rows}


async def patients_and_messages(connection: Connection) -> list[tuple[str, int]]:
    """Every patient who has a visit, with the number of their messages, in the order of their ids."""
    return [(row[0], row[1]) for row in (await connection.execute(_WITH_MESSAGES)).all()]


async def unsure(connection: Connection, patients: Sequence[str]) -> set[str]:
    """Those of these patients who have a message that names no visit."""
    return set((await connection.execute(_UNSURE, {"patients": list(patients)})).scalars())


async def last_by_facility(connection: Connection) -> dict[str, datetime]:
    """Facility → when its last message came that was not refused."""
    return {row[0]: row[1] for row in (await connection.execute(_LAST)).all()}


def _of_kept(wanted: WantedMessages) -> sa.Select[Any]:
    so = _asked(_M, wanted)
    if wanted.answer is not None:
        so.append(_M.answer == wanted.answer)
    if wanted.answer == "AE":  # each is noted so, and by the note there is an index
        so += _noted("error")
    if wanted.note is not None:
        so += _noted(wanted.note)
    if wanted.patients is not None:
        so.append(_M.patient_id.in_(wanted.patients))
    if wanted.visits is not None:
        so.append(_M.visit_id.in_(wanted.visits))
    return _paged(sa.select(*_KEPT).where(*so), _M.message_id, wanted)


def _of_refused(wanted: WantedMessages) -> sa.Select[Any]:
    return _paged(sa.select(*_REFUSED).where(*_asked(_R, wanted)), _R.message_id, wanted)


def _noted(note: str) -> list[sa.ColumnElement[bool]]:
    """The condition in the words of the partial indexes, which are else not used."""
    if note == "applied":
        return [_M.note == note]
    if note == "kept":
        return [_M.note == sa.literal_column("'kept'")]
    return [_M.note == note, _M.note.not_in([sa.literal_column("'applied'"), sa.literal_column("'kept'")])]


def _asked(column: Any, wanted: WantedMessages) -> list[sa.ColumnElement[bool]]:
    listed = wanted.scope.listed
    one_place = listed is not None and len(listed) == 1
    so = [column.facility == listed[0] if listed and one_place else scoped.of(column.facility, wanted.scope)]
    told = {"trigger": wanted.trigger, "control_id": wanted.control_id}
    so += [column[name] == value for name, value in told.items() if value is not None]
    if wanted.since is not None:
        so.append(column.message_id >= wanted.since)
    if wanted.until is not None:
        so.append(column.message_id < wanted.until)
    if wanted.after is not None:
        so.append(column.message_id < wanted.after if wanted.down else column.message_id > wanted.after)
    return so


def _paged(query: sa.Select[Any], key: sa.ColumnElement[str], wanted: WantedMessages) -> sa.Select[Any]:
    return query.order_by(key.desc() if wanted.down else key).limit(wanted.most)
