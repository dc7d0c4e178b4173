"""All SQL of statements about records: who is whom, which patients they bring together, and the facts that follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson

from services.intake.people.merging import RecordStatement, decode, encode
from services.intake.receiving.merges.facts import IDENTITY, Original
from services.intake.receiving.visits_store import FactRow
from services.intake.tables import facts, record_statements, retirements
from services.intake.visits.derive import FactKey
from services.intake.visits.desired import heading, read_back
from shared.events import CareFact, type_name
from shared.facts.envelope import Fact
from shared.facts.values import read_fact
from shared.storage.database import Connection
from shared.storage.row_writes import insert, upsert
from shared.storage.statements import SqlWrite, array, rows, written

_KIN = "SELECT patient_id, kin FROM patients WHERE patient_id = ANY($1::text[]) AND kin IS NOT NULL"
_STATEMENTS = "SELECT told FROM record_statements WHERE patient_id = ANY($1::text[]) OR other_id = ANY($1::text[])"
_KEEP = upsert(
    record_statements, ("statement_id", "facility", "patient_id", "other_id", "told"), only="t.other_id = ''"
)
_KEEP_KIN = (
    "UPDATE patients AS p SET kin = n.kin::text[] FROM unnest($1::text[], $2::text[]) AS n(patient_id, kin) "
    "WHERE p.patient_id = n.patient_id"
)
_NAMED = "SELECT message_id, patient_id FROM messages WHERE visit_id = ANY($1::text[]) AND patient_id IS NOT NULL"
_TOLD_BY = (
    "SELECT f.episode_id, v.facility FROM facts AS f JOIN visits AS v USING (visit_id) "
    "WHERE f.episode_id = ANY($1::text[]) AND f.standing AND f.copy_of IS NULL GROUP BY 1, 2"
)
_OF_NO_VISIT = (
    "SELECT f.ce_id, f.episode_id, e.patient_id, to_json(f.key)::text AS key, f.type, f.occurred_at, f.value, "
    "f.message_id, f.copy_of, f.visit_id FROM facts AS f JOIN episodes AS e USING (episode_id) "
    "WHERE f.episode_id = ANY($1::text[]) AND f.standing AND (f.visit_id IS NULL OR f.copy_of IS NOT NULL)"
)
_WITH_KIN = (
    "SELECT patient_id, kin FROM patients WHERE kin IS NOT NULL AND patient_id > $1 AND patient_id = "
    "(SELECT min(k) FROM unnest(kin) AS k) ORDER BY 1 LIMIT $2"
)
_SAME = (
    "UPDATE matches AS m SET state = 'same', decided_by = NULL, decided_at = NULL FROM "
    "unnest($1::text[], $2::text[]) AS n(one, other) WHERE m.one = n.one AND m.other = n.other AND m.state <> 'same'"
)
_OPEN_AGAIN = (
    "UPDATE matches AS m SET state = 'open' WHERE m.state = 'same' AND m.one = ANY($1::text[]) "
    "AND m.other = ANY($1::text[]) AND NOT EXISTS (SELECT 1 FROM unnest($2::text[], $3::text[]) AS n(one, other) "
    "WHERE n.one = m.one AND n.other = m.other)"
)
_FORGET = "DELETE FROM retirements WHERE patient_id = ANY($1::text[])"
_RETIRE = insert(retirements, ("patient_id", "facility", "into_id"))
_KEEP_FACTS = insert(facts, (*FactRow._fields, "copy_of"))


class StandingFact(NamedTuple):
    """A fact that stands because of a merge or link: its key, ce_id, what it says, and the ce_id of its original."""

    key: FactKey
    ce_id: str
    value: CareFact
    copy_of: str | None
    visit_id: str | None


class OfNoVisit(NamedTuple):
    """Facts that stand: those that a merge or link gave, and those that requests, consents and deaths did."""

    merging: list[StandingFact]
    originals: list[Original]


async def kin_of(connection: Connection, patients: Iterable[str]) -> set[str]:
    """The patients whom statements bring together with these; none where there are no statements about them."""
    return {each for row in await rows(connection, _KIN, sorted(set(patients))) for each in row["kin"]}


async def groups_after(connection: Connection, patient: str, page: int) -> list[tuple[str, list[str]]]:
    """Of at most `page` groups of patients whom statements bring together the first one, and all; in the order of the
    first, from behind `patient` on."""
    return [(row["patient_id"], list(row["kin"])) for row in await rows(connection, _WITH_KIN, patient, page)]


async def statements_of(connection: Connection, patients: Iterable[str]) -> list[RecordStatement]:
    """All statements about these patients."""
    return [decode(row["told"]) for row in await rows(connection, _STATEMENTS, sorted(set(patients)))]


async def keep_statements(connection: Connection, told: Sequence[RecordStatement]) -> None:
    """Store statements; one that is stored already stays as it is, unless it did not say whose a visit was."""
    columns = [(one.statement_id, one.facility, one.patient, one.other, encode(one)) for one in told]
    for write in written(_KEEP, columns):
        await rows(connection, write.sql, *write.given)


async def keep_kin(connection: Connection, kin: Mapping[str, Iterable[str]]) -> None:
    """Store which patients are brought together."""
    columns = [(patient, array(sorted(together))) for patient, together in sorted(kin.items())]
    if columns:
        await rows(connection, _KEEP_KIN, *map(list, zip(*columns, strict=True)))


async def named_by(connection: Connection, visits: Iterable[str]) -> dict[str, str]:
    """Message id → the patient whom its numbers mean, of the messages of visits."""
    return {row["message_id"]: row["patient_id"] for row in await rows(connection, _NAMED, list(visits))}


async def told_by(connection: Connection, episodes: Sequence[str]) -> list[tuple[str, str]]:
    """(episode, facility) of the facts of visits that stand."""
    return [(row[0], row[1]) for row in await rows(connection, _TOLD_BY, episodes)]


async def of_no_visit(connection: Connection, episodes: Sequence[str]) -> OfNoVisit:
    """The facts of these episodes that stand and that no visit's messages alone give."""
    found = OfNoVisit([], [])
    for ce_id, episode, patient, kept, kind, at, value, said_by, copy_of, visit_id in await rows(
        connection, _OF_NO_VISIT, list(episodes)
    ):
        key: FactKey = tuple(orjson.loads(kept))
        if copy_of is not None or kind in IDENTITY:
            found.merging.append(StandingFact(key, ce_id, read_fact(type_name(kind), value), copy_of, visit_id))
        else:
            found.originals.append(
                Original(ce_id, key, _whole(kind, key, value, (episode, patient), at), None, said_by)
            )
    return found


