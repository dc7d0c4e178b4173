"""A trigger event is one row of one table: each row means something, and nothing else in the house names a trigger."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from services.intake.hl7.triggers import TRIGGERS, WHOLE_STAY, StatementKind, Trigger
from services.intake.visits.moves import MOVES

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "services/intake/hl7/triggers.py"
HOSPITALS = (ROOT / "tools/simulator",)
"""They say messages, as a hospital does, and know nothing of how we read them."""


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_row_means_one_thing(trigger: str) -> None:
    row = TRIGGERS[trigger]
    meanings = [row.states is not None, row.cancels is not None, row.updates, row.merges, row.of_the_person]
    assert meanings.count(True) == 1, (
        f"{trigger} has {meanings.count(True)} meanings: it would be taken, and do nothing"
    )


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_what_a_row_means_somebody_works_out(trigger: str) -> None:
    row = TRIGGERS[trigger]
    if row.states:
        assert row.states in MOVES
    if row.cancels and row.cancels != WHOLE_STAY:
        assert TRIGGERS[row.cancels].states, f"{trigger} takes back {row.cancels}, which states nothing"
    assert not row.moves_to or row.states == "move"
    assert not row.moves_too or row.cancels
    assert not row.needs_visit or row.states or row.corrects


def test_every_kind_of_statement_is_said_by_a_trigger() -> None:
    assert set(get_args(StatementKind)) == set(MOVES) == {row.states for row in TRIGGERS.values() if row.states}


def test_an_attribute_that_a_row_sets_is_read_somewhere() -> None:
    text = "\n".join(p.read_text() for p in (ROOT / "services/intake").rglob("*.py") if p != TABLE)
    names = [name for name in Trigger.__annotations__ if name not in {"words", "of_the_person"}]
    assert [name for name in names if not re.search(rf"(means|\]|row)\.{name}\b", text)] == []


def test_no_other_module_has_triggers_of_its_own() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value}"
        for folder in ("services", "shared", "tools")
        for path in (ROOT / folder).rglob("*.py")
        if path != TABLE and not any(path.is_relative_to(one) for one in HOSPITALS)
        for text in [path.read_text()]
        if re.search(r"[\"']A\d\d[\"']", text)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"A\d\d", node.value)
    ]
    assert found == []


def test_the_guide_lists_the_triggers_of_the_table() -> None:
    guide = (ROOT / "docs/connect-a-hospital.md").read_text()
    found = re.search(r"^Triggers (.*?)\. .*?^Merges \((.*?)\) are taken and kept", guide, re.MULTILINE | re.DOTALL)
    assert found, "docs/connect-a-hospital.md, What is read: Triggers …; Merges (…) are taken and kept"
    assert listed(found[1]) == {trigger for trigger, row in TRIGGERS.items() if not row.merges}
    assert listed(found[2]) == {trigger for trigger, row in TRIGGERS.items() if row.merges}


def listed(text: str) -> set[str]:
    """`A01–A03, A11` → A01, A02, A03, A11."""
    parts = (re.findall(r"A(\d\d)", part) for part in text.split(","))
    return {f"A{number:02}" for ends in parts for number in range(int(ends[0]), int(ends[-1]) + 1)}
