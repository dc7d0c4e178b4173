"""A database of the first version: everybody in it is known on, nobody's name shows to another facility."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from services.intake.checks import warnings
from services.intake.people import first_version
from services.intake.people.names import opened
from services.intake.people.person import packed
from services.intake.people.store import Sealed
from services.intake.receiving import store
from services.intake.receiving.read import InboundMessage, Received
from services.intake.receiving.receive import Intake
from services.intake.receiving.views import joined
from shared.clock import SetClock
from shared.errors import SetUpError
from shared.site import config
from shared.storage.database import Database
from shared.storage.sealing import Seal
from shared.storage.statements import array, at_once, bytes_array
from tests.databases import a_database, migrate
from tests.intake.conftest import NOW, patient_known_by
from tests.servers import DatabaseServer

SAID = datetime(2026, 1, 1, tzinfo=UTC)
SEAL = Seal({"k1": bytes(32)})


class FirstVersion:
    """What the first version wrote of persons, as it wrote it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def has(self, patient: str, ids: list[str], facilities: list[str], **told: Any) -> None:
        """A patient known by ids (`GH|1|MR`), told by these facilities, with these fields."""
        at = SAID.isoformat()
        fields = {name: (value, at) for name, value in told.items()}
        identity = SEAL.close(packed(fields), f"identity:{patient}")
        async with self.database.begin() as connection:
            await connection.execute(sa.text("INSERT INTO patients (patient_id) VALUES (:p)"), {"p": patient})
            for one in ids:
                text = one.replace("|", "\x1f")
                row = {"k": SEAL.blind(text), "p": patient, "s": SEAL.close(text.encode(), f"identifier:{patient}")}
                await connection.execute(sa.text("INSERT INTO patient_identifiers VALUES (:k, :p, :s)"), row)
            said = {"p": patient, "s": identity, "at": SAID}
            await connection.execute(sa.text("INSERT INTO identities VALUES (:p, :s, :at)"), said)
            for facility in facilities:
                row = {"p": patient, "f": facility}
                await connection.execute(sa.text("INSERT INTO patient_facilities VALUES (:p, :f)"), row)

    async def heard(self, patient: str, facility: str, ids: str, name: str, born: str, sex: str) -> None:
        """A message of a visit of the patient."""
        raw = (
            f"MSH|^~\\&|A|{facility}|S|S|20260101||ADT^A01|C{patient}{name}|P|2.5\rEVN|A01|20260101\r"
            f"PID|1||{ids}||{name}^X||{born}|{sex}\rPV1|1|I|3W||||||||||||||||V{name}\r"
        ).encode()
        reader = Intake(self.database, config.load(config.SAMPLE), SEAL, SetClock(NOW))
        [letter] = reader.messages_of(Received(raw, "mllp", NOW))
        visit = f"{patient}-{facility}-{name}"
        async with self.database.begin() as connection:
            await at_once(connection, store.keep_messages([_row(letter, patient, visit)]))
            row = {"v": visit, "p": patient, "f": facility, "k": visit}
            await connection.execute(
                sa.text(
                    "INSERT INTO visits (visit_id, patient_id, facility, visit_key, mapping) "
                    "VALUES (:v, :p, :f, :k, '')"
                ),
                row,
            )


def _row(letter: InboundMessage, patient: str, visit: str) -> store.MessageRow:
    return store.MessageRow(
        letter.message_id, letter.ids, letter.body, "mllp", NOW, letter.facility, "A01", letter.control_id, "ascii",
        "AA", bytes_array([]), "applied", None, array([]), patient, visit, letter.values, letter.sealed,
    )  # fmt: skip


@asynccontextmanager
async def upgraded(postgres: DatabaseServer, seal: Seal = SEAL) -> AsyncIterator[tuple[FirstVersion, Intake]]:
    """A database at the first version; `Intake` is of this one, for after the migration."""
    async with a_database(postgres.url) as database:
        await migrate(database, "intake", "0002")
        intake = Intake(database, config.load(config.SAMPLE), seal, SetClock(NOW))
        yield FirstVersion(database), intake


async def told(intake: Intake, patient: str) -> dict[str, dict[str, Any]]:
    """What is kept of a patient now, by facility."""
    query = sa.text("SELECT patient_id, facility, sealed, stated_at FROM identities WHERE patient_id = :p")
    async with intake.database.read() as connection:
        rows = [Sealed(*row) for row in (await connection.execute(query, {"p": patient})).all()]
    return {row.facility: {name: value for name, (value, _) in opened(row, SEAL).items()} for row in rows}


