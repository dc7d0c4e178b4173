"""Every ADT event that HL7 has, and the site's own, is taken and kept, also with MSH and a patient id alone."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from services.intake.hl7.model import Refused
from services.intake.hl7.triggers import TRIGGERS
from services.intake.receiving.read import Received
from services.intake.receiving.receive import Intake
from tests.intake.conftest import NOW, Hospital
from tests.intake.said import read

KEPT = [name for name, row in TRIGGERS.items() if row.kept and not row.nobody] + ["Z01", "ZQA"]
NO_TIME = [name for name, row in TRIGGERS.items() if not row.needs_time and not row.merges]


def short(trigger: str, *more: str, said: str = "20260310090000") -> bytes:
    """A message with MSH alone, and what is added."""
    head = f"MSH|^~\\&|ADT|GOODHEALTH|SD|SD|{said}||ADT^{trigger}|{trigger}|P|2.5.1"
    return "\r".join([head, *more, ""]).encode()


@pytest.mark.parametrize("trigger", KEPT)
async def test_a_kept_event_needs_a_patient_id_and_nothing_else(hospital: Hospital, trigger: str) -> None:
    raw = short(trigger, f"PID|||{hospital.mrn}^^^GH^MR")
    assert [answer.code for answer in await hospital.says(raw)] == ["AA"]
    assert await hospital.notes() == [(trigger, "kept", None)]
    assert await hospital.facts() == []


@pytest.mark.parametrize("trigger", KEPT)
async def test_a_kept_event_changes_nothing_of_the_visit_that_it_names(hospital: Hospital, trigger: str) -> None:
    await hospital.tells("A01")
    before = await hospital.standing()
    assert await hospital.tells(trigger, "20260311090000", unit="RES") == "AA"
    assert await hospital.standing() == before
    assert (await hospital.notes())[-1] == (trigger, "kept", None)


@pytest.mark.parametrize("trigger", [name for name, row in TRIGGERS.items() if row.nobody])
async def test_an_event_whose_structure_has_no_patient_is_kept_without_one(own_intake: Intake, trigger: str) -> None:
    said = [short(trigger, "EVN||20260310090000", "NPU|3W^01^A|U")]
    (answer,) = await own_intake.receive([own_intake.messages_of(Received(raw, "mllp", NOW)) for raw in said])
    async with own_intake.database.read() as connection:
        rows = (await connection.execute(sa.text("SELECT trigger, note, reason, patient_id FROM messages"))).all()
    assert (answer.code, [tuple(row) for row in rows]) == ("AA", [(trigger, "kept", None, None)])


@pytest.mark.parametrize("trigger", ["A09", "A38", "A60", "Z01"])
def test_an_event_with_no_patient_id_is_refused_where_its_structure_has_one(trigger: str) -> None:
    for missing, place in (((), ("PID", 0)), (("PID|||^^^GH^MR",), ("PID", 3))):
        with pytest.raises(Refused) as refused:
            read(short(trigger, *missing))
        assert (refused.value.ack, *refused.value.fault[1:3]) == ("AE", *place)


@pytest.mark.parametrize("trigger", NO_TIME)
def test_an_event_by_which_nothing_begins_moves_or_ends_needs_no_readable_time(trigger: str) -> None:
    raw = short(trigger, "EVN||soon||||soon", "PID|||1^^^GH^MR", said="some day")
    adt = read(raw)
    assert (adt.occurred_from, {warning.partition(" ")[0] for warning in adt.warnings}) == (
        "arrival",
        {"EVN-2", "EVN-6", "MSH-7"},
    )


@pytest.mark.parametrize("kind", ["ORU", "SIU", "QRY", ""])
def test_another_message_type_is_not_taken_whatever_its_event(kind: str) -> None:
    raw = short("A01", "PID|||1^^^GH^MR").replace(b"ADT^A01", f"{kind}^A01".encode())
    with pytest.raises(Refused) as refused:
        read(raw)
    assert (refused.value.ack, refused.value.fault.code) == ("AR", 200)


@pytest.mark.parametrize("trigger", ["A56", "A63", "A99", "R01", "Z", "Z1234", "z01", "Z-1", ""])
def test_what_is_neither_an_event_of_hl7_nor_of_the_site_is_not_taken(trigger: str) -> None:
    with pytest.raises(Refused) as refused:
        read(short(trigger, "PID|||1^^^GH^MR"))
    assert (refused.value.ack, refused.value.fault.code) == ("AR", 201)


async def test_what_only_a_person_may_do_waits_for_one(hospital: Hospital) -> None:
    await hospital.tells("A01")
    before = await hospital.standing()
    raw = short("A29", f"PID|||{hospital.mrn}^^^GH^MR")
    assert [answer.code for answer in await hospital.says(raw)] == ["AA"]
    assert (await hospital.notes())[-1] == ("A29", "waiting", "asks-a-person")
    assert await hospital.standing() == before
