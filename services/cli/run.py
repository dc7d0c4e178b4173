"""`stepdown run <service>`: one service in this process; what it needs comes from the environment."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import click

from services.stack import SERVICES
from shared.errors import SetUpError


@click.command("run", short_help="one service, configured by environment")
@click.argument("service", type=click.Choice(SERVICES))
def command(service: str) -> None:
    """Run one service until SIGTERM, configured by STEPDOWN_* variables (for containers; `up` does it too)."""
    if find_spec(f"services.{service}.app") is None:
        raise SetUpError(f"the service {service} has no app.py in this installation")
    from shared.settings import load

    settings = load()
    from services.stack.children import end_with_parent

    end_with_parent(settings.parent_pipe)
    import_module(f"services.{service}.app").main(settings)
