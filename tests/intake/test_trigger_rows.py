"""A trigger event is one row of one table: each row means something, and nothing else in the house names a trigger."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from services.intake.hl7.triggers import MEANINGS, TRIGGERS, WHOLE_STAY, StatementKind, Trigger, is_local
from services.intake.visits.moves import MOVES

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "services/intake/hl7/triggers.py"
UNREAD = {"words", "of_the_person", "kept", "records", "plans"}
"""What a row says to people, or says so that exactly one meaning is set."""
HOSPITALS = (ROOT / "tools/simulator", ROOT / "tools/iti31")
"""They say messages, as a hospital does, and know nothing of how we read them."""


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_row_means_one_thing(trigger: str) -> None:
    row = TRIGGERS[trigger]
    meanings = [name for name in MEANINGS if getattr(row, name)]
    assert len(meanings) == 1, f"{trigger} has {len(meanings)} meanings: it would be taken, and do nothing"


def test_every_event_that_hl7_has_for_adt_messages_has_a_row() -> None:
    """HL7 table 0003: A56 to A59 are not used, nor is anything above A62."""
    assert list(TRIGGERS) == [f"A{number:02}" for number in (*range(1, 56), 60, 61, 62)]


def test_an_event_of_the_site_begins_with_z_and_no_other_has_a_row() -> None:
    assert [one for one in ("Z01", "ZQA", "Z99") if TRIGGERS[one].words and is_local(one)] == ["Z01", "ZQA", "Z99"]
    for other in ("A56", "A63", "R01", "Z", "Z1", "Z001", "z01", "Z 1", ""):
        assert other not in TRIGGERS
        assert not is_local(other)
        with pytest.raises(KeyError):
            TRIGGERS[other]


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
    names = [name for name in Trigger.__annotations__ if name not in UNREAD]
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


def test_the_guide_has_a_row_for_every_event_in_the_words_of_the_table() -> None:
    guide = (ROOT / "docs/connect-a-hospital.md").read_text()
    rows = re.findall(r"^\| (A\d\d) \| (.*?) \| (.*?) \| (.*?) \|$", guide, re.MULTILINE)
    assert {name: words for name, words, _, _ in rows} == {name: row.words for name, row in TRIGGERS.items()}
    assert [name for name, *_ in rows] == list(TRIGGERS), "one row each, in order"
    assert all(follows and where for _, _, follows, where in rows)
