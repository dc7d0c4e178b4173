"""`stepdown completion`: prints the script by which a shell completes commands, options and their values."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_STEPDOWN_COMPLETE"


@click.command("completion", short_help="complete commands and options in a shell")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the script that completes stepdown's commands and options, for that shell to read at its start.

    Bash needs version 4.4 or newer.
    """
    from click.shell_completion import get_completion_class

    from tools.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - one of SHELLS
    click.echo(kind(cli, {}, "stepdown", VARIABLE).source())
