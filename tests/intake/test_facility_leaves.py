"""A facility leaves: who its patients are is deleted, what another facility told stays, and nothing brings it back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from services.intake.keeping.leaving import facility as leaving
from services.intake.keeping.leaving import views
from services.intake.receiving.receive import Intake
from shared.errors import SetUpError, Transient
from shared.storage.retired import Retirement, retire, retirement
from tests.intake.conftest import NOW, Hospital
from tests.intake.test_invariants import found as broken
from tests.intake.web.test_matches import pid
from tests.waiting import until

LEFT = "RIVERBEND"
SSN = "912-34-5678^^^USSSA^SS"


def of(raw: bytes, facility: str = LEFT) -> bytes:
    """The same message as another facility's."""
    return raw.replace(b"|ADT|GOODHEALTH|", f"|ADT|{facility}|".encode())


async def column(intake: Intake, query: str) -> list[Any]:
    async with intake.database.read() as connection:
        return list((await connection.execute(sa.text(query))).scalars())


async def leave(intake: Intake) -> dict[str, int]:
    """The facility leaves, as `stepdown facility retire` does it; returns what went."""
    async with intake.database.begin() as connection:
        await retire(connection, Retirement(LEFT, NOW, "cli:somebody"))
    await leaving.wait_for_older(intake.database)
    return await leaving.Leaving(intake.database, LEFT, "cli:somebody", NOW).delete()


