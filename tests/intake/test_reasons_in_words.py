"""Every reason that a message may have for doing nothing, or for waiting, is told in words."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from services.intake.console.effects import waits_for
from services.intake.console.question import NOTES
from services.intake.desk.console import wording
from services.intake.people import merging
from services.intake.receiving.assign import NO_VISIT
from services.intake.receiving.merges.statements import NO_KEY, NO_OTHER
from services.intake.visits.cancels import ASKS, OTHER_TIME
from services.intake.visits.reconcile import OTHERS_NUMBER
from services.intake.visits.repetition import REPEATED

VISITS = Path(merging.__file__).parents[1] / "visits"
KNOWN = {
    REPEATED, OTHER_TIME, merging.ALREADY, merging.OTHERWISE, merging.SAME, merging.NONE, NO_KEY, NO_OTHER,
    "ended", "not-current", "plan-over", "transferred", "already-told", "already-open", "already-there", "no-level",
    "on-leave",
}  # fmt: skip
WAITING = {NO_VISIT, NO_OTHER, NO_KEY, ASKS, OTHERS_NUMBER, "waiting", "not-on-leave"}


@pytest.mark.parametrize("reason", sorted(KNOWN))
def test_a_reason_for_no_effect_has_words(reason: str) -> None:
    assert reason in wording.REASONS


@pytest.mark.parametrize("reason", sorted(WAITING))
def test_what_is_waited_for_has_words(reason: str) -> None:
    waits = waits_for("A03", "waiting", reason)
    assert waits is not None
    assert waits in wording.WAITS


@pytest.mark.parametrize("note", NOTES)
def test_a_note_has_words(note: str) -> None:
    assert note in wording.NOTE_WORDS


def test_no_reason_of_the_walk_is_forgotten() -> None:
    found = {
        value.value
        for path in VISITS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Return | ast.Tuple | ast.Dict)
        for value in ast.walk(node)
        if isinstance(value, ast.Constant)
        and isinstance(value.value, str)
        and value.value.startswith(("already-", "not-"))
    }
    assert found <= KNOWN | WAITING
