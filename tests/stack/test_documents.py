"""Every command and program that a document shows is run, in order, beside a running system with one patient in it.

```sh blocks are run, and asked whether they are sure they say yes; ```text NAME and ```python NAME are files that they
use. `sh fails` must fail. Words for blocks that are not run: runs-on (until somebody ends it), takes-long (CI runs it),
needs-docker, needs-cluster. What those say is checked in tests/house/test_docs.py, as far as one can without running.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from pydantic import TypeAdapter

from shared.site.config import Site
from shared.site.units import Unit
from tests.house.test_docs import PAGES, ROOT, name
from tests.system import System, a_system

FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = {"runs-on", "takes-long", "needs-docker", "needs-cluster"}


class Block(NamedTuple):
    """A fenced block: its language, the word after it, its text."""

    language: str
    word: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(a, b.strip(), c) for a, b, c in FENCE.findall(page.read_text(encoding="utf-8"))]


def is_run(block: Block) -> bool:
    return block.language == "sh" and block.word not in NOT_RUN


SHOWING = [page for page in PAGES if any(map(is_run, blocks(page)))]


class Reader:
    """Somebody who follows a page in a folder of their own: with its files, and the running system's data directory."""

    def __init__(self, folder: Path, system: System) -> None:
        self.folder = folder
        (folder / ".stepdown").symlink_to(system.data)
        (folder / "config").symlink_to(ROOT / "config")
        (folder / "bin").mkdir()
        program = folder / "bin" / "stepdown"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tools.cli.main "$@"\n')
        program.chmod(0o755)

    def follows(self, block: Block) -> None:
        if block.language in {"text", "python"} and block.word:
            (self.folder / block.word).write_text(block.text)
        elif is_run(block):
            done = self.types(self.filled_in(block.text))
            assert (done.returncode != 0) is (block.word == "fails"), f"{block.text}\n{done.stderr[-800:]}"
            assert done.stdout or done.stderr or not re.search(r"^(stepdown|python) ", block.text, re.MULTILINE)

    def types(self, text: str) -> subprocess.CompletedProcess[str]:
        ours = {word: value for word, value in os.environ.items() if not word.startswith("STEPDOWN_")}
        paths = (str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"])
        environment = ours | {"PATH": os.pathsep.join(paths), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=100, check=False, input="y\ny\n",
        )  # fmt: skip

    def filled_in(self, text: str) -> str:
        """With an episode's id for ID, and messages of ours for PATH."""
        if re.search(r"\bID\b", text):
            text = re.sub(r"\bID\b", self.types("stepdown episodes list --json").stdout.split('"')[3], text)
        return re.sub(r"\bPATH\b", "admit.hl7", text)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """With the patient of getting-started.md in it."""
    with a_system(tmp_path_factory.mktemp("system")) as running:
        first = a_reader(tmp_path_factory.mktemp("first"), running)
        assert first.types("stepdown send admit.hl7 discharge.hl7 && stepdown verify").returncode == 0
        yield running


def a_reader(folder: Path, system: System) -> Reader:
    """Somebody who has the messages of getting-started.md."""
    made = Reader(folder, system)
    for block in blocks(ROOT / "docs/getting-started.md"):
        if block.language == "text":
            made.follows(block)
    return made


@pytest.fixture
def reader(tmp_path: Path, system: System) -> Reader:
    return a_reader(tmp_path, system)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", SHOWING, ids=name)
def test_what_a_page_shows_works(page: Path, reader: Reader) -> None:
    for block in blocks(page):
        reader.follows(block)


def test_the_pages_that_show_commands_are_found() -> None:
    assert len(SHOWING) >= 6


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_of_commands_is_run_or_says_why_not(page: Path) -> None:
    assert {one.word for one in blocks(page) if one.language == "sh"} <= {"", "fails", *NOT_RUN}
    assert not [one for one in blocks(page) if one.language in {"bash", "console", "shell"}]


def test_the_pieces_of_site_config_that_are_shown_are_right() -> None:
    shown = [yaml.safe_load(one.text) for one in blocks(ROOT / "docs/configure-a-site.md") if one.language == "yaml"]
    fields = {name: field.annotation for name, field in Site.model_fields.items()}
    kinds: dict[str, Any] = fields | {"units": list[Unit]}
    found = {key: TypeAdapter(kinds[key]).validate_python(value) for piece in shown for key, value in piece.items()}
    assert found.keys() >= {"units", "programs", "follow_ups", "aftercare"}
