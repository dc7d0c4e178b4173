"""Ports of a data directory: the same ones after a restart, another one where somebody else has it, and told so."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import SetUpError
from tools.stack import folder as folders
from tools.stack.folder import Folder, claim

ASKED = {"MLLP": 0, "intake": 0, "broker": 0}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    monkeypatch.setattr(folders, "PATIENCE", 0.0)
    found = claim(tmp_path / "data")
    yield found
    found.release()


def test_a_restart_has_the_ports_that_it_had(folder: Folder) -> None:
    said: list[str] = []
    first = folder.ports(ASKED, said.append)
    assert len(set(first.values())) == 3
    assert folder.ports(ASKED, said.append) == first
    assert said == []
    assert (folder.path / "ports.json").stat().st_mode & 0o777 == 0o600


def test_a_port_that_another_program_took_is_given_up_in_one_sentence(folder: Folder) -> None:
    said: list[str] = []
    first = folder.ports(ASKED, said.append)
    with socket.create_server(("127.0.0.1", first["MLLP"])):
        second = folder.ports(ASKED, said.append)
    assert said == [
        f"port {first['MLLP']}, which MLLP had, is taken: it gets another one",
    ]
    assert second["MLLP"] != first["MLLP"]
    assert {**second, "MLLP": 0} == {**first, "MLLP": 0}
    assert folder.ports(ASKED, said.append) == second, "senders are told once"


def test_a_port_that_is_asked_for_wins_also_over_one_of_ours(folder: Folder) -> None:
    said: list[str] = []
    first = folder.ports(ASKED, said.append)
    second = folder.ports({**ASKED, "MLLP": first["intake"]}, said.append)
    assert second["MLLP"] == first["intake"]
    assert second["intake"] not in {first["intake"], first["broker"]}
    with pytest.raises(SetUpError, match="for intake can't be had"):
        folder.ports({**ASKED, "MLLP": 2575, "intake": 2575}, said.append)
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(SetUpError, match="for intake can't be had"):
        folder.ports({**ASKED, "intake": other.getsockname()[1]}, said.append)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"MLLP": "x"}'])
def test_a_file_of_ports_that_can_not_be_read_is_written_anew(folder: Folder, text: str) -> None:
    (folder.path / "ports.json").write_text(text)
    found = folder.ports(ASKED, lambda _: None)
    assert folder.ports(ASKED, lambda _: None) == found
