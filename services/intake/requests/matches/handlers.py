"""Decides probable matches: one person (a merge within a facility, else a link), two people, or taken back.

A decision is a statement like a hospital's (people/merging.py): what follows is worked out with all others (contract
3.6 rule 11 and 6, Who). Nobody decides over a facility whose records they do not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from services.intake.people.merging import RecordKind, RecordStatement
from services.intake.receiving import store as receiving
from services.intake.receiving.derive_again import derive_again
from services.intake.receiving.merges import merging
from services.intake.receiving.merges.statements import decided
from services.intake.receiving.merges.store import kin_of
from services.intake.receiving.receive import Intake
from services.intake.requests.matches import store
from services.intake.requests.matches.commands import MatchDecided, NotDecided, SamePerson
from services.intake.requests.matches.store import Candidate, MatchSeen
from services.intake.visits.facts import mrn
from shared.ids import new_id
from shared.storage import audit
from shared.storage.database import Connection
from shared.web.auth import Caller
from shared.web.requests import missing, unfit


async def same(intake: Intake, connection: Connection, who: Caller, match_id: str, asked: SamePerson) -> MatchDecided:
    """The two are one person. Raises a Problem: 404 for who does not hold both records, 422 for another survivor."""
    match = await _held(connection, who, match_id)
    stays, goes = _survivor(match, asked.surviving_patient_id)
    at = asked.occurred_at or intake.clock()
    told: list[RecordStatement] = []
    shared_by = sorted({*stays.facilities} & {*goes.facilities})
    for facility in shared_by:
        numbers = await store.numbers_of(connection, stays.patient_id, facility, intake.seal)
        pair = (stays.patient_id, goes.patient_id)
        told.append(decided("merge", facility, pair, decision_id=new_id(at), at=at, number=mrn(tuple(numbers))))
    if not shared_by:
        told += _everywhere("link", stays, goes, at)
    await _say(intake, connection, match, told)
    return await _answer(intake, connection, who, match, state="same", merged=shared_by)


async def different(
    intake: Intake, connection: Connection, who: Caller, match_id: str, asked: NotDecided
) -> MatchDecided:
    """The two are two people; what had made them one is taken back. Raises a Problem (404)."""
    return await _parted(intake, connection, who, match_id, asked, state="different")


async def taken_back(
    intake: Intake, connection: Connection, who: Caller, match_id: str, asked: NotDecided
) -> MatchDecided:
    """What was decided, or said by a hospital, is taken back: the match is open again. Raises a Problem (404)."""
    return await _parted(intake, connection, who, match_id, asked, state="open")


async def _parted(
    intake: Intake, connection: Connection, who: Caller, match_id: str, asked: NotDecided, *, state: str
) -> MatchDecided:
    match = await _held(connection, who, match_id)
    at = asked.occurred_at or intake.clock()
    if match.state == "same":
        parted: RecordKind = "unmerge"
        await _say(intake, connection, match, list(_everywhere(parted, match.one, match.other, at)))
    return await _answer(intake, connection, who, match, state=state)


async def _held(connection: Connection, who: Caller, match_id: str) -> MatchSeen:
    """The match, its patients and all their kin locked. Raises a Problem (404) for who does not hold both records."""
    found = await store.match_of(connection, match_id, who.scope.facilities)
    if found is None:
        raise missing("no-such-match", "there is no such match that you may decide")
    patients = {found.one.patient_id, found.other.patient_id}
    await receiving.lock_patients(connection, patients | await kin_of(connection, patients))
    again = await store.match_of(connection, match_id, who.scope.facilities)
    return again or found


def _survivor(match: MatchSeen, wanted: str | None) -> tuple[Candidate, Candidate]:
    """(Who stays, who goes). Raises a Problem (422) where the one who is wanted is neither."""
    pair = sorted((match.one, match.other), key=lambda one: (one.made_at, one.patient_id))
    if wanted is not None and wanted not in {one.patient_id for one in pair}:
        raise unfit("surviving_patient_id", "the patient who stays is one of the two")
    if wanted == pair[1].patient_id:
        pair.reverse()
    return pair[0], pair[1]


def _everywhere(kind: RecordKind, one: Candidate, other: Candidate, at: datetime) -> Iterator[RecordStatement]:
    """The statement for each facility that told of either and whose records the person holds."""
    for facility in sorted({*one.facilities, *other.facilities}):
        yield decided(kind, facility, (one.patient_id, other.patient_id), decision_id=new_id(at), at=at)


async def _say(intake: Intake, connection: Connection, match: MatchSeen, told: list[RecordStatement]) -> None:
    patients = {match.one.patient_id, match.other.patient_id}
    patients |= await kin_of(connection, patients)
    await merging.keep(connection, patients, told, intake.clock())
    await derive_again(connection, patients, intake)


async def _answer(
    intake: Intake,
    connection: Connection,
    who: Caller,
    match: MatchSeen,
    *,
    state: str,
    merged: Sequence[str] = (),
) -> MatchDecided:
    now = intake.clock()
    await store.decide(connection, match.match_id, state, who.subject, now)
    await audit.note(connection, [audit.Entry(now, who.subject, f"match-{state}", match.match_id)])
    linked = state == "same" and not merged
    told = {"match_id": match.match_id, "state": state, "merged_at": tuple(merged), "linked": linked}
    return MatchDecided.model_validate(told)
