"""All SQL that compares placement's tables with what its topics hold (`told`, shared/messaging/spool.py), and what
only `heal` writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.placement.billing.model import PeriodKey, SentPeriod
from services.placement.gate.consents import Consent
from services.placement.gate.store import LedgerRow
from services.placement.gate.tables import consents, disclosures, not_told_again
from services.placement.tables import episodes, fact_of, periods, sent_of
from shared.events.published import encode
from shared.facts.envelope import Fact
from shared.facts.ordering import FactPlace
from shared.facts.values import UnknownFact
from shared.messaging.spool import COLUMNS, Told, told_of
from shared.storage.database import Connection, copy_rows
from shared.storage.row_writes import insert_missing, update, upsert
from shared.storage.statements import array, at_once, rows, written

UNTOLD = (
    "SELECT f.episode_id AS subject, f.sequence FROM facts AS f WHERE f.writer = 'placement' AND NOT EXISTS ("
    "SELECT FROM told AS t WHERE t.topic = 'care.events' AND t.writer = f.writer AND t.subject = f.episode_id "
    "AND t.sequence = f.sequence)"
)
"""Own facts that care.events lacks."""
UNKNOWN = (
    "SELECT DISTINCT t.subject, t.writer, t.sequence FROM told AS t WHERE t.topic = 'care.events' AND NOT EXISTS ("
    "SELECT FROM facts AS f WHERE f.episode_id = t.subject AND f.writer = t.writer AND f.sequence = t.sequence)"
)
"""Facts of anybody that care.events holds and the table lacks."""
OTHERS = (
    "SELECT DISTINCT t.subject, t.writer, t.sequence FROM told AS t JOIN facts AS f ON f.episode_id = t.subject "
    "AND f.writer = t.writer AND f.sequence = t.sequence WHERE t.topic = 'care.events' AND f.ce_id <> t.ce_id"
)
"""Places under which the table and care.events have different facts."""
_LAST = (
    "SELECT DISTINCT ON (t.subject) t.subject, t.sequence, t.ce_id FROM told AS t WHERE t.topic = {topic} "
    "ORDER BY t.subject, t.nth DESC"
)
_LAST_PERIODS, _LAST_DOCUMENTS = _LAST.format(topic="'billing.periods'"), _LAST.format(topic="'care.episodes'")
UNTOLD_VERSIONS = (
    "SELECT p.period_id AS subject, v.version::bigint AS version, v.version = p.version AS latest FROM periods AS p "
    "CROSS JOIN LATERAL generate_series(1, p.version) AS v(version) WHERE NOT EXISTS (SELECT FROM told AS t "
    "WHERE t.topic = 'billing.service-periods' AND t.subject = p.period_id AND t.sequence = v.version) "
)
"""Versions of service periods up to the stored one that billing.service-periods lacks."""
UNTOLD_LATEST = (
    "SELECT p.period_id AS subject FROM periods AS p "  # noqa: S608 - our own words
    f"LEFT JOIN ({_LAST_PERIODS}) AS l ON l.subject = p.period_id "
    "LEFT JOIN told AS s ON s.topic = 'billing.service-periods' AND s.subject = p.period_id AND s.sequence = p.version "
    "WHERE (l.subject IS NULL OR l.sequence <> p.version OR l.ce_id <> s.ce_id) AND NOT EXISTS (SELECT FROM told AS n "
    "WHERE n.topic = 'billing.service-periods' AND n.subject = p.period_id AND n.sequence > p.version)"
)
"""Periods whose last record on billing.periods is not the stored version."""
NEWER_PERIODS = (
    "SELECT t.key AS subject, t.subject AS period, max(t.sequence) AS version FROM told AS t "
    "LEFT JOIN periods AS p ON p.period_id = t.subject WHERE t.topic = 'billing.service-periods' "
    "AND t.sequence > coalesce(p.version, 0) GROUP BY t.key, t.subject"
)
"""Periods of which the topic holds a later version than the table, by episode."""
BEHIND = (
    "SELECT e.episode_id AS subject, greatest(e.version, coalesce(m.version, 0)) AS version FROM episodes AS e "  # noqa: S608
    f"LEFT JOIN ({_LAST_DOCUMENTS}) AS l ON l.subject = e.episode_id "
    "LEFT JOIN (SELECT t.subject, max(t.sequence) AS version FROM told AS t "
    "WHERE t.topic IN ('care.episodes', 'seen') GROUP BY t.subject) AS m ON m.subject = e.episode_id "
    "WHERE (e.version > 0 AND (l.sequence IS NULL OR l.sequence <> e.version)) OR m.version > e.version"
)
"""Episodes whose last document on care.episodes is not the stored version, or of which somebody holds a later one."""
CHANGED = (
    "SELECT subject FROM unknown UNION SELECT subject FROM newer_periods UNION SELECT subject FROM behind "
    "UNION SELECT t.subject FROM told AS t LEFT JOIN episodes AS e ON e.episode_id = t.subject "
    "WHERE t.topic = 'care.episodes' AND e.episode_id IS NULL"
)
"""Episodes that have to be brought in line."""
UNTOLD_DISCLOSURES = (
    "SELECT d.episode_id AS subject, d.disclosure_id FROM disclosures AS d WHERE NOT EXISTS (SELECT FROM told AS t "
    "WHERE t.topic = 'out.' || d.recipient AND t.subject = d.episode_id AND t.sequence = d.sequence) "
    "AND NOT EXISTS (SELECT FROM not_told_again AS n WHERE n.disclosure_id = d.disclosure_id)"
)
"""Rows of the ledger that their topic lacks."""
UNKNOWN_DISCLOSURES = (
    "SELECT DISTINCT t.subject, t.topic, t.sequence FROM told AS t WHERE t.topic LIKE 'out.%' AND NOT EXISTS ("
    "SELECT FROM disclosures AS d WHERE d.disclosure_id = t.ce_id)"
)
"""Records of out.* that are not in the ledger."""

_FACT = (
    "f.episode_id, f.writer, f.sequence, f.ce_id, f.type, f.time, f.correlation_id, f.causation_id, f.value, f.copy_of"
)
_UNTOLD_OF = (
    f"SELECT {_FACT} FROM untold AS u JOIN facts AS f ON f.episode_id = u.subject AND f.writer = 'placement' "  # noqa: S608
    "AND f.sequence = u.sequence WHERE u.subject = ANY($1::text[]) ORDER BY f.episode_id, f.sequence"
)
_AT = (
    f"SELECT {_FACT} FROM unnest($1::text[], $2::text[], $3::bigint[]) AS n(episode_id, writer, sequence) "  # noqa: S608
    "JOIN facts AS f USING (episode_id, writer, sequence)"
)
_AFTER = (
    f"SELECT {_FACT} FROM unnest($1::text[], $2::bigint[]) AS n(episode_id, last) "  # noqa: S608
    "JOIN facts AS f ON f.episode_id = n.episode_id AND f.writer = $3 AND f.sequence > n.last "
    "ORDER BY f.episode_id, f.sequence"
)
_SEEN = (
    "SELECT episode_id, coalesce((seen ->> $1)::bigint, 0) AS last FROM episodes WHERE episode_id > $2 "
    "ORDER BY 1 LIMIT 2000"
)
_UNKNOWN_OF = (
    f"SELECT DISTINCT ON (t.subject, t.writer, t.sequence) {COLUMNS} FROM unknown AS u JOIN told AS t "  # noqa: S608
    "ON t.topic = 'care.events' AND t.writer = u.writer AND t.subject = u.subject AND t.sequence = u.sequence "
    "WHERE u.subject = ANY($1::text[]) ORDER BY t.subject, t.writer, t.sequence, t.nth"
)
_NEWEST_OF = (
    f"SELECT DISTINCT ON (t.subject) {COLUMNS} FROM newer_periods AS u JOIN told AS t "  # noqa: S608
    "ON t.topic = 'billing.service-periods' AND t.writer = 'placement' AND t.subject = u.period "
    "AND t.sequence = u.version WHERE u.subject = ANY($1::text[]) ORDER BY t.subject, t.nth"
)
_DOCUMENTS = (
    "SELECT t.subject, max(t.sequence) AS version FROM told AS t WHERE t.topic IN ('care.episodes', 'seen') "
    "AND t.subject = ANY($1::text[]) GROUP BY t.subject"
)
_PERIODS = "SELECT * FROM periods WHERE period_id = ANY($1::text[])"
_MISSING = "SELECT subject, version FROM untold_versions WHERE subject = ANY($1::text[]) ORDER BY subject, version"
_AS_TOLD = (
    f"SELECT DISTINCT ON (t.topic, t.subject) {COLUMNS} FROM periods AS p JOIN told AS t ON t.topic IN ("  # noqa: S608
    "'billing.service-periods', 'billing.periods') AND t.writer = 'placement' AND t.subject = p.period_id "
    "AND t.sequence = p.version WHERE p.period_id = ANY($1::text[]) ORDER BY t.topic, t.subject, t.nth DESC"
)
_LAST_LATEST = (
    "SELECT DISTINCT ON (t.subject) t.subject, t.sequence, t.ce_id FROM told AS t WHERE t.topic = 'billing.periods' "
    "AND t.writer = 'placement' AND t.subject = ANY($1::text[]) ORDER BY t.subject, t.nth DESC"
)
_LEDGER = (
    f"SELECT {', '.join(f'd.{name}' for name in LedgerRow._fields)}, f.value, f.time AS fact_time "  # noqa: S608
    "FROM untold_disclosures AS u JOIN disclosures AS d USING (disclosure_id) "
    "LEFT JOIN facts AS f ON f.episode_id = d.episode_id AND f.ce_id = d.fact_id "
    "WHERE u.subject = ANY($1::text[]) ORDER BY d.recipient, d.episode_id, d.sequence"
)
_DISCLOSED = (
    f"SELECT DISTINCT ON (t.topic, t.subject, t.sequence) {COLUMNS} FROM unknown_disclosures AS u JOIN told AS t "  # noqa: S608
    "ON t.topic = u.topic AND t.writer = 'placement' AND t.subject = u.subject AND t.sequence = u.sequence "
    "WHERE u.subject = ANY($1::text[]) ORDER BY t.topic, t.subject, t.sequence, t.nth"
)
_SENT = (
    "UPDATE gate_episodes AS g SET sent = g.sent || jsonb_build_object(n.recipient, n.sequence) "
    "FROM unnest($1::text[], $2::text[], $3::bigint[]) AS n(episode_id, recipient, sequence) "
    "WHERE g.episode_id = n.episode_id AND coalesce((g.sent ->> n.recipient)::bigint, 0) < n.sequence"
)
_NOT_WITHHELD = (
    "DELETE FROM withheld AS w USING unnest($1::text[], $2::text[]) AS n(recipient, fact_id) "
    "WHERE w.recipient = n.recipient AND w.fact_id = n.fact_id"
)
_ABOUT = (
    "SELECT f.ce_id, f.writer, f.type FROM unnest($1::text[], $2::text[]) AS n(episode_id, ce_id) "
    "JOIN facts AS f ON f.episode_id = n.episode_id AND f.ce_id = n.ce_id"
)
_CONSENTS = (
    f"SELECT {_FACT} FROM facts AS f WHERE f.episode_id = ANY($1::text[]) AND f.writer = 'intake' "  # noqa: S608
    "AND f.type = 'care.consent-recorded.v1'"
)
_CONSENT = (
    "episode_id", "fact_id", "consent_id", "facility", "discloser", "recipient", "recipient_class", "purpose", "scope",
    "begins", "ends", "learnt_at",
)  # fmt: skip
_KEEP_CONSENTS = insert_missing(consents, _CONSENT)
_KEEP_PERIODS = upsert(
    periods,
    (
        "period_id", "episode_id", "stay_kind", "stay_id", "root", "life", "version", "voided", "supersedes", "content",
    ),
    once=("episode_id", "stay_kind", "stay_id", "root", "life", "supersedes"),
)  # fmt: skip
_SET_VERSION = update(episodes, ("episode_id", "version"), changes={"version": "greatest(t.version, n.version)"})


def fact_of_row(row: Any) -> Fact[UnknownFact]:
    """A row of `facts` with its body, which is not read."""
    episode, writer, sequence, ce_id, kind, time, correlation, causation, value, copied = row
    told = UnknownFact()
    return Fact(ce_id, kind, writer, episode, sequence, time, told, value, correlation, causation, None, copied)


async def untold_of(connection: Connection, subjects: Sequence[str]) -> list[Fact[UnknownFact]]:
    """The own facts of these episodes that care.events lacks, each episode's by sequence."""
    return [fact_of_row(row) for row in await rows(connection, _UNTOLD_OF, subjects)]


