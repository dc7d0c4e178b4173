"""Movements by their ids (segment ZBE; IHE PAM, historic movement management): inserted, updated (Z99), cancelled."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from services.intake.hl7.model import VisitMessage
from services.intake.visits.derive import derive
from tests.intake.conftest import Hospital
from tests.intake.said import SITE, clock, told


def moved(number: int, trigger: str, said: str, zbe: str, unit: str = "3W", **fields: Any) -> VisitMessage:
    """A message with a ZBE segment: `id|begin|end|action|historic|original trigger`."""
    return told(number, trigger, said, unit=unit, pv2=f"ZBE|{zbe}", **fields)


A01 = moved(1, "A01", "20260105100000", "1^ADT|20260105100000||INSERT|N")
TO_RES = moved(2, "A02", "20260106090000", "2^ADT|20260106090000||INSERT|N", unit="RES")
TO_PHP = moved(3, "A02", "20260107090000", "3^ADT|20260107090000||INSERT|N", unit="PHP1")
A03 = moved(4, "A03", "20260108090000", "4^ADT|20260108090000||INSERT|N", unit="PHP1")


def path(*said: VisitMessage) -> list[str]:
    """The steps of the visit as `name unit day hour`, the same in every order of arrival and when all comes twice."""
    found = [_path(order) for order in permutations(said)]
    assert all(each == found[0] for each in found), "the order of arrival changes what they mean"
    assert _path([*said, *said]) == found[0]
    return found[0]


def _path(said: Any) -> list[str]:
    steps = []
    for one in derive("V1", said, SITE).facts:
        value = one.value
        unit = getattr(value, "unit", None) or getattr(getattr(value, "to", None), "unit", "")
        steps.append(f"{value.TYPE} {unit} {value.occurred_at.astimezone(clock('2026-01-05').tzinfo):%d %H}".strip())
    return steps


def note(number: int, *said: VisitMessage) -> tuple[str, str | None]:
    """What became of message `number`."""
    (found,) = (one for one in derive("V1", said, SITE).notes if one.message_id == f"m{number}")
    return found.effect, found.reason


def test_a_movement_is_read_with_all_its_ids() -> None:
    raw = moved(1, "A02", "20260106090000", "615^MEDOS~0012^SAP&1.2&ISO~~|202601060800||update|Y|A02").adt.movement
    assert raw is not None
    assert (raw.ids, raw.action) == (("615^MEDOS", "0012^SAP"), "update")
    assert raw.at is not None
    assert raw.at.start == clock("2026-01-06 08:00")
    assert moved(1, "A02", "20260106090000", "|20260106||INSERT").adt.movement is None
    assert told(1, "A02", "20260106090000").adt.movement is None


def test_the_time_of_a_movement_is_zbe_2() -> None:
    late = moved(2, "A02", "20260112090000", "2^ADT|20260106090000||INSERT|Y", unit="RES")
    assert path(A01, late, A03) == ["admitted 3W 05 15", "transferred RES 06 14", "discharged  08 14"]


@pytest.mark.parametrize("trigger", ["Z99", "A02", "A08"])
def test_an_update_takes_the_place_of_the_movement_that_it_names(trigger: str) -> None:
    update = moved(9, trigger, "20260112090000", "2^ADT|20260106150000||UPDATE|Y|A02", unit="4E")
    assert path(A01, TO_RES, TO_PHP, update)[1:] == ["transferred 4E 06 20", "transferred PHP1 07 14"]
    assert note(9, A01, TO_RES, TO_PHP, update) == ("applied", None)
    assert note(2, A01, TO_RES, TO_PHP, update) == ("applied", None)


def test_an_update_of_the_start_and_of_the_end_moves_them() -> None:
    start = moved(8, "Z99", "20260112090000", "1^ADT|20260104100000||UPDATE|Y|A01", unit="4E")
    end = moved(9, "Z99", "20260112100000", "4^ADT|20260109090000||UPDATE|Y|A03", unit="")
    assert path(A01, A03, start, end) == ["admitted 4E 04 15", "discharged  09 14"]


def test_an_update_amends_the_stay_as_well() -> None:
    update = moved(9, "Z99", "20260112090000", "1^ADT|||UPDATE|N|A01", pv1_7="1000000002")
    (admitted,) = derive("V1", [A01, update], SITE).facts
    assert admitted.value.attending_npi == "1000000002"  # type: ignore[attr-defined]
    assert note(9, A01, update) == ("applied", None)
    same = moved(9, "Z99", "20260112090000", "1^ADT|||UPDATE|N|A01")
    assert note(9, A01, same) == ("no-effect", "already-told")


def test_what_amended_the_stay_before_holds_after_the_update() -> None:
    a08 = told(7, "A08", "20260106100000", pv1_7="1000000002")
    update = moved(9, "Z99", "20260112090000", "1^ADT|20260104100000||UPDATE|Y|A01")
    (admitted,) = derive("V1", [A01, a08, update], SITE).facts
    assert admitted.value.attending_npi == "1000000002"  # type: ignore[attr-defined]


def test_an_update_of_a_movement_that_is_not_known_waits_for_it() -> None:
    update = moved(9, "Z99", "20260112090000", "2^ADT|20260106150000||UPDATE|Y|A02", unit="4E")
    assert path(A01, update) == ["admitted 3W 05 15"]
    assert note(9, A01, update) == ("waiting", "waiting")


def test_one_of_the_ids_is_enough_and_an_id_of_another_system_is_another_movement() -> None:
    both = moved(2, "A02", "20260106090000", "2^ADT~77^LAB|20260106090000||INSERT|N", unit="RES")
    update = moved(9, "Z99", "20260112090000", "77^LAB|20260106090000||UPDATE|N|A02", unit="4E")
    assert path(A01, both, update)[1:] == ["transferred 4E 06 14"]
    other = moved(9, "Z99", "20260112090000", "2^LAB|20260106090000||UPDATE|N|A02", unit="4E")
    assert path(A01, both, other)[1:] == ["transferred RES 06 14"]


@pytest.mark.parametrize("trigger", ["A12", "Z99"])
def test_only_the_current_movement_can_be_cancelled(trigger: str) -> None:
    of_res = moved(8, trigger, "20260107100000", "2^ADT|||CANCEL|N|A02", unit="")
    of_php = moved(7, trigger, "20260107093000", "3^ADT|||CANCEL|N|A02", unit="")
    assert path(A01, TO_RES, TO_PHP, of_res)[1:] == ["transferred RES 06 14", "transferred PHP1 07 14"]
    assert note(8, A01, TO_RES, TO_PHP, of_res) == ("no-effect", "not-current")
    assert path(A01, TO_RES, TO_PHP, of_php)[1:] == ["transferred RES 06 14"]
    assert path(A01, TO_RES, TO_PHP, of_php, of_res)[1:] == []
    again = moved(6, trigger, "20260107110000", "3^ADT|||CANCEL|N|A02", unit="")
    assert note(6, A01, TO_RES, TO_PHP, of_php, again) == ("no-effect", "already-told")
    assert note(7, A01, of_php) == ("waiting", "waiting")


def test_a_cancelled_end_and_a_cancelled_start_leave_what_was_before() -> None:
    of_end = moved(7, "A13", "20260109090000", "4^ADT|||CANCEL|N|A03")
    assert path(A01, A03, of_end) == ["admitted 3W 05 15"]
    assert path(A01, moved(8, "A11", "20260105110000", "1^ADT|||CANCEL|N|A01")) == []


def test_a_movement_inserted_again_under_its_id_is_told_anew() -> None:
    again = moved(9, "A02", "20260106100000", "2^ADT|20260106100000||INSERT|N", unit="4E")
    assert path(A01, TO_RES, again)[1:] == ["transferred 4E 06 15"]
    assert note(9, A01, TO_RES, TO_RES._replace(message_id="m9")) == ("no-effect", "already-told")


def test_a_plan_with_a_movement_id_is_called_off_by_its_cancel() -> None:
    plan = moved(1, "A05", "20260102090000", "9^ADT|20260105||INSERT|N")
    off = moved(2, "A38", "20260103090000", "9^ADT|20260105||CANCEL|N|A05")
    assert [step.split()[0] for step in path(plan, off)] == ["arrival-expected", "arrival-cancelled"]


async def test_a_feed_with_movements_is_taken_by_the_door(hospital: Hospital) -> None:
    for trigger, at, zbe, unit in (
        ("A01", "20260310090000", "1|20260310090000||INSERT|N", "3W"),
        ("A02", "20260311090000", "2|20260311090000||INSERT|N", "PHP1"),
        ("Z99", "20260312090000", "2|20260311090000||UPDATE|Y|A02", "RES"),
    ):
        raw = hospital.message(trigger, at, unit=unit) + f"ZBE|{zbe}\r".encode()
        assert [answer.code for answer in await hospital.says(raw)] == ["AA"]
    assert [note for note in await hospital.notes() if note[1] != "applied"] == []
    gone = {fact.as_json.get("replaces") for fact in await hospital.facts()}
    (last,) = [one for one in await hospital.facts() if one.name == "transferred" and one.id not in gone]
    assert last.as_json["to"]["unit"] == "RES"
