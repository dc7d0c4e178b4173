"""docs/glossary.md: one word, one row, in order; and the modules that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
GROUPS = {
    part.partition("\n")[0]: [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in part.splitlines()
        if line.startswith("| ") and not line.startswith("| word |")
    ]
    for part in PAGE.split("\n## ")[1:]
}
MODULE = re.compile(r"`(\w+/\w+\.py)`")


def test_every_word_has_one_row_with_four_cells() -> None:
    rows = [row for group in GROUPS.values() for row in group]
    words = [row[0] for row in rows]
    assert len(rows) >= 60
    assert [row[0] for row in rows if len(row) != 4] == []
    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize("group", GROUPS)
def test_the_words_of_a_group_are_in_order(group: str) -> None:
    words = [row[0].lower() for row in GROUPS[group]]
    assert words == sorted(words)


def test_every_module_that_is_named_is_there() -> None:
    gone = [name for name in MODULE.findall(PAGE) if not list((ROOT / "services").glob(f"*/{name}"))]
    assert MODULE.findall(PAGE)
    assert gone == []