async def at(connection: Connection, places: Sequence[FactPlace]) -> dict[FactPlace, Fact[UnknownFact]]:
    """(episode, writer, sequence) → the fact that placement has there."""
    found = await rows(connection, _AT, *map(list, zip(*places, strict=True))) if places else []
    return {(row[0], row[1], row[2]): fact_of_row(row) for row in found}


async def after(connection: Connection, last: Mapping[str, int], writer: str) -> list[Fact[UnknownFact]]:
    """The facts of a writer beyond `last` (episode → sequence), each episode's by sequence."""
    return [fact_of_row(row) for row in await rows(connection, _AFTER, list(last), list(last.values()), writer)]


async def seen_after(writer: str, connection: Connection, episode: str) -> Mapping[str, int]:
    """Episode → the last sequence of the writer that placement has, a page of episodes after this one."""
    return {row[0]: row[1] for row in await rows(connection, _SEEN, writer, episode)}


async def unknown_of(connection: Connection, subjects: Sequence[str]) -> list[Told]:
    """The facts of these episodes that the table lacks, each writer's by sequence."""
    return await told_of(connection, _UNKNOWN_OF, subjects)


async def newest_of(connection: Connection, subjects: Sequence[str]) -> list[Told]:
    """The last versions of periods of these episodes that are later than those in the table."""
    return await told_of(connection, _NEWEST_OF, subjects)


