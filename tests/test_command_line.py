"""The command line's frame: help is quick, errors are one sentence, exit codes are 0, 1, 2."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from services.cli import main as command_line
from shared.errors import SetUpError


def test_help_lists_every_command_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in command_line.cli.list_commands(click.Context(command_line.cli)):
        assert f"  {name} " in shown


def test_every_command_that_is_listed_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in command_line.cli.list_commands(click.Context(command_line.cli)):
        assert command_line.run([name, "--help"]) == 0
    assert "Usage: stepdown" in capsys.readouterr().out


def test_help_imports_no_broker_database_or_model_library() -> None:
    heavy = "pydantic sqlalchemy aiokafka faststream asyncpg rich alembic asyncio"
    program = (
        "import sys; from services.cli import main; main.run(['--help']); "
        f"print([name for name in '{heavy}'.split() if name in sys.modules], file=sys.stderr)"
    )
    seen = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert seen.stderr.strip() == "[]"


@pytest.mark.parametrize("arguments", [["no-such-command"], ["run"], ["run", "no-such-service"], ["--no-such-option"]])
def test_wrong_usage_exits_2_and_writes_to_stderr_only(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.run(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Usage" in said.err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SetUpError("the port is taken: give another"), "stepdown: the port is taken: give another\n"),
        (ValueError("MRN 12345"), "stepdown: unexpected ValueError at test_command_line.py:"),
    ],
)
def test_an_error_is_one_sentence_and_exit_1(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command("breaks")
    def breaks() -> None:
        raise error

    monkeypatch.setattr(command_line, "cli", breaks)
    monkeypatch.delenv("STEPDOWN_DEBUG", raising=False)
    assert command_line.run([]) == 1
    written = capsys.readouterr()
    assert written.err.startswith(said)
    assert "Traceback" not in written.err
    assert "12345" not in written.err
    assert written.out == ""
