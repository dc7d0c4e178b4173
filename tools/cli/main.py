"""The `stepdown` console script: the table of commands, and errors as one sentence. It imports a command's module only
when that command is run, so that it starts fast."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from shared.errors import StepdownError, WrongUsage
from tools.cli import examples

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Entry(NamedTuple):
    """One command: the module in this package that has it as `command`, and what it does in a few words."""

    module: str
    about: str


COMMANDS: dict[str, Entry] = {
    "demo": Entry("demo", "simulated patients through the real doors, then verify"),
    "up": Entry("up", "start everything, embedded where nothing is given, until Ctrl-C"),
    "run": Entry("run", "run one service, configured by STEPDOWN_* variables"),
    "topics": Entry("topics", "create or alter the topics"),
    "db": Entry("db", "create or alter the databases' schemas"),
    "doctor": Entry("doctor", "check broker, database, topics, clock and config; say what to do"),
    "config": Entry("config", "check a site config; say what would change with it on a running system"),
    "hl7": Entry("hl7", "check HL7 files without any service"),
    "simulate": Entry("simulate", "synthetic patients' HL7 messages as files, and what must come of them"),
    "send": Entry("send", "send files to a running system, print each ACK"),
    "messages": Entry("messages", "what hospitals sent and what came of each; tried, and read again"),
    "iti31": Entry("iti31", "play ADT events, conflicts and orders of arrival at an MLLP door"),
    "feeds": Entry("feeds", "how the hospitals' feeds do: counts, what waits, what went wrong"),
    "events": Entry("events", "read a topic from the beginning"),
    "episodes": Entry("episodes", "the current state of episodes, their facts and periods"),
    "verify": Entry("verify", "check what is promised, across databases and topics"),
    "positions": Entry("positions", "where each consumer stands; reset after a topic was made anew"),
    "backup": Entry("backup", "copy databases and site config into a folder, at one moment"),
    "restore": Entry("restore", "make the databases of a backup anew"),
    "dead-letters": Entry("dead_letters", "records that could not be read or applied"),
    "heal": Entry("heal", "bring databases and topics in line again after either was lost or restored older"),
    "retention": Entry("retention", "delete what is older than the site keeps it; --dry-run says what would go"),
    "facility": Entry("facility", "a facility leaves: who its patients are is deleted, their care stays"),
    "bench": Entry("bench", "measure, beside its peers; from a checkout"),
    "export": Entry("export", "the published language: AsyncAPI, schemas, OpenAPI"),
    "completion": Entry("completion", "complete commands and options in bash, zsh or fish"),
}
SECTIONS: dict[str, tuple[str, ...]] = {
    "Try it": ("demo", "up", "simulate", "send", "hl7"),
    "Run it": ("run", "topics", "db", "config", "retention", "facility", "doctor"),
    "Look at it": ("episodes", "events", "messages", "feeds", "iti31", "verify"),
    "Mend it": ("heal", "dead-letters", "positions", "backup", "restore"),
}
"""Heading in `--help` → the commands below it; a command below none comes last."""


class LazyGroup(click.Group):
    """A click group that imports a command's module when the command is run; a listing of commands imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, entry in COMMANDS.items() if find_spec(f"tools.cli.{entry.module}")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = import_module(f"tools.cli.{COMMANDS[cmd_name].module}").command
        assert isinstance(command, click.Command), f"tools/cli/{COMMANDS[cmd_name].module}.py has no `command`"  # noqa: S101
        examples.shown_in(command, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as unknown:  # click looks for the nearest one among those that are imported
            raise click.NoSuchCommand(unknown.command_name, possibilities=self.list_commands(ctx), ctx=ctx) from None

    def make_context(self, *given: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*given, **more)
        except BrokenPipeError:  # click would make it a failure
            raise _enough() from None

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _enough() from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        left = self.list_commands(ctx)
        width = max(map(len, left))
        for title, names in {**SECTIONS, "Besides": tuple(left)}.items():
            rows = [(name.ljust(width), COMMANDS[name].about) for name in names if name in left]
            left = [name for name in left if name not in names]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        items = [CompletionItem(name, help=COMMANDS[name].about) for name in names]
        return items + click.Command.shell_complete(self, ctx, incomplete)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="stepdown", prog_name="stepdown")
def cli() -> None:
    """Care transitions in behavioral health: intake, placement, aftercare.

    `stepdown COMMAND --help` has each command's options and examples. Every command prints for people, and JSON with
    --json where it has something to tell; errors go to stderr.
    Exit code 0: it worked; 1: it did not; 2: wrong usage.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with 0, 1 or 2; a traceback is printed only where STEPDOWN_DEBUG is set."""
    gc.set_threshold(50_000, 20, 100)  # what is imported is no garbage: looking for some took a tenth of each start
    code = run(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _enough()
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (contract 1)."""
    _warn_of_variables(arguments if arguments is not None else sys.argv[1:])
    try:
        code = cli.main(args=arguments, prog_name="stepdown", standalone_mode=False)
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _say("stopped")
    except StepdownError as error:
        return _say(str(error), 2 if isinstance(error, WrongUsage) else 1)
    except Exception as error:  # noqa: BLE001  # the last line of defence
        return _unexpected(error)
    return code if isinstance(code, int) else 0


def _warn_of_variables(arguments: Sequence[str]) -> None:
    """Warn on stderr of each STEPDOWN_* variable that nothing reads. `run` and `doctor` do it themselves, in the log
    and among the findings."""
    if not any(name.startswith("STEPDOWN_") for name in os.environ) or {*arguments[:1]} & {"run", "doctor"}:
        return
    from shared.settings import unknown_variables

    for sentence in unknown_variables(os.environ):
        click.echo(f"stepdown: warning: {sentence}", err=True)


def _enough() -> click.exceptions.Exit:
    """Exit code 0 for output that nobody reads any more (`| head`). From now on stdout goes to the null device, so that
    nothing fails when it is flushed at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return click.exceptions.Exit(0)


def _say(sentence: str, code: int = 1) -> int:
    if os.environ.get("STEPDOWN_DEBUG") and sys.exc_info()[1] is not None:
        import traceback

        traceback.print_exc()
    click.echo(f"stepdown: {sentence}", err=True)
    return code


def _unexpected(error: Exception) -> int:
    """Report an unforeseen error by its type and place only: its text may contain patient data from a message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else "?"
    return _say(f"unexpected {type(error).__name__} at {place}; STEPDOWN_DEBUG=1 shows where it came from")


if __name__ == "__main__":
    main()