class Known:
    """A patient of GOODHEALTH alone, one of the leaving facility alone, and one whom both told of."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.here, self.theirs, self.shared = (Hospital(intake) for _ in range(3))

    async def told(self) -> Known:
        """All that is told of them: six messages, two of them refused, and a match over both facilities."""
        theirs = pid(
            self.theirs.message("A01", unit="RB3"), f"{self.theirs.mrn}^^^RB^MR~{SSN}||LEAVING^NAME||19700101|F"
        )
        self.messages = [
            pid(self.here.message("A01"), f"{self.here.mrn}^^^GH^MR~{SSN}||STAYING^NAME||19800101|F"),
            of(theirs),
            self.shared.message("A01"),
            of(self.shared.message("A01", "20260311090000", visit="RBV")),
            of(self.shared.message("A01").replace(b"PID|", b"ZID|")),
            of(self.shared.message("A01").replace(b"ADT^A01", b"ADT^A56")),
        ]
        for raw in self.messages:
            [answer] = await self.here.says(raw)
            assert answer.code == ("AE" if b"ZID|" in raw else "AR" if b"A56" in raw else "AA")
        await self._needs_what_nobody_knows()
        return self

    async def _needs_what_nobody_knows(self) -> None:
        """A need that the leaving facility was told of its patient, and the other one of another."""
        query = sa.text(
            "INSERT INTO unknown_needs (need_id, fact_id, place, facility, patient_id, told_at, sealed) "
            "VALUES (:facility, :facility, 0, :facility, 'patient', now(), 'sealed')"
        )
        async with self.intake.database.begin() as connection:
            await connection.execute(query, [{"facility": each} for each in (LEFT, "GOODHEALTH")])


@pytest.fixture
async def known(own_intake: Intake) -> Known:
    return await Known(own_intake).told()


async def test_what_says_who_its_patients_are_goes_and_the_others_stays(known: Known) -> None:
    intake = known.intake
    async with intake.database.read() as connection:
        before = await views.records_of(connection, LEFT)
    expected = {
        "names": 2,
        "identifiers": 3,
        "matches": 1,
        "unknown-needs": 1,
        "raw-messages": 2,
        "refused-messages": 2,
    }
    assert await leaving.counts(intake.database, LEFT) == expected
    assert await leave(intake) == expected
    assert await column(intake, "SELECT DISTINCT facility FROM identities") == ["GOODHEALTH"]
    assert await column(intake, "SELECT DISTINCT facility FROM identity_words") == ["GOODHEALTH"]
    assert await column(intake, "SELECT DISTINCT facility FROM patient_identifiers") == ["GOODHEALTH"]
    assert await column(intake, "SELECT match_id FROM matches UNION SELECT match_id FROM match_evidence") == []
    assert await column(intake, "SELECT DISTINCT facility FROM messages WHERE sealed IS NOT NULL") == ["GOODHEALTH"]
    assert await column(intake, "SELECT facility FROM refused_messages") == []
    assert await column(intake, "SELECT facility FROM unknown_needs") == ["GOODHEALTH"]
    assert known.shared.name.encode() in await known.shared.identity()
    async with intake.database.read() as connection:
        assert await views.records_of(connection, LEFT) == before, "its record stays"
    assert before["patients"] == 2
    assert before["patients-of-others-too"] == 1
    assert await broken(intake) == []


async def test_a_second_run_finds_nothing_left(known: Known) -> None:
    await leave(known.intake)
    assert set((await leave(known.intake)).values()) == {0}


async def test_a_run_that_was_interrupted_is_gone_on_with(known: Known) -> None:
    async with known.intake.database.begin() as other:
        await other.execute(sa.text("SELECT 1 FROM messages WHERE facility = 'RIVERBEND' AND answer = 'AE' FOR UPDATE"))
        with pytest.raises(Transient, match="1 refused-messages"):
            await leaving.Leaving(known.intake.database, LEFT, "cli:somebody", NOW).delete()
    assert await leave(known.intake) == dict.fromkeys(leaving.KINDS, 0) | {"refused-messages": 1}
    assert set((await leaving.counts(known.intake.database, LEFT)).values()) == {0}


async def test_what_would_go_is_counted_and_nothing_is_written(known: Known) -> None:
    everything = (
        "SELECT t::text FROM identities AS t UNION ALL SELECT t::text FROM patient_identifiers AS t UNION ALL "
        "SELECT t::text FROM messages AS t UNION ALL SELECT t::text FROM audit AS t ORDER BY 1"
    )
    before = await column(known.intake, everything)
    await leaving.counts(known.intake.database, LEFT)
    assert await column(known.intake, everything) == before


async def test_each_kind_that_went_is_in_the_audit_with_its_number(known: Known) -> None:
    went = await leave(known.intake)
    async with known.intake.database.read() as connection:
        query = sa.text(
            "SELECT reason, sum(count) AS number, min(actor) AS actor, subject FROM audit "
            "WHERE action = 'facility-retired' GROUP BY reason, subject"
        )
        audited = (await connection.execute(query)).all()
    assert {row.reason: row.number for row in audited} == went
    assert {(row.actor, row.subject) for row in audited} == {("cli:somebody", LEFT)}


async def test_a_message_afterwards_is_refused_and_brings_no_name_back(known: Known) -> None:
    intake = known.intake
    await leave(intake)
    before = await column(intake, "SELECT message_id FROM messages ORDER BY 1")
    fresh = Intake(intake.database, intake.site, intake.seal, intake.clock)
    for teller in (intake, fresh):
        again = Hospital(teller)
        told = [of(again.message("A01")), known.messages[1], *known.messages[4:], of(known.shared.message("A08"))]
        answers = [(await again.says(raw))[0] for raw in told] + await again.says(*told)
        assert {answer.code for answer in answers} == {"AR"}
        assert all(b"this facility has left" in answer.replies[0] for answer in answers)
        assert not any(answer.away for answer in answers)
    assert await column(intake, "SELECT message_id FROM messages ORDER BY 1") == before
    assert await column(intake, "SELECT DISTINCT facility FROM identities") == ["GOODHEALTH"]
    assert set((await leaving.counts(intake.database, LEFT)).values()) == {0}


async def test_others_messages_in_the_same_batch_are_taken(known: Known) -> None:
    await leave(known.intake)
    new = Hospital(known.intake)
    answers = await new.says(of(new.message("A01")), new.message("A01"), of(new.message("A03")))
    assert [answer.code for answer in answers] == ["AR", "AA", "AR"]
    assert await new.names() == ["admitted"]


async def test_a_number_that_both_told_still_leads_to_its_patient(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    await hospital.says(of(hospital.message("A01", visit="RBV")))
    await hospital.says(hospital.message("A01"))
    leads = "SELECT facility FROM patient_identifiers WHERE leads = 'everywhere'"
    assert await column(own_intake, leads) == [LEFT]
    patient = await hospital.patient_id()
    await leave(own_intake)
    assert await column(own_intake, leads) == ["GOODHEALTH"]
    await hospital.tells("A03", "20260312100000")
    assert await hospital.patient_id() == patient
    assert await hospital.standing() >= {("admitted", "2026-03-10"), ("discharged", "2026-03-12")}


async def test_what_one_of_several_told_stays_while_another_is_still_here(known: Known) -> None:
    theirs, shared = [
        await column(known.intake, f"SELECT patient_id FROM visits WHERE visit_key LIKE '%{each.mrn}'")
        for each in (known.theirs, known.shared)
    ]
    async with known.intake.database.begin() as connection:
        await connection.execute(
            sa.text("INSERT INTO identities SELECT DISTINCT ON (patient_id) patient_id, '', sealed, stated_at "
                    "FROM identities WHERE patient_id = ANY(:ids)"), {"ids": [theirs[0], shared[0]]},
        )  # fmt: skip
    assert (await leave(known.intake))["names"] == 3
    assert await column(known.intake, "SELECT patient_id FROM identities WHERE facility = ''") == [shared[0]]


async def test_transactions_that_may_not_know_yet_are_waited_for(own_intake: Intake) -> None:
    database = own_intake.database
    async with database.begin() as older:
        await older.execute(sa.text("SELECT 1"))
        waiting = asyncio.create_task(leaving.wait_for_older(database))

        async def was_seen() -> bool:
            query = (
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%xact_start < $1%' AND pid <> pg_backend_pid()"
            )
            return bool((await column(own_intake, query))[0])

        await until(was_seen)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 20)


async def test_nothing_goes_before_the_first_versions_persons_are_brought_over(own_intake: Intake) -> None:
    async with own_intake.database.begin() as connection:
        await connection.execute(sa.text("INSERT INTO first_identities VALUES ('p', '', now())"))
    with pytest.raises(SetUpError, match="start intake once"):
        await leaving.must_be_ready(own_intake.database)


async def test_when_and_by_which_law_it_left_is_remembered_and_may_be_told_later(own_intake: Intake) -> None:
    async with own_intake.database.begin() as connection:
        await retire(connection, Retirement(LEFT, NOW, "cli:a"))
        await retire(connection, Retirement(LEFT, NOW.replace(year=2027), "cli:b", "42 CFR 482.24(b)(1)"))
        assert await retirement(connection, LEFT) == Retirement(LEFT, NOW, "cli:a", "42 CFR 482.24(b)(1)")
        assert await retirement(connection, "GOODHEALTH") is None


async def test_a_refused_message_of_an_exchange_is_of_the_facility_that_it_names(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    raw = of(hospital.message("A01", unit=f"RB3^^^{LEFT}"), "REGIONAL-HIE").replace(
        f"{LEFT}^101^A".encode(), LEFT.encode()
    )
    wrong = [raw.replace(b"PID|", b"ZID|"), raw.replace(b"ADT^A01", b"ADT^A56")]
    assert [answer.code for answer in await hospital.says(*wrong)] == ["AE", "AR"]
    assert (await leave(own_intake))["refused-messages"] == 2
    assert [answer.code for answer in await hospital.says(raw, *wrong)] == ["AR", "AR", "AR"]
    assert await column(own_intake, "SELECT facility FROM messages WHERE sealed IS NOT NULL") == []
    assert await column(own_intake, "SELECT facility FROM refused_messages") == []
