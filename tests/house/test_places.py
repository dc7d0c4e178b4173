"""What a fact names is found whatever its type: a unit that is forgotten would be care that nobody labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import orjson
import pytest

from shared.events import CARE_FACTS
from shared.events.base import CareFact, Place
from shared.facts.envelope import Fact
from shared.facts.places import places_of
from shared.facts.values import UnknownFact
from tests.builders import fact, transferred, with_value
from tools.documents.examples import examples

NAMING = ("unit", "level", "program")
WHERE = {"unit": "3W", "level": "php", "program": "GH-PHP"}


def everything_named(ce_type: str) -> Fact:
    """An example of the type with all of a unit, a level and a program that it has a field for."""
    names = {one.encode_name for one in msgspec.structs.fields(CARE_FACTS[ce_type])}
    body = examples()[ce_type] | {name: WHERE[name] for name in NAMING if name in names and not _is_unit(ce_type, name)}
    return with_value(replace(fact("x"), type=ce_type), body)


def _is_unit(ce_type: str, name: str) -> bool:
    """What an authorization counts in is called `unit` too: a day, a session, an hour."""
    return name == "unit" and "authorization" in ce_type


@pytest.mark.parametrize("ce_type", sorted(CARE_FACTS))
def test_every_unit_level_and_program_that_a_type_has_a_field_for_is_found(ce_type: str) -> None:
    one = everything_named(ce_type)
    named = {(name, told) for name, told in one.as_json.items() if name in NAMING and not _is_unit(ce_type, name)}
    named |= {pair for part in places_in(one.value) for pair in set_fields(part)}
    assert {pair for place in places_of(one) for pair in set_fields(place)} == named


def places_in(value: CareFact) -> list[Place]:
    return [each for name in value.__struct_fields__ if isinstance(each := getattr(value, name), Place)]


def set_fields(place: Place) -> set[tuple[str, Any]]:
    return {(name, told) for name in NAMING if (told := getattr(place, name))}


def test_a_transfer_names_where_the_stay_was_and_then_where_it_is() -> None:
    before: dict[str, Any] = {"from": {"unit": "3W", "level": "inpatient"}}
    moved = transferred(to="php", **before)
    assert [place.unit for place in places_of(moved)] == ["3W", "PHP1"]


def test_of_a_type_that_nobody_knows_what_can_be_read_is_found() -> None:
    own: dict[str, Any] = {"unit": "3W", "to": {"unit": 7, "program": "GH-PHP", "level": "sky"}, "from": "2026-01-01"}
    told = fact("danced", **own)
    assert isinstance(told.value, UnknownFact)
    assert places_of(told) == (Place(unit="3W"), Place(program="GH-PHP"))
    assert places_of(with_value(told, orjson.loads(b"{}"))) == ()
