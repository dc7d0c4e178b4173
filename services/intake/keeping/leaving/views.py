"""All SQL that only reads what intake has of a facility: open visits, and what stays when it has left."""

from __future__ import annotations

from shared.storage.database import Connection
from shared.storage.statements import rows

_OPEN = (
    "SELECT episode_id, count(*) AS number FROM visits WHERE facility = $1 AND begun_at IS NOT NULL "
    "AND ended_at IS NULL AND episode_id IS NOT NULL GROUP BY 1 ORDER BY 1"
)
_OTHERS = "SELECT 1 FROM patient_facilities AS o WHERE o.patient_id = p.patient_id AND o.facility <> $1"
_RECORDS = {
    "patients": "SELECT count(*) FROM patient_facilities WHERE facility = $1",
    "patients-of-others-too": (
        f"SELECT count(*) FROM patient_facilities AS p WHERE facility = $1 AND EXISTS ({_OTHERS})"  # noqa: S608
    ),
    "visits": "SELECT count(*) FROM visits WHERE facility = $1",
    "statements": "SELECT count(*) FROM messages WHERE facility = $1 AND said IS NOT NULL",
    "facts": (
        "SELECT (SELECT count(*) FROM facts AS f JOIN visits AS v USING (visit_id) WHERE v.facility = $1) + "
        "(SELECT count(*) FROM facts WHERE visit_id IS NULL AND convert_from(value, 'UTF8')::jsonb ->> 'facility' = $1)"
    ),
    "consents": "SELECT count(*) FROM consents WHERE facility = $1",
    "dead-letters": (
        "SELECT count(*) FROM dead_letters WHERE topic = 'hospital.adt' AND sealed IS NOT NULL AND $1::text IS NOT NULL"
    ),
}


async def open_visits(connection: Connection, facility: str) -> dict[str, int]:
    """Episode → how many visits at this facility are open in it."""
    return {row["episode_id"]: row["number"] for row in await rows(connection, _OPEN, facility)}


async def records_of(connection: Connection, facility: str) -> dict[str, int]:
    """Kind → how many records of the facility there are; `dead-letters`: those of hospital.adt, whosever they are."""
    return {kind: int((await rows(connection, sql, facility))[0][0]) for kind, sql in _RECORDS.items()}