async def versions_of(connection: Connection, subjects: Sequence[str]) -> dict[str, int]:
    """Episode → the latest version of its document that anybody holds."""
    return {row[0]: row[1] for row in await rows(connection, _DOCUMENTS, subjects)}


async def set_versions(connection: Connection, versions: Mapping[str, int]) -> None:
    """Raise the versions of episodes to these."""
    await at_once(connection, written(_SET_VERSION, list(versions.items())))


class StoredPeriod(NamedTuple):
    """A service period in the table, what billing topics hold of this version, and what they lack."""

    episode: str
    key: PeriodKey
    sent: SentPeriod
    every: Told | None
    """The stored version on billing.service-periods."""
    latest: Told | None
    """The stored version on billing.periods."""
    missing: tuple[int, ...]
    last: tuple[int, str] | None
    """Version and ce_id of its last record on billing.periods."""


async def periods_untold(connection: Connection, ids: Sequence[str]) -> list[StoredPeriod]:
    """These periods, with what the topics hold and lack of them."""
    missing: dict[str, list[int]] = defaultdict(list)
    for period, version in await rows(connection, _MISSING, ids):
        missing[period].append(version)
    told = {(one.topic, one.subject): one for one in await told_of(connection, _AS_TOLD, ids)}
    last = {row[0]: (row[1], row[2]) for row in await rows(connection, _LAST_LATEST, ids)}
    found = []
    for row in await rows(connection, _PERIODS, ids):
        episode, key, sent = sent_of(row)
        one = sent.period_id
        every, latest = told.get(("billing.service-periods", one)), told.get(("billing.periods", one))
        found.append(StoredPeriod(episode, key, sent, every, latest, tuple(missing[one]), last.get(one)))
    return found