async def test_whoever_was_known_is_known_by_each_number_whatever_its_type_and_joined_ones_are_named(
    postgres: DatabaseServer,
) -> None:
    async with upgraded(postgres) as (first, intake):
        await first.has("p1", ["GH|1|MR", "USSSA|123456780|SS"], ["GOODHEALTH"], names=[["One", "A"]])
        await first.has("p2", ["GH|2|PI", "GOODHEALTH|20|"], ["GOODHEALTH"], names=[["Two", "B"]])
        await first.has("p3", ["GH|2|MR"], ["GOODHEALTH"], names=[["Two", "B"]])
        await first.has("p4", ["GH|4|MR", "GH|5|MR", "USSSA|999999999|SS"], ["GOODHEALTH"], names=[["Last", "C"]])
        await first.has("p5", ["GH|6|MR", "X|60|PI"], ["GOODHEALTH"], names=[["Six", "D"]])
        await first.heard("p5", "GOODHEALTH", "6^^^GH^MR~60^^^X^PI", "Six", "19800101", "F")
        await first.heard("p5", "GOODHEALTH", "60^^^X^PI", "Sixty", "19550101", "M")
        await migrate(first.database, "intake")
        await intake.prepare()
        known = {number: await patient_known_by(intake, number, kind="") for number in ("1", "4", "5", "6", "20")}
        assert known == {"1": "p1", "4": "p4", "5": "p4", "6": "p5", "20": "p2"}
        async with intake.database.read() as connection:
            assert await joined(connection) == [
                ("p4", ("two-numbers-of-one-authority",)),
                ("p5", ("birth-date-and-sex-differ",)),
            ]
            pairs = (await connection.execute(sa.text("SELECT one, other FROM matches"))).all()
        assert [tuple(pair) for pair in pairs] == [("p2", "p3")], "two patients of one number: MR and PI"
        assert (await warnings(intake.database))[0] == (
            "patient p4 stands joined without a merge: two-numbers-of-one-authority"
        )
        assert await told(intake, "p1") == {"GOODHEALTH": {"names": [["One", "A"]]}}
        assert await first_version.bring_over(intake.database, intake.numbering) == 0, "once"


async def test_what_several_facilities_told_is_taken_apart_by_their_messages(postgres: DatabaseServer) -> None:
    async with upgraded(postgres) as (first, intake):
        contacts = [{"system": "phone", "value": "555 1234"}]
        last = {"names": [["Known", "X"]], "birth_date": "1980-01-01", "contacts": contacts, "safe_to_contact": False}
        await first.has("p1", ["GH|1|MR", "RB|2|MR"], ["GOODHEALTH", "RIVERBEND"], **last)
        await first.heard("p1", "GOODHEALTH", "1^^^GH^MR", "Before", "19800101", "F")
        await first.heard("p1", "RIVERBEND", "2^^^RB^MR", "Known", "19800101", "F")
        await migrate(first.database, "intake")
        await intake.prepare()
        found = await told(intake, "p1")
        assert {facility: fields.get("names") for facility, fields in found.items()} == {
            "GOODHEALTH": [["Before", "X"]], "RIVERBEND": [["Known", "X"]], "": None,
        }  # fmt: skip
        assert found[""] == {"contacts": contacts, "safe_to_contact": False}, "which of them told it nobody knows"
        assert [fields["safe_to_contact"] for fields in found.values()] == [False] * 3, "whoever it was: nobody calls"
        assert [await patient_known_by(intake, *number) for number in (("1", "GH"), ("2", "RB"))] == ["p1", "p1"]


async def test_until_it_is_done_nobody_is_looked_up(postgres: DatabaseServer) -> None:
    async with upgraded(postgres) as (first, intake):
        await first.has("p1", ["GH|1|MR"], ["GOODHEALTH"])
        await migrate(first.database, "intake")
        raw = b"MSH|^~\\&|A|GOODHEALTH|S|S|20260101||ADT^A28|C1|P|2.5\rEVN|A28|20260101\rPID|1||1^^^GH^MR\r"
        frames = [intake.messages_of(Received(raw, "mllp", NOW)) for _ in "12"]
        assert [answer.code for answer in await intake.receive(frames[:1])] == ["AR"]
        await intake.prepare()
        assert [answer.code for answer in await intake.receive(frames[1:])] == ["AA"]
        assert frames[1][0].patient_id == "p1"


OTHER = Seal({"k2": bytes(31) + b"\1"})
ROTATED = Seal({"k2": bytes(31) + b"\1", "k1": bytes(32)})
TURNED_ROUND = Seal({"k1": bytes(32), "k2": bytes(31) + b"\1"})


@pytest.mark.parametrize(
    ("seal", "starts"),
    [(SEAL, True), (ROTATED, True), (TURNED_ROUND, False), (OTHER, False)],
    ids=["the same", "a new one first", "a new one last", "the old one dropped"],
)
async def test_with_another_last_key_the_service_does_not_start(
    postgres: DatabaseServer, seal: Seal, *, starts: bool
) -> None:
    async with upgraded(postgres) as (first, intake):
        await migrate(first.database, "intake")
        await intake.prepare()
        again = Intake(intake.database, intake.site, seal, intake.clock)
        if starts:
            await again.prepare()
            return
        with pytest.raises(SetUpError, match="the LAST key of the list must stay the last"):
            await again.prepare()
        raw = b"MSH|^~\\&|A|GOODHEALTH|S|S|20260101||ADT^A28|C1|P|2.5\rEVN|A28|20260101\rPID|1||1^^^GH^MR\r"
        [answer] = await again.receive([again.messages_of(Received(raw, "mllp", NOW))])
        assert answer.code == "AR"


@pytest.mark.parametrize("seal", [TURNED_ROUND, OTHER], ids=["a new one last", "the old one dropped"])
async def test_with_another_last_key_a_database_of_the_first_version_is_not_brought_over(
    postgres: DatabaseServer, seal: Seal
) -> None:
    async with upgraded(postgres, seal) as (first, intake):
        await first.has("p1", ["GH|1|MR"], ["GOODHEALTH"])
        await migrate(first.database, "intake")
        with pytest.raises(SetUpError, match="the LAST key"):
            await intake.prepare()
