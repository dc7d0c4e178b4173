"""What pre-commit runs is what `make check` runs, with the tools that the project has; nothing is fetched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
HOOKS: list[dict[str, Any]] = [hook for repo in CONFIG["repos"] for hook in repo["hooks"]]
RECIPE = re.compile(r"^check:.*\n((?:\t.*\n)+)", re.MULTILINE)


def checked() -> set[str]:
    """The commands of `make check`."""
    found = RECIPE.search((ROOT / "Makefile").read_text(encoding="utf-8"))
    assert found
    return {line.strip().removeprefix("@$(BIN)/") for line in found[1].splitlines()}


def test_nothing_is_fetched() -> None:
    assert {repo["repo"] for repo in CONFIG["repos"]} == {"local"}
    assert {hook["language"] for hook in HOOKS} == {"system", "fail"}


def test_it_runs_what_make_check_runs() -> None:
    entries = {hook["entry"].removeprefix(".venv/bin/") for hook in HOOKS if hook["language"] == "system"}
    of_files = {entry.replace(" --force-exclude", " .") for entry in entries}
    assert of_files == checked()


@pytest.mark.parametrize(
    ("path", "stopped"),
    [
        ("deploy/secrets/message_keys", True),
        (".stepdown/secrets/intake.url", True),
        ("tests/server.pem", True),
        ("deploy/make-secrets", False),
        ("docs/run-it.md", False),
    ],
)
def test_secrets_are_stopped(path: str, stopped: bool) -> None:
    pattern = next(hook["files"] for hook in HOOKS if hook["id"] == "no-secrets")
    assert bool(re.search(pattern, path)) is stopped