async def keep_periods(connection: Connection, found: Iterable[tuple[str, PeriodKey, SentPeriod]]) -> None:
    """Store versions of periods that were adopted."""
    given = [
        (p.period_id, episode, *key, p.life, p.version, p.voided, p.supersedes, encode(p.content))
        for episode, key, p in found
    ]
    await at_once(connection, written(_KEEP_PERIODS, given))


class Disclosure(NamedTuple):
    """A row of the ledger, and the body of the fact that was disclosed (None: it is not here)."""

    entry: LedgerRow
    body: bytes | None
    fact_time: str | None


async def disclosures_untold(connection: Connection, subjects: Sequence[str]) -> list[Disclosure]:
    """The disclosures about these episodes that their topics lack, each recipient's by sequence."""
    return [Disclosure(LedgerRow(*row[:-2]), row[-2], row[-1]) for row in await rows(connection, _LEDGER, subjects)]


async def keep_not_told(connection: Connection, found: Sequence[tuple[str, str]], now: datetime) -> None:
    """Note of each (disclosure, reason) that it was not told again."""
    await copy_rows(connection, not_told_again, ("disclosure_id", "reason", "since"), [(*one, now) for one in found])


async def disclosed_of(connection: Connection, subjects: Sequence[str]) -> list[Told]:
    """The records of out.* about these episodes that are not in the ledger."""
    return await told_of(connection, _DISCLOSED, subjects)


async def writers_of(connection: Connection, facts_of: Sequence[tuple[str, str]]) -> dict[str, str]:
    """ce_id → the writer of the fact, of these (episode, ce_id)."""
    return {row[0]: row[1] for row in await rows(connection, _ABOUT, *map(list, zip(*facts_of, strict=True)))}


async def consents_of(connection: Connection, episodes: Sequence[str]) -> list[Fact[Any]]:
    """The facts that recorded consents of these episodes."""
    return [fact_of(row) for row in await rows(connection, _CONSENTS, episodes)]


async def keep_consents(connection: Connection, found: Iterable[tuple[str, Consent]]) -> None:
    """Store consents that disclosures rested on, where the gate has not read of them yet."""
    given = [
        (episode, *(getattr(one, name) if name != "scope" else array(one.scope) for name in _CONSENT[1:]))
        for episode, one in found
    ]
    await at_once(connection, written(_KEEP_CONSENTS, given))


async def keep_disclosures(connection: Connection, entries: Sequence[LedgerRow]) -> None:
    """Add rows to the ledger, let the numbers for their recipients go on from them, and end what was withheld."""
    await copy_rows(connection, disclosures, LedgerRow._fields, entries)
    last: dict[tuple[str, str], int] = {}
    for one in entries:
        place = (one.episode_id, one.recipient)
        last[place] = max(one.sequence, last.get(place, 0))
    flat = [(*place, sequence) for place, sequence in last.items()]
    await rows(connection, _SENT, *map(list, zip(*flat, strict=True)))
    keys = [(one.recipient, one.fact_id) for one in entries]
    await rows(connection, _NOT_WITHHELD, *map(list, zip(*keys, strict=True)))
