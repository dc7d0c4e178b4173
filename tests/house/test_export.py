"""`stepdown export` writes the published language, says what is stale, and refuses to break a reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tools.cli.export import command, openapi
from tools.cli.main import run
from tools.documents import documents


def export(*arguments: str | Path) -> Result:
    """The command with these arguments."""
    return CliRunner().invoke(command, [str(each) for each in arguments])


@pytest.mark.parametrize(
    ("kind", "files"),
    [("asyncapi", ["asyncapi.yaml"]), ("page", ["events.md"]), ("schemas", ["care.admitted.v1.json"])],
)
def test_one_kind_of_document_is_written_where_it_is_wanted(tmp_path: Path, kind: str, files: list[str]) -> None:
    assert export(kind, "--out", tmp_path / "new").exit_code == 0
    written = {
        file.relative_to(tmp_path / "new").as_posix() for file in (tmp_path / "new").rglob("*") if file.is_file()
    }
    assert written == documents(kind).keys()
    assert {Path(name).name for name in written} >= set(files)


def test_what_was_written_is_fresh_and_json_names_it(tmp_path: Path) -> None:
    found = export("--out", tmp_path, "--json")
    assert json.loads(found.stdout) == {"written": sorted({**documents(), **openapi()})}
    assert json.loads(export("--check", "--out", tmp_path, "--json").stdout) == {"stale": []}


def test_the_openapi_documents_are_written_alone_and_their_staleness_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert json.loads(export("openapi", "--out", tmp_path, "--json").stdout) == {"written": sorted(openapi())}
    export("--out", tmp_path)
    (tmp_path / "openapi" / "intake.json").unlink()
    assert run(["export", "--check", "--out", str(tmp_path)]) == 1
    assert "openapi/intake.json" in capsys.readouterr().err


def test_a_stale_file_is_named_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export("--out", tmp_path)
    (tmp_path / "events.md").write_text("old\n")
    assert run(["export", "--check", "--out", str(tmp_path)]) == 1
    assert "events.md" in capsys.readouterr().err
    assert (tmp_path / "events.md").read_text() == "old\n"


def test_a_schema_that_would_lose_a_field_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export("--out", tmp_path)
    file = tmp_path / "schemas" / "care.closed.v1.json"
    promised = json.loads(file.read_text())
    promised["properties"]["promised"] = {"type": "string"}
    file.write_text(json.dumps(promised))
    assert run(["export", "--out", str(tmp_path)]) == 1
    assert "care.closed.v1: promised: taken away" in capsys.readouterr().err
    assert "promised" in json.loads(file.read_text())["properties"]


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run(["export", "page", "--out", str(tmp_path / "file" / "below")]) == 1
    assert "can't be written" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"]])
def test_a_wrong_use_is_exit_2(arguments: list[str]) -> None:
    assert export(*arguments).exit_code == 2
