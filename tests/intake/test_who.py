"""Who messages are about, through the database: two people stay two, one person stays one, whatever is told."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from services.intake.receiving.read import Received
from services.intake.receiving.receive import Intake
from tests.intake.conftest import NOW, Hospital, patient_known_by


def message(
    hospital: Hospital, ids: str, *, trigger: str = "A01", name: str = "ONE^PERSON", visit: str = "", **more: str
) -> bytes:
    """A message whose PID-3 is this; birth date and sex where given."""
    said = hospital.message(trigger, visit=visit or f"V{ids[:9]}").decode()
    lines = said.split("\r")
    pid = f"PID|1||{ids}||{name}||{more.get('born', '19800101')}|{more.get('sex', 'F')}"
    return "\r".join(pid if line.startswith("PID") else line for line in lines).encode()


async def patients(intake: Intake, *raws: bytes) -> list[str | None]:
    """Whom the messages were about, as they came."""
    for raw in raws:
        [answer] = await intake.receive([intake.messages_of(Received(raw, "mllp", NOW))])
        assert answer.code == "AA"
    query = sa.text("SELECT patient_id FROM messages ORDER BY message_id DESC LIMIT :n")
    async with intake.database.read() as connection:
        return list((await connection.execute(query, {"n": len(raws)})).scalars())[::-1]


async def evidence(intake: Intake, *of: str | None) -> set[tuple[str, ...]]:
    """The kinds of number that these patients share, by what was told."""
    query = sa.text(
        "SELECT e.reasons FROM matches AS m JOIN match_evidence AS e USING (match_id) "
        "WHERE m.one = ANY(:of) AND m.other = ANY(:of)"
    )
    async with intake.database.read() as connection:
        return {tuple(each) for each in (await connection.execute(query, {"of": list(of)})).scalars()}


async def test_two_people_and_one_placeholder_stay_two_people(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    one = message(hospital, "Q47A^^^GH^MR~999999999^^^USSSA^SS", name="ALPHA^ANNA")
    other = message(hospital, "Q47B^^^GH^MR~999999999^^^USSSA^SS", name="BETA^BERT", born="19550101", sex="M")
    found = await patients(own_intake, one, other)
    assert found[0] != found[1]
    assert await evidence(own_intake, *found) == set(), "a placeholder speaks for nothing"


async def test_a_shared_number_of_the_state_joins_nobody_and_is_listed(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    told = [message(hospital, f"{mrn}^^^GH^MR~123-45-6780^^^USSSA^SS") for mrn in ("S1", "S2", "S1")]
    found = await patients(own_intake, *told)
    assert found[0] == found[2] != found[1]
    assert await evidence(own_intake, *found) == {("same-ssn",)}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{0}^^^GH^MR", "{0}^^^GH^PI"),
        ("{0}^^^GH^PI", "{0}"),
        ('{0}^^^""^MR', "{0}^^^GH^MR"),
        ("{0}^^^&2.16.840.1.113883.3.9999.8&ISO^MR", "{0}^^^GH&2.16.840.1.113883.3.9999.8&ISO^MR"),
    ],
)
async def test_one_number_is_one_patient_however_it_is_written(own_intake: Intake, first: str, second: str) -> None:
    hospital = Hospital(own_intake)
    found = await patients(own_intake, *(message(hospital, each.format("N7")) for each in (first, second)))
    assert found[0] == found[1]
    assert await evidence(own_intake, *found) == set()


async def test_names_of_an_authority_that_another_process_learned_are_known_here(own_intake: Intake) -> None:
    another = Intake(own_intake.database, own_intake.site, own_intake.seal, own_intake.clock)
    hospital = Hospital(own_intake)
    await patients(another, message(hospital, "X1^^^NS&9.9.9&ISO^MR"))
    [one] = await patients(own_intake, message(hospital, "X2^^^&9.9.9&ISO^MR"))
    [other] = await patients(another, message(hospital, "X2^^^NS^MR"))
    assert one == other


async def test_a_message_without_any_key_is_taken_waits_and_is_nobodys(hospital: Hospital) -> None:
    raw = message(hospital, f"{hospital.mrn}^^^GH^AN~123456780^^^USSSA^SS")
    [answer] = await hospital.says(raw)
    query = sa.text("SELECT note, reason, patient_id FROM messages WHERE message_id = :id")
    async with hospital.intake.database.read() as connection:
        [row] = (await connection.execute(query, {"id": answer.message_ids[0]})).all()
    assert (answer.code, tuple(row)) == ("AA", ("waiting", "no-patient-key", None))


async def test_who_come_in_one_batch_are_told_apart_as_if_they_came_one_by_one(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    told = ["B1^^^GH^MR~9^^^X^PI", "B2^^^GH^MR~9^^^X^PI", "9^^^X^PI", "B1^^^GH^MR"]
    frames = [own_intake.messages_of(Received(message(hospital, each), "mllp", NOW)) for each in told]
    await own_intake.receive(frames)
    found = [letters[0].patient_id for letters in frames]
    assert found[0] == found[2] == found[3] != found[1]
    assert await evidence(own_intake, *found) == {("same-identifier",)}


async def test_the_same_new_number_at_several_doors_at_once_is_one_patient(hospital: Hospital) -> None:
    intake, told = hospital.intake, f"{hospital.mrn}^^^GH^MR~{hospital.mrn}^^^TWICE^PI"
    frames = [intake.messages_of(Received(message(hospital, told, visit=f"V{n}"), "mllp", NOW)) for n in range(6)]
    answers = await asyncio.gather(*(intake.receive([letters]) for letters in frames))
    assert {answer.code for each in answers for answer in each} == {"AA"}
    assert {letters[0].patient_id for letters in frames} == {await hospital.patient_id()}
    assert await patient_known_by(intake, hospital.mrn, "TWICE", "PI") == await hospital.patient_id()


async def test_the_facility_of_a_message_that_contradicts_itself_decides_by_its_own_number(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    found = await patients(
        own_intake,
        message(hospital, "C1^^^GH^MR"),
        message(hospital, "C2^^^GH^MR"),
        message(hospital, "C1^^^GH^MR~C2^^^GH^MR"),
    )
    assert found[2] == found[0] != found[1]
    assert await evidence(own_intake, *found) == {("same-identifier",)}


@pytest.mark.parametrize("in_one_batch", [False, True])
async def test_a_visit_number_of_another_patient_is_never_taken_silently(
    own_intake: Intake, *, in_one_batch: bool
) -> None:
    hospital = Hospital(own_intake)
    told = [
        message(hospital, "Q13X^^^GH^MR", visit="W13"),
        message(hospital, "Q13^^^GH^MR", trigger="A08", visit="W13"),
    ]
    frames = [own_intake.messages_of(Received(raw, "mllp", NOW)) for raw in told]
    for batch in [frames] if in_one_batch else [frames[:1], frames[1:]]:
        await own_intake.receive(batch)
    warnings = [frame[0].warnings for frame in frames]
    assert warnings[1] == ["another patient of the facility has a visit of this number"]
    assert frames[0][0].patient_id != frames[1][0].patient_id
