"""All SQL that compares intake's tables with what care.events holds (`told`, shared/messaging/spool.py), and what only
`heal` writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from services.intake.hl7 import codec
from services.intake.receiving.visits_store import FactRow, VisitRow
from services.intake.requests.consents.store import Consent
from services.intake.requests.consents.tables import consent_episodes, consents
from services.intake.tables import episodes, facts, visits
from services.intake.visits.derive import FactKey
from shared.storage.database import Connection
from shared.storage.row_writes import insert_missing, upsert
from shared.storage.statements import array, at_once, rows, written

_FACTS = (
    "SELECT f.ce_id, f.episode_id, f.sequence, e.patient_id, f.visit_id, v.facility, to_json(f.key)::text AS key, "
    "f.type, f.stay_id, f.occurred_at, f.value, f.message_id, f.copy_of, m.said, "
    "EXISTS (SELECT FROM untold AS u WHERE u.subject = f.episode_id AND u.sequence = f.sequence) AS untold "
    "FROM facts AS f JOIN episodes AS e USING (episode_id) LEFT JOIN visits AS v ON v.visit_id = f.visit_id "
    "LEFT JOIN messages AS m ON m.message_id = f.message_id "
    "WHERE f.episode_id = ANY($1::text[]) ORDER BY f.episode_id, f.sequence"
)
_SEQUENCES = "SELECT episode_id, sequence FROM episodes WHERE episode_id = ANY($1::text[])"
_HERE = "SELECT message_id FROM messages WHERE message_id = ANY($1::text[])"
_PATIENTS = "INSERT INTO patients (patient_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING patient_id"
_FALL = "UPDATE facts SET standing = false WHERE ce_id = ANY($1::text[])"
_KEEP_EPISODES = upsert(episodes, ("episode_id", "patient_id", "sequence"), once=("patient_id",))
_KEEP_VISITS = insert_missing(visits, VisitRow._fields)
_KEEP_FACTS = insert_missing(facts, (*FactRow._fields, "copy_of"))
_DERIVE_AGAIN = "UPDATE visits SET mapping = '' WHERE visit_id = ANY($1::text[])"
_KEEP_CONSENTS = insert_missing(consents, Consent._fields)
_KEEP_OF = insert_missing(consent_episodes, ("consent_id", "episode_id"))
_REVOKE = (
    "UPDATE consents AS c SET state = n.state, ended_at = n.at FROM unnest($1::text[], $2::text[], $3::timestamptz[]) "
    "AS n(consent_id, state, at) WHERE c.consent_id = n.consent_id AND c.state = 'standing'"
)
_REVOKED_BY = (
    "UPDATE consent_episodes AS e SET revoked_by = n.sequence FROM unnest($1::text[], $2::text[], $3::bigint[]) "
    "AS n(consent_id, episode_id, sequence) WHERE e.consent_id = n.consent_id AND e.episode_id = n.episode_id"
)
_SEEN = "SELECT episode_id AS subject, version FROM told_episodes WHERE episode_id > $1 ORDER BY 1 LIMIT 2000"


class StatedFact(NamedTuple):
    """A row of `facts`, with the patient of its episode, the facility of its visit, and when its message was said."""

    ce_id: str
    episode_id: str
    sequence: int
    patient_id: str
    visit_id: str | None
    facility: str | None
    key: FactKey
    type: str
    stay_id: str | None
    occurred_at: datetime
    value: bytes
    message_id: str
    stated_at: datetime | None
    is_cancel: bool
    """Whether its message takes something back."""
    untold: bool
    copy_of: str | None = None
    """ce_id of the fact of a retired episode that it copies."""


async def facts_of(connection: Connection, episodes: Sequence[str]) -> dict[str, list[StatedFact]]:
    """All facts of these episodes, by sequence."""
    found: dict[str, list[StatedFact]] = defaultdict(list)
    for row in await rows(connection, _FACTS, episodes):
        found[row["episode_id"]].append(_stated(row))
    return found


def _stated(row: Any) -> StatedFact:
    adt = codec.decode(row["said"]) if row["untold"] and row["said"] is not None else None
    return StatedFact(
        row["ce_id"], row["episode_id"], row["sequence"], row["patient_id"], row["visit_id"], row["facility"],
        tuple(orjson.loads(row["key"])), row["type"], row["stay_id"], row["occurred_at"], row["value"],
        row["message_id"], adt.stated_at if adt else None, adt is not None and adt.means.cancels is not None,
        row["untold"], row["copy_of"],
    )  # fmt: skip


async def sequences_of(connection: Connection, episodes: Iterable[str]) -> dict[str, int]:
    """Episode → the last sequence that intake gave; episodes that it does not have are absent."""
    return {row[0]: row[1] for row in await rows(connection, _SEQUENCES, list(episodes))}


async def seen_after(connection: Connection, episode: str) -> Mapping[str, int]:
    """Episode → the version of its document that intake holds, a page of episodes after this one."""
    return {row[0]: row[1] for row in await rows(connection, _SEEN, episode)}


async def new_patients(connection: Connection, patients: Iterable[str]) -> list[str]:
    """Insert rows of these patients; returns those who are new."""
    return [row["patient_id"] for row in await rows(connection, _PATIENTS, sorted(patients))]


async def here(connection: Connection, messages: Iterable[str]) -> set[str]:
    """Those of these messages that are stored."""
    return {row["message_id"] for row in await rows(connection, _HERE, sorted(set(messages)))}


async def keep_adopted(
    connection: Connection,
    owners: Mapping[str, tuple[str, int]],
    new: Sequence[VisitRow],
    given: Sequence[tuple[FactRow, str | None]],
    gone: Iterable[str],
) -> None:
    """Store adopted facts, each with the ce_id of the one that it copies, new visits, and episodes (episode → its
    patient and last sequence); what is `gone` stands no longer. Their visits are derived again by who looks for visits
    of another site config."""
    await at_once(connection, written(_KEEP_EPISODES, [(one, *owner) for one, owner in sorted(owners.items())]))
    await at_once(connection, written(_KEEP_VISITS, new))
    await at_once(connection, written(_KEEP_FACTS, [(*row, copy_of) for row, copy_of in given]))
    await rows(connection, _FALL, sorted(gone))
    await rows(connection, _DERIVE_AGAIN, sorted({row.visit_id for row, _ in given if row.visit_id}))


class ConsentChange(NamedTuple):
    """The end of a consent in one episode, and the number of the fact that states it."""

    consent_id: str
    episode_id: str
    state: str
    at: datetime
    sequence: int


async def keep_consents(
    connection: Connection, recorded: Sequence[Consent], of: Sequence[tuple[str, str]], ended: Sequence[ConsentChange]
) -> None:
    """Store consents, for which episodes they were stated, and their ends."""
    given = [one._replace(scope=array(one.scope)) for one in recorded]  # type: ignore[arg-type]
    await at_once(connection, written(_KEEP_CONSENTS, given))
    await at_once(connection, written(_KEEP_OF, of))
    if ended:
        names, episodes_of, states, times, sequences = (list(column) for column in zip(*ended, strict=True))
        await rows(connection, _REVOKE, names, states, times)
        await rows(connection, _REVOKED_BY, names, episodes_of, sequences)
