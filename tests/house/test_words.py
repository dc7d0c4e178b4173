"""One word, one thing: no type name twice within a service, nor in shared, nor in tools (docs/glossary.md)."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _types(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("*.py")):
        if "versions" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    found[node.name].append(path.relative_to(ROOT).as_posix())
    return found


@pytest.mark.parametrize("part", ["services/intake", "services/placement", "services/aftercare", "shared", "tools"])
def test_no_type_has_the_name_of_another(part: str) -> None:
    assert {name: files for name, files in _types(ROOT / part).items() if len(files) > 1} == {}
