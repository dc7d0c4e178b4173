"""Cancels that name times, amended beginnings, groups and zones: in any order and repetition they mean the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.intake.hl7.model import VisitMessage
from services.intake.visits.derive import derive
from shared.facts.values import written
from tests.intake.said import SITE, told

TRIGGERS = ["A01", "A02", "A03", "A04", "A08", "A11", "A12", "A13", "A21", "A22", "A31", "A52"]
DAYS = st.integers(5, 9)
GROUPS = st.sampled_from(
    [
        "",
        "DG1|1||F33.2^x^I10|||A|||||||||1\rDG1|2||F10.20^x^I10|||F|||||||||1",
        "DG1|1||F10.20^x^I10||||||||||||||||7|A",
        'DG1|1||""',
        "DG1|1||F10.20^x^I10||||||||||||||||7|D",
        "IN1|1|PPO|ACME||||||||||20260107",
        "IN1|1||MEDICAID|||||||||20260107\rIN1|2||ACME",
        'IN1|1||""',
    ]
)
UNITS = st.sampled_from(["3W", "RES", "PHP1", "ED", ""])
SAID = st.tuples(st.sampled_from(TRIGGERS), DAYS, st.none() | DAYS, st.none() | DAYS, UNITS, GROUPS)


def story(drawn: list[tuple[str, int, int | None, int | None, str, str]]) -> list[VisitMessage]:
    """Messages: said on a day, of the event of a day or of none, of a beginning or of none, at a unit, with a group."""
    return [
        told(
            number, trigger, f"202601{said:02}{number + 9}0000", unit=unit, evn_6=_at(day), pv1_44=_at(begun), dg1=group
        )
        for number, (trigger, said, day, begun, unit, group) in enumerate(drawn, start=1)
    ]


def _at(day: int | None) -> str:
    return f"202601{day:02}090000" if day else ""


@given(st.data())
def test_any_messages_in_any_order_and_repetition_mean_the_same(data: st.DataObject) -> None:
    said = story(data.draw(st.lists(SAID, max_size=8)))
    found = derive("V1", said, SITE)
    again = data.draw(st.lists(st.sampled_from(said), max_size=3)) if said else []
    assert derive("V1", data.draw(st.permutations([*said, *again])), SITE) == found
    assert {one.message_id for one in found.notes} == {one.message_id for one in said}
    assert len({one.key for one in found.facts}) == len(found.facts)
    stays: dict[str, list[str]] = {}
    for one in found.facts:
        assert written(one.value)
        assert one.value.stay is not None
        stays.setdefault(one.value.stay.id, []).append(one.value.TYPE)
    for of_one in stays.values():
        assert of_one[0] in {"admitted", "visit-started"}
