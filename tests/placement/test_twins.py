"""ADT tells a program's first day after the program did: one stay, whatever comes later."""

from __future__ import annotations

from typing import Any

import pytest

from services.placement.continuum.fold import fold
from services.placement.programs.duplicate_starts import restated
from shared.facts.envelope import Fact
from shared.facts.stating import said
from tests import builders as tell

NOW = tell.at("2026-03-12 12:00")
STARTED = tell.started("2026-03-10", level="php", program="GH-PHP1")
TOLD = tell.admitted("2026-03-10 08:45", level="php", program="GH-PHP1")


def anew(*facts: Fact) -> list[Fact]:
    """The starts that are stated anew."""
    found = restated(facts, fold(facts, tell.zone_of), tell.zone_of, NOW)
    return [said(value, ce_id=f"anew-{n}", writer="placement", sequence=900 + n) for n, value in enumerate(found)]


def test_a_start_that_adt_tells_too_is_one_stay_by_both_names() -> None:
    came = tell.attended("2026-03-11")
    (again,) = anew(STARTED, came, TOLD)
    assert (again.as_json["replaces"], again.as_json["corroborates"]) == (STARTED.id, TOLD.id)
    (stay,) = fold([STARTED, came, TOLD, again], tell.zone_of).stays
    assert (stay.key, stay.aliases, stay.placement_id, len(stay.sessions)) == (
        ("visit", "V1"), (("placement", "P1"),), "P1", 1,
    )  # fmt: skip
    assert anew(STARTED, came, TOLD, again) == []


@pytest.mark.parametrize(
    "other",
    [
        {"level": "iop"},
        {"program": "RB-PHP"},
        {"program": None},
        {"facility": "RIVERBEND"},
        {"when": "2026-03-11 08:45"},
    ],
)
def test_another_day_level_or_program_is_another_stay(other: dict[str, Any]) -> None:
    told = tell.admitted(**({"when": "2026-03-10 08:45", "level": "php", "program": "GH-PHP1"} | other))
    assert anew(STARTED, told) == []


def test_a_start_that_was_taken_back_or_named_the_other_already_is_left_alone() -> None:
    assert anew(STARTED, TOLD, tell.cancelled(STARTED)) == []
    assert anew(TOLD, tell.started("2026-03-10", level="php", program="GH-PHP1", corroborates=TOLD)) == []


def test_two_starts_never_name_the_same_admission() -> None:
    second = tell.started("2026-03-10", placement="P2", level="php", program="GH-PHP1")
    assert len(anew(STARTED, second, TOLD)) == 1
