"""The command line's frame: help is quick, errors are one sentence, exit codes are 0, 1, 2."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from shared.errors import SetUpError
from tests.house.test_docs import wrong_with
from tools.cli import main as command_line
from tools.cli.examples import EXAMPLES


def test_help_lists_every_command_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in command_line.cli.list_commands(click.Context(command_line.cli)):
        assert f"  {name} " in shown


def test_every_command_that_is_listed_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in command_line.cli.list_commands(click.Context(command_line.cli)):
        assert command_line.run([name, "--help"]) == 0
    assert "Usage: stepdown" in capsys.readouterr().out


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that lead to it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, (*path, name))


COMMANDS = {" ".join(path): command for path, command in leaves(command_line.cli)}
CONTRACT = """demo, up, run, topics apply, db migrate, hl7 check, send, events tail, episodes list, episodes show,
verify, dead-letters list, dead-letters show, dead-letters replay, dead-letters discard, positions show,
positions reset, export, doctor"""
"""Contract 1, but for `simulate` and `bench`."""


def test_every_command_of_the_contract_is_there() -> None:
    assert {" ".join(name.split()) for name in CONTRACT.split(",")} <= set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS)
def test_the_help_of_a_command_says_what_it_does_and_what_each_option_is_and_shows_an_example(path: str) -> None:
    command = COMMANDS[path]
    assert len(command.help or "") > 30
    assert [one.name for one in command.params if isinstance(one, click.Option) and not one.help] == []
    shown = CliRunner().invoke(command_line.cli, [*path.split(), "--help"]).output
    assert f"  stepdown {path}" in shown[shown.index("Examples:") :]


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path in COMMANDS])
def test_every_example_is_a_command_line_that_exists(path: str) -> None:
    for line in EXAMPLES[path]:
        typed = re.split(r"\s{2,}| > ", line)[0]
        assert typed.startswith(f"stepdown {path}")
        assert wrong_with(typed) is None, typed


def completed(*words: str) -> list[str]:
    """What bash is offered for the last word."""
    asked = {"_STEPDOWN_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    program = [sys.executable, "-m", "tools.cli.main"]
    told = subprocess.run(program, env=os.environ | asked, capture_output=True, text=True, check=True)
    return [line.partition(",")[2] for line in told.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("stepdown", "dead"), ["dead-letters"]),
        (("stepdown", "--ver"), ["--version"]),
        (("stepdown", "dead-letters", "re"), ["replay"]),
        (("stepdown", "run", "p"), ["placement"]),
        (("stepdown", "verify", "--set"), ["--settle"]),
    ],
)
def test_a_shell_completes_commands_options_and_values(words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(*words) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_asks_for_stepdown(shell: str) -> None:
    told = CliRunner().invoke(command_line.cli, ["completion", shell])
    assert told.exit_code == 0
    assert f"_STEPDOWN_COMPLETE={shell}_complete" in told.output


def test_help_imports_no_broker_database_or_model_library() -> None:
    heavy = "pydantic sqlalchemy aiokafka faststream asyncpg rich alembic asyncio yaml"
    program = (
        "import sys; from tools.cli import main; main.run(['--help']); "
        f"print([name for name in '{heavy}'.split() if name in sys.modules], file=sys.stderr)"
    )
    seen = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert seen.stderr.strip() == "[]"


def test_the_help_of_no_command_imports_a_broker_database_or_model_library() -> None:
    heavy = "pydantic sqlalchemy aiokafka faststream asyncpg rich alembic yaml starlette"
    names = command_line.cli.list_commands(click.Context(command_line.cli))
    program = (
        f"import sys; from tools.cli import main; [main.run([name, '--help']) for name in {names!r}]; "
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
    ("typed", "meant"),
    [("sned", "send"), ("verfy", "verify"), ("dead-leters", "dead-letters"), ("events tial", "tail")],
)
def test_a_misspelt_command_is_told_the_nearest_one(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.run(typed.split()) == 2
    assert f"Did you mean '{meant}'?" in capsys.readouterr().err


CORPUS = "hl7 check --json tests"


@pytest.mark.parametrize("typed", ["--help", "up --help", CORPUS], ids=["help", "a command's help", "many lines"])
def test_a_reader_that_has_enough_is_no_fault(typed: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    program = [sys.executable, "-m", "tools.cli.main", *typed.split()]
    done = subprocess.run(program, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


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


WRONG = {
    "send {file} --mllp 127.0.0.1:99999": "it is HOST:PORT, and a port is 1 to 65535",
    "send {file} --mllp 127.0.0.1:0": "it is HOST:PORT, and a port is 1 to 65535",
    "send {file} --mllp 127.0.0.1:²": "it is HOST:PORT, and a port is 1 to 65535",
    "send {file} --mllp 127.0.0.1": "it is HOST:PORT, and a port is 1 to 65535",
    "send {empty} --mllp 127.0.0.1:2575": "there is no message to send",
    "up --database-url nonsense --data {empty}": "it is postgresql://user:password@host:port/name",
    "up --database-url postgresql://a:hush@h:99999/d --data {empty}": "it is postgresql://user:password@host:port/name",
    "up --database-url mysql://a:hush@h/d --data {empty}": "it is postgresql://user:password@host:port/name",
    "db migrate --database-url nonsense --data {empty}": "it is postgresql://user:password@host:port/name",
}


@pytest.mark.parametrize("typed", WRONG)
def test_an_address_that_can_be_none_is_wrong_usage_in_one_sentence(
    typed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "one.hl7").write_bytes(b"MSH|^~\\&|A|B")
    places = {"file": tmp_path / "one.hl7", "empty": tmp_path / "empty"}
    assert command_line.run([part.format(**places) for part in typed.split()]) == 2
    said = capsys.readouterr().err
    assert WRONG[typed] in said
    assert "hush" not in said
    assert "Traceback" not in said
