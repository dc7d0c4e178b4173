"""All SQL of consents: what they are, which episodes they were stated for, and the facts that state them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from services.intake.receiving import visits_store
from services.intake.requests.consents.tables import consent_episodes, consents
from shared.facts.envelope import Fact
from shared.storage.database import Connection, copy_rows
from shared.storage.statements import at_once

_IDS = "CAST(:ids AS text[])"
_COLUMNS = (
    "consent_id, patient_id, facility, discloser, recipient, recipient_class, purpose, scope, begins, ends, "
    "occurred_at, over_at, state"
)
_OF = sa.text(f"SELECT {_COLUMNS} FROM consents WHERE consent_id = ANY({_IDS}) ORDER BY consent_id")  # noqa: S608
_EPISODES = sa.text(
    f"SELECT consent_id, episode_id FROM consent_episodes WHERE consent_id = ANY({_IDS}) ORDER BY 1, 2"  # noqa: S608
)
_OVER = sa.text(
    "SELECT consent_id, patient_id FROM consents WHERE state = 'standing' AND over_at <= :now "
    "ORDER BY over_at LIMIT :most"
)
_UNTOLD = sa.text(
    "SELECT c.consent_id, c.patient_id, e.episode_id FROM consents AS c JOIN episodes AS e USING (patient_id) "
    "LEFT JOIN consent_episodes AS t ON t.consent_id = c.consent_id AND t.episode_id = e.episode_id "
    "WHERE c.state = 'standing' AND t.consent_id IS NULL ORDER BY c.consent_id, e.episode_id LIMIT :most"
)
_STILL_UNTOLD = sa.text(
    "SELECT n.consent_id, n.episode_id FROM unnest(CAST(:consents AS text[]), CAST(:episodes AS text[])) "
    "AS n(consent_id, episode_id) JOIN consents AS c ON c.consent_id = n.consent_id AND c.state = 'standing' "
    "LEFT JOIN consent_episodes AS t ON t.consent_id = n.consent_id AND t.episode_id = n.episode_id "
    "WHERE t.consent_id IS NULL ORDER BY 1, 2"
)
_END = sa.text(
    f"UPDATE consents SET state = :state, ended_at = :at WHERE consent_id = ANY({_IDS}) AND state = 'standing'"  # noqa: S608
)
_REVOKED_BY = sa.text(
    "UPDATE consent_episodes AS e SET revoked_by = n.sequence FROM unnest(CAST(:consents AS text[]), "
    "CAST(:episodes AS text[]), CAST(:sequences AS bigint[])) AS n(consent_id, episode_id, sequence) "
    "WHERE e.consent_id = n.consent_id AND e.episode_id = n.episode_id"
)
_COUNTS = sa.text(
    "UPDATE consents AS c SET state = 'revoked', counts_from = :now "  # noqa: S608
    f"WHERE c.consent_id = ANY({_IDS}) AND c.state = 'revoking' AND NOT EXISTS ("
    "SELECT FROM consent_episodes AS e LEFT JOIN told_episodes AS t ON t.episode_id = e.episode_id "
    "WHERE e.consent_id = c.consent_id AND e.revoked_by > COALESCE(t.seen, 0))"
)
_PLACES = sa.text(
    "SELECT facility FROM patient_facilities WHERE patient_id = :patient UNION SELECT unnest(h.facilities) "
    "FROM told_episodes AS h JOIN episodes AS e USING (episode_id) WHERE e.patient_id = :patient"
)
_PATIENT = sa.text("SELECT patient_id FROM patients WHERE patient_id = :patient")


class Consent(NamedTuple):
    """A row of `consents`, in the order of its columns; `over_at`: the end of its last day."""

    consent_id: str
    patient_id: str
    facility: str
    discloser: str
    recipient: str | None
    recipient_class: str | None
    purpose: str
    scope: list[str]
    begins: date
    ends: date | None
    occurred_at: datetime
    over_at: datetime | None
    state: str = "standing"


async def keep(connection: Connection, consent: Consent) -> None:
    """Write a new consent."""
    await copy_rows(connection, consents, Consent._fields, [consent])


async def consents_of(connection: Connection, ids: Collection[str]) -> dict[str, Consent]:
    """These consents, by id."""
    rows = (await connection.execute(_OF, {"ids": sorted(set(ids))})).all()
    return {row.consent_id: Consent(*row) for row in rows}


async def episodes_of(connection: Connection, ids: Collection[str]) -> list[tuple[str, str]]:
    """(consent, episode): the episodes for which these consents were stated."""
    return [(row[0], row[1]) for row in (await connection.execute(_EPISODES, {"ids": sorted(ids)})).all()]


async def over(connection: Connection, now: datetime, most: int) -> list[tuple[str, str]]:
    """(consent, patient) of at most `most` standing consents whose last day is over."""
    return [(row[0], row[1]) for row in (await connection.execute(_OVER, {"now": now, "most": most})).all()]


async def untold(connection: Connection, most: int) -> list[tuple[str, str, str]]:
    """(consent, patient, episode): at most `most` standing consents with an episode that lacks them."""
    return [(row[0], row[1], row[2]) for row in (await connection.execute(_UNTOLD, {"most": most})).all()]


async def still_untold(connection: Connection, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of these (consent, episode) that are still not stated, now that the patients are locked."""
    given = {"consents": [consent for consent, _ in pairs], "episodes": [episode for _, episode in pairs]}
    return [(row[0], row[1]) for row in (await connection.execute(_STILL_UNTOLD, given)).all()]


async def end(connection: Connection, ids: Collection[str], state: str, at: datetime) -> None:
    """Give those of these consents that stand another state; `at`: when that was stated."""
    await connection.execute(_END, {"ids": sorted(ids), "state": state, "at": at})


async def keep_revoked_by(connection: Connection, told: Sequence[tuple[str, str, int]]) -> None:
    """Note of each (consent, episode) the sequence of the fact that revoked it there."""
    columns = list(zip(*told, strict=True)) or [(), (), ()]
    given = dict(zip(("consents", "episodes", "sequences"), map(list, columns), strict=True))
    await connection.execute(_REVOKED_BY, given)


async def count_revoked(connection: Connection, ids: Collection[str], now: datetime) -> None:
    """Turn these consents from `revoking` to `revoked` where placement has all facts that revoke them."""
    await connection.execute(_COUNTS, {"ids": sorted(ids), "now": now})


async def keep_stated(connection: Connection, stated: Sequence[tuple[str, Fact]], owners: Mapping[str, str]) -> None:
    """Store facts, each with its consent, and the last sequences of their episodes; the patients' rows are locked."""
    await at_once(connection, visits_store.keep_stated([(fact, consent) for consent, fact in stated], owners))


async def keep_episodes(connection: Connection, pairs: Sequence[tuple[str, str]]) -> None:
    """Note the (consent, episode) pairs that are stated."""
    await copy_rows(connection, consent_episodes, ("consent_id", "episode_id"), pairs)


async def facilities_of(connection: Connection, patient_id: str) -> frozenset[str] | None:
    """The facilities that have a patient (told of it, or have it at a program); None where there is no such patient."""
    if (await connection.execute(_PATIENT, {"patient": patient_id})).first() is None:
        return None
    return frozenset((await connection.execute(_PLACES, {"patient": patient_id})).scalars())
