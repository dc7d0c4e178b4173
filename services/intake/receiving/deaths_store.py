"""All SQL of deaths: what facilities told, and the facts of it that stand. The patients' rows are locked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from services.intake.tables import deaths
from services.intake.visits.death_facts import KnownDeaths, Teller
from services.intake.visits.death_reports import DeathRecord, decode, encode
from services.intake.visits.desired import heading, read_back
from services.intake.visits.difference import ActiveFact
from shared.storage.database import Connection
from shared.storage.row_writes import upsert
from shared.storage.statements import Read, SqlWrite, together, written

_RECORDS = "SELECT patient_id, facility, told FROM deaths WHERE patient_id = ANY($1::text[])"
_STANDING = (
    "SELECT e.patient_id, f.ce_id, to_json(f.key)::text AS key, f.type, f.occurred_at, f.value "
    "FROM episodes AS e JOIN facts AS f ON f.episode_id = e.episode_id AND f.standing AND f.visit_id IS NULL "
    "AND f.type = 'patient-died' AND f.copy_of IS NULL "
    "WHERE e.patient_id IN (SELECT d.patient_id FROM deaths AS d WHERE d.patient_id = ANY($1::text[]))"
)
_KEEP = upsert(deaths, ("patient_id", "facility", "told"))


def reads(patients: Sequence[str]) -> list[Read]:
    """The reads whose rows `known` takes; the caller holds the locks of the patients' rows."""
    return [Read(_RECORDS, (patients,)), Read(_STANDING, (patients,))]


def known(records: Iterable[Sequence[Any]], standing: Iterable[Sequence[Any]]) -> KnownDeaths:
    """What is known of deaths, from the rows of `reads`."""
    found = KnownDeaths({(patient, facility): decode(told) for patient, facility, told in records})
    for patient, ce_id, kept, kind, at, own in standing:
        _, facility, episode = key = tuple(orjson.loads(kept))
        found.standing[patient][key] = ActiveFact(ce_id, kind, read_back(kind, own, heading(at, episode, facility)))
    return found


async def known_of(connection: Connection, patients: Iterable[str]) -> KnownDeaths:
    """What is known of the deaths of these patients."""
    return known(*await together(connection, reads(sorted(patients))))


def keep(records: Mapping[Teller, DeathRecord]) -> list[SqlWrite]:
    """The writes of records that changed; one that says nothing any more is stored empty."""
    return written(_KEEP, [(*teller, encode(record)) for teller, record in sorted(records.items())])
