"""What went wrong between real systems, kind by kind, with messages of our own, through the door that it came by."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from services.intake.hl7.frames import framed
from tests.intake.conftest import Hospital
from tests.intake.opened import Connect, opened


async def test_the_same_control_id_for_every_message_is_no_repetition(another: Callable[[], Hospital]) -> None:
    one, other = another(), another()
    for each in (one, other):
        assert await each.tells("A01", control="SITE1") == "AA"
        assert await each.tells("A03", "20260312090000", control="SITE1") == "AA"
    for each in (one, other):
        assert await each.names() == ["admitted", "discharged"]


async def test_a_message_sent_again_with_a_new_time_makes_no_second_stay(hospital: Hospital) -> None:
    raw = hospital.message("A01", control="AGAIN")
    later = raw.replace(b"|SD|SD|20260310090000|", b"|SD|SD|20260310090500|")
    assert later != raw
    assert [answer.code for answer in await hospital.says(raw, later)] == ["AA", "AA"]
    assert await hospital.names() == ["admitted"]
    assert await hospital.notes() == [("A01", "applied", None), ("A01", "no-effect", "already-open")]


async def test_an_update_with_nulls_removes_the_attending_and_the_sex_and_leaves_the_stay(hospital: Hospital) -> None:
    await hospital.says(hospital.message("A01", pv1={7: "1234567893^DOC"}))
    update = hospital.message("A08", "20260311090000", pv1={3: '""', 7: '""'}).replace(b"|19800101|F", b'|19800101|""')
    assert (await hospital.says(update))[0].code == "AA"
    admitted, again = await hospital.facts()
    assert (admitted.as_json["attending_npi"], again.as_json.get("attending_npi")) == ("1234567893", None)
    assert (again.as_json["unit"], again.as_json["replaces"]) == ("3W", admitted.id)
    assert b'"sex":[null' in await hospital.identity()
    await hospital.tells("A03", "20260312090000")
    assert (await hospital.facts())[-1].as_json["level"] == "inpatient"


async def test_a_form_feed_and_blank_lines_lose_nothing(hospital: Hospital) -> None:
    raw = hospital.message("A01").replace(b"\rPV1", b"\r\r\r\n\rPV1") + b"NTE|1||page one\x0cpage two\r"
    assert (await hospital.says(raw))[0].code == "AA"
    assert await hospital.names() == ["admitted"]


@pytest.mark.parametrize("msh_18", ["", "UNICODE UTF-8"])
async def test_undeclared_latin_1_is_read_and_answered_in_it(
    hospital: Hospital, connected: Connect, msh_18: str
) -> None:
    raw = hospital.message("A01", visit="VÄ", control="CÖ").decode().replace("|P|2.5.1", f"|P|2.5.1||||||{msh_18}")
    async with opened(hospital.intake) as (door, _):
        sender = await connected(door.address)
        assert b"MSA|AA|C\xd6" in await sender.send(raw.encode("latin-1"))
    (admitted,) = await hospital.facts()
    assert admitted.as_json["visit_number"] == f"VÄ-{hospital.mrn}"
    assert any("read as" in warning for warning in (await hospital.rows("warnings"))[0].warnings)


async def test_a_header_with_components_is_answered_to_who_sent_it(hospital: Hospital, connected: Connect) -> None:
    raw = hospital.message("A01", control="C37").replace(b"|ADT|GOODHEALTH|", b"|ADT^A^L|GOODHEALTH^S1|")
    raw = raw.replace(b"|P|2.5.1", b"|P|2.2|||AL|NE")
    async with opened(hospital.intake) as (door, _):
        sender = await connected(door.address)
        answer = await sender.send(raw)
        assert answer.startswith(b"MSH|^~\\&|SD|SD|ADT^A^L|GOODHEALTH^S1|")
        assert b"\rMSA|CA|C37\r" in answer
        sender.writer.write(framed(hospital.message("A08", control="NEXT")))
        assert b"|NEXT\r" in await sender.answer(), "the one before had one answer alone"


async def test_a_pending_discharge_is_planned_moved_and_taken_off(hospital: Hospital) -> None:
    for trigger, at, expected in (
        ("A01", "20260310090000", "20260313090000"),
        ("A08", "20260311090000", "20260315090000"),
        ("A08", "20260312090000", '""'),
    ):
        raw = hospital.message(trigger, at) + f"PV2|||||||||{expected}\r".encode()
        assert (await hospital.says(raw))[0].code == "AA"
    planned, moved, off = [fact for fact in await hospital.facts() if fact.name.startswith("discharge-plan")]
    assert (planned.as_json["expected_at"][:10], moved.as_json["expected_at"][:10]) == ("2026-03-13", "2026-03-15")
    assert moved.as_json["replaces"] == planned.id
    assert off.name == "discharge-plan-cancelled"
