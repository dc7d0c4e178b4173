"""What is answered, kept and stated for messages, on a real database."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from services.intake.receiving.read import Received
from services.intake.receiving.receive import OTHER_BODY, Intake, take_in
from shared.clock import SetClock
from tests.intake.conftest import NOW, Hospital


async def test_an_admission_is_acknowledged_and_stated(hospital: Hospital) -> None:
    (answer,) = await hospital.says(hospital.message("A01", control="IN-1"))
    assert answer.code == "AA"
    assert b"MSA|AA|IN-1" in answer.replies[0]
    (fact,) = await hospital.facts()
    assert (fact.type, fact.sequence, fact.as_json["level"]) == ("care.admitted.v1", 1, "inpatient")
    assert fact.as_json["patient"] == {"mrn": hospital.mrn, "assigning_authority": "GH"}
    assert fact.as_json["labels"] == ["PSY"]
    assert fact.correlation_id == fact.causation_id == answer.message_ids[0]


async def test_a_cancelled_discharge_takes_back_what_was_said(hospital: Hospital) -> None:
    for trigger, at in (("A01", "20260310090000"), ("A03", "20260312100000"), ("A13", "20260312110000")):
        assert await hospital.tells(trigger, at) == "AA"
    facts = await hospital.facts()
    assert [fact.name for fact in facts] == ["admitted", "discharged", "fact-cancelled"]
    assert [fact.sequence for fact in facts] == [1, 2, 3]
    assert len({fact.subject for fact in facts}) == 1
    assert facts[2].as_json["cancels"] == facts[1].id
    assert facts[2].as_json["reason"] == "cancelled-by-sender"


STORY = (("A01", "20260310090000"), ("A03", "20260312100000"), ("A13", "20260312110000"))


@pytest.mark.parametrize("order", ["012", "021", "102", "120", "201", "210"])
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
async def test_any_order_ends_in_the_same_facts(hospital: Hospital, order: str, together: bool) -> None:
    told = [hospital.message(*STORY[int(place)]) for place in order]
    for batch in [told] if together else [[each] for each in told]:
        assert {answer.code for answer in await hospital.says(*batch)} == {"AA"}
    assert await hospital.standing() == {("admitted", "2026-03-10")}


async def test_a_discharge_before_its_admission_waits_and_then_takes_effect(hospital: Hospital) -> None:
    assert await hospital.tells("A03", "20260312100000") == "AA"
    assert [row.note for row in await hospital.rows("note")] == ["waiting"]
    assert await hospital.names() == []
    await hospital.tells("A01")
    assert [row.note for row in await hospital.rows("note")] == ["applied", "applied"]
    assert await hospital.names() == ["admitted", "discharged"]


async def test_a_repeat_gets_the_first_answer_and_changes_nothing(hospital: Hospital) -> None:
    raw = hospital.message("A01")
    first, again = await hospital.says(raw, raw)
    (later,) = await hospital.says(raw)
    assert first.replies == again.replies == later.replies
    assert await hospital.names() == ["admitted"]
    assert len(await hospital.rows("message_id")) == 1


async def test_the_same_ids_with_another_body_are_another_message_with_a_warning(hospital: Hospital) -> None:
    await hospital.says(hospital.message("A01", control="SAME-1"))
    (answer,) = await hospital.says(hospital.message("A03", "20260312100000", control="SAME-1"))
    assert answer.code == "AA"
    assert await hospital.names() == ["admitted", "discharged"]
    assert [OTHER_BODY in row.warnings for row in await hospital.rows("warnings")] == [False, True]


@pytest.mark.parametrize(
    ("code", "says", "change"),
    [
        ("AR", b"|201^", (b"ADT^A01", b"ADT^A56")),
        ("AR", b"|202^", (b"|P|2.5.1", b"|D|2.5.1")),
        ("AE", b"|100^", (b"PID|", b"ZID|")),
        ("AE", b"|102^", (b"|20260310090000|\r", b"|soon|\r")),
        ("AR", b"|100^", (b"MSH|", b"XXX|")),
    ],
    ids=["unknown trigger", "not the configured MSH-11", "no PID", "unreadable time", "not HL7"],
)
async def test_what_cannot_be_right_is_answered_so(
    hospital: Hospital, code: str, says: bytes, change: tuple[bytes, bytes]
) -> None:
    raw = hospital.message("A01", pv1={44: "20260310090000", 45: ""}).replace(*change)
    (answer,) = await hospital.says(raw)
    assert answer.code == code
    assert says in answer.replies[0]
    assert hospital.name.encode() not in answer.replies[0]
    assert await hospital.names() == []


async def test_only_what_is_answered_aa_or_ae_is_stored(hospital: Hospital) -> None:
    wrong = hospital.message("A01").replace(b"PID|", b"ZID|")
    answers = await hospital.says(wrong, hospital.message("A01", msh11="D"), wrong)
    assert [answer.code for answer in answers] == ["AE", "AR", "AE"]
    assert [len(answer.message_ids) for answer in answers] == [1, 0, 1]
    assert await _count(hospital.intake, "message_id = ANY(:ids)", ids=[i for a in answers for i in a.message_ids]) == 1


async def test_one_bad_message_in_a_batch_leaves_the_others_alone(hospital: Hospital) -> None:
    await _alter(hospital.intake, "ADD CONSTRAINT odd CHECK (control_id <> 'POISON' OR answer <> 'AA')")
    told = [
        hospital.message("A01", f"2026031{n}090000", visit=f"V{n}", control="POISON" if n == 2 else None)
        for n in range(4)
    ]
    try:
        answers = await hospital.says(*told)
    finally:
        await _alter(hospital.intake, "DROP CONSTRAINT odd")
    assert [answer.code for answer in answers] == ["AA", "AA", "AE", "AA"]
    assert b"|207^" in answers[2].replies[0]
    assert await _count(hospital.intake, "message_id = ANY(:ids) AND note = 'error'", ids=answers[2].message_ids) == 1
    assert len(await hospital.names()) == 3


@pytest.mark.parametrize(
    ("again", "episodes"),
    [("20260411090000", 1), ("20260412090000", 2)],
    ids=["30 days after the end", "31 days after the end"],
)
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
async def test_a_visit_within_the_limit_belongs_to_the_episode_before(
    intake: Intake, again: str, episodes: int, together: bool
) -> None:
    later = Intake(intake.database, intake.site, intake.seal, SetClock(NOW.replace(month=5)))
    hospital = Hospital(later)
    told = [
        hospital.message("A01", "20260310090000"),
        hospital.message("A03", "20260312100000"),
        hospital.message("A01", again, visit="V2"),
    ]
    arrived = NOW.replace(month=5)
    for batch in [told] if together else [[each] for each in told]:
        await later.receive([later.messages_of(Received(raw, "mllp", arrived)) for raw in batch])
    facts = await hospital.facts()
    assert sorted(fact.name for fact in facts) == ["admitted", "admitted", "discharged"]
    assert len({fact.subject for fact in facts}) == episodes
    for episode in {fact.subject for fact in facts}:
        sequences = [fact.sequence for fact in facts if fact.subject == episode]
        assert sequences == list(range(1, len(sequences) + 1))


async def test_a_unit_that_is_not_mapped_states_nothing_until_it_is(hospital: Hospital) -> None:
    assert await hospital.tells("A01", unit="NEWWING") == "AA"
    assert [row.note for row in await hospital.rows("note")] == ["unmapped"]
    assert await hospital.names() == []
    site = hospital.intake.site
    first = site.facilities[0]
    mapped = first.model_copy(update={"units": (*first.units, first.units[0].model_copy(update={"code": "NEWWING"}))})
    mended = site.model_copy(update={"facilities": (mapped, *site.facilities[1:])})
    for cached in ("version", "_facilities", "_units"):
        mended.__dict__.pop(cached, None)
    again = Intake(hospital.intake.database, mended, hospital.intake.seal, hospital.intake.clock)
    while await again.derive_again():
        pass
    assert await hospital.names() == ["admitted"]
    assert [row.note for row in await hospital.rows("note")] == ["applied"]


async def test_a_message_that_reading_fails_on_is_kept_and_the_others_are_taken(hospital: Hospital) -> None:
    site = hospital.intake.site
    nowhere = site.facilities[0].model_copy(update={"zone": "No/Where"})
    bare = site.model_copy(update={"facilities": (nowhere,)})
    bare.__dict__.pop("_facilities", None)
    broken = Intake(hospital.intake.database, bare, hospital.intake.seal, hospital.intake.clock)
    sent = (hospital.message("A01"), b"no HL7")
    first, second = await broken.receive([broken.messages_of(Received(raw, "mllp", NOW)) for raw in sent])
    assert (first.code, second.code) == ("AE", "AR")
    assert await _count(broken, "message_id = ANY(:ids) AND note = 'error'", ids=first.message_ids) == 1


async def test_what_names_no_visit_is_taken_in_a_second_try_as_in_the_first(hospital: Hospital) -> None:
    """One of two transactions that take in the same message fails, and its messages are taken in anew."""
    raw = hospital.message("A02", "20260311090000", visit="", unit="RES")
    letters = hospital.intake.messages_of(Received(raw, "mllp", NOW))
    with pytest.raises(ZeroDivisionError):
        async with hospital.intake.database.begin() as connection:
            await take_in(connection, letters, hospital.intake)
            raise ZeroDivisionError
    async with hospital.intake.database.begin() as connection:
        await take_in(connection, letters, hospital.intake)
    assert letters[0].outcome.code == "AA"
    assert await hospital.names() == ["admitted"]


@pytest.mark.parametrize("together", [True, False], ids=["told together", "told one by one"])
async def test_a_diagnosis_has_the_labels_of_the_unit_it_was_made_in(hospital: Hospital, together: bool) -> None:
    told = [
        hospital.message("A01") + b"DG1|1||F33.1^^I10|||A\r",
        hospital.message("A02", "20260311090000", unit="RES"),
    ]
    for batch in [told] if together else [[each] for each in told]:
        await hospital.says(*batch)
    labels = {fact.name: fact.as_json["labels"] for fact in await hospital.facts()}
    assert labels == {"admitted": ["PSY"], "diagnosis-recorded": ["PSY"], "transferred": ["SUD", "PART2"]}


async def test_two_messages_in_one_frame_get_two_replies(hospital: Hospital) -> None:
    both = hospital.message("A01", control="ONE") + hospital.message("A03", "20260312100000", control="TWO")
    (answer,) = await hospital.says(both)
    assert [b"MSA|AA|ONE" in answer.replies[0], b"MSA|AA|TWO" in answer.replies[1]] == [True, True]
    assert await hospital.names() == ["admitted", "discharged"]


async def test_a_patient_is_known_by_any_of_its_ids(hospital: Hospital) -> None:
    other = f"{hospital.mrn}^^^GH^PI~ACC{hospital.mrn}^^^GH^AN".encode()
    own = f"{hospital.mrn}^^^GH^MR".encode()
    await hospital.says(hospital.message("A01").replace(own, own + b"~" + other))
    await hospital.says(hospital.message("A03", "20260312100000").replace(own, other))
    assert await hospital.standing() == {("admitted", "2026-03-10"), ("discharged", "2026-03-12")}


async def test_told_again_what_is_so_has_no_effect(hospital: Hospital) -> None:
    await hospital.tells("A01")
    await hospital.tells("A01")
    assert [row.note for row in await hospital.rows("note")] == ["applied", "no-effect"]
    assert await hospital.names() == ["admitted"]


async def test_batches_of_one_patient_at_once_count_one_sequence(hospital: Hospital) -> None:
    told = [hospital.message("A01", f"202603{day:02}090000", visit=f"V{day}") for day in range(1, 9)]
    await asyncio.gather(*(hospital.says(raw) for raw in told))
    facts = await hospital.facts()
    for episode in {fact.subject for fact in facts}:
        sequences = sorted(fact.sequence for fact in facts if fact.subject == episode)
        assert sequences == list(range(1, len(sequences) + 1))
    assert len(facts) == 8


async def test_a_message_is_sealed_and_nothing_of_it_lies_open(hospital: Hospital) -> None:
    await hospital.tells("A01")
    (row,) = await hospital.rows("message_id, sealed, said, messages.*::text AS whole")
    assert hospital.name.encode() in hospital.intake.seal.open(row.sealed, row.message_id)
    assert hospital.name not in row.whole
    assert hospital.name.encode() not in row.said
    async with hospital.intake.database.read() as connection:
        identity = await connection.execute(
            sa.text("SELECT sealed, patient_id FROM identities WHERE patient_id IN (SELECT patient_id FROM visits "
                    "WHERE visit_key LIKE :mrn)"), {"mrn": f"%{hospital.mrn}"}
        )  # fmt: skip
        kept = identity.one()
    assert hospital.name.encode() in hospital.intake.seal.open(kept.sealed, f"identity:{kept.patient_id}:GOODHEALTH")


async def _count(intake: Intake, where: str, **given: Any) -> int:
    given = {name: list(value) for name, value in given.items()}
    async with intake.database.read() as connection:
        return int(
            (await connection.execute(sa.text(f"SELECT count(*) FROM messages WHERE {where}"), given)).scalar_one()
        )


async def _alter(intake: Intake, how: str) -> None:
    async with intake.database.begin() as connection:
        await connection.execute(sa.text(f"ALTER TABLE messages {how}"))


async def test_texts_that_the_first_version_stated_are_restated_as_codes(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    raw = hospital.message("A01", visit="OLD", pv1={4: "E", 14: "Mrs. Doe's clinic"}) + b"IN1|1|Doe's plan|60054\r"
    await hospital.says(raw, hospital.message("A03", "20260311090000", visit="OLD", pv1={36: "HOME-OP"}))
    before = {
        "admitted": {"admission": {"type": "E", "source": "Mrs. Doe's clinic"}},
        "discharged": {"disposition": {"code": "HOME-OP", "kind": "unknown"}},
        "coverage-changed": {"coverage": [{"order": 1, "payer": "60054", "plan": "Doe's plan"}]},
    }
    async with own_intake.database.begin() as connection:
        found = (await connection.execute(sa.text("SELECT ce_id, type, value FROM facts"))).all()
        for row in found:
            value = orjson.dumps(orjson.loads(row.value) | before[row.type])
            await connection.execute(
                sa.text("UPDATE facts SET value = :value WHERE ce_id = :id"), {"value": value, "id": row.ce_id}
            )
        await connection.execute(sa.text("UPDATE visits SET mapping = 'first version'"))
    assert await own_intake.derive_again() == 1
    told = [fact for fact in await hospital.facts() if fact.as_json.get("replaces")]
    assert {fact.name: fact.as_json["replaces"] for fact in told} == {row.type: row.ce_id for row in found}
    values = {fact.name: fact.as_json for fact in told}
    assert values["admitted"]["admission"] == {"type": "1", "source": "unknown"}
    assert values["discharged"]["disposition"] == {"code": "HOME-OP", "kind": "home", "patient_status": "01"}
    assert values["coverage-changed"]["coverage"] == [{"order": 1, "payer": "ACME", "plan": "unknown"}]