def _whole(kind: str, key: FactKey, value: bytes, of: tuple[str, str], at: datetime) -> CareFact:
    """A fact of no visit: requests and consents are stored whole, of a death the key names the facility."""
    if b'"episode_id"' in value:
        return read_fact(type_name(kind), value)
    about = heading(at, of[0], key[1])
    about["patient_id"], about["recorded_at"] = of[1], at
    return read_back(kind, value, about)


async def keep_states(connection: Connection, patients: Iterable[str], one: Iterable[frozenset[str]]) -> None:
    """Bring the matches among these patients in line: `one` are the pairs who are one person by what was said."""
    pairs = sorted(tuple(sorted(pair)) for pair in one)
    given = [first for first, _ in pairs], [second for _, second in pairs]
    await rows(connection, _SAME, *given)
    await rows(connection, _OPEN_AGAIN, sorted(set(patients)), *given)


def keep_facts(stated: Iterable[tuple[FactKey, Fact, str | None]], fallen: Sequence[str]) -> list[SqlWrite]:
    """The writes of facts that merges and links give, each with its key and visit, and of those that stand no more."""
    columns = [
        (
            fact.id, fact.subject, fact.sequence, visit_id, array(key), fact.value.TYPE,
            fact.value.stay.id if fact.value.stay else None, fact.value.occurred_at, fact.body,
            fact.causation_id or "", fact.value.TYPE != "fact-cancelled", fact.copy_of,
        )
        for key, fact, visit_id in stated
    ]  # fmt: skip
    writes = written(_KEEP_FACTS, columns)
    if fallen:
        writes.append(SqlWrite("UPDATE facts SET standing = false WHERE ce_id = ANY($1::text[])", (list(fallen),)))
    return writes


async def keep_retired(connection: Connection, patients: Iterable[str], retired: Mapping[tuple[str, str], str]) -> None:
    """Store into whom each of these patients is merged, by facility, and by no other facility."""
    await rows(connection, _FORGET, sorted(set(patients)))
    for write in written(_RETIRE, [(patient, facility, into) for (patient, facility), into in sorted(retired.items())]):
        await rows(connection, write.sql, *write.given)
