"""`stepdown doctor`: checks a system or its settings, and prints what is wrong and what to do."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import click

from tools.cli.options import DATA, JSON


@click.command("doctor", short_help="check everything; say what to do")
@DATA
@JSON
@click.pass_context
def command(context: click.Context, data: Path | None, as_json: bool) -> None:
    """Check settings, config, sign-in, broker, topics, databases and clocks; exit 1 when something is not right."""
    from tools.stack import doctor, ready

    findings = asyncio.run(doctor.examine(ready.data_directory(data)))
    right = all(finding.right for finding in findings)
    if as_json:
        click.echo(json.dumps({"right": right, "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            mark = click.style("ok ", fg="green") if finding.right else click.style("no ", fg="red")
            click.echo(f"{mark} {finding.what:<20} {finding.text}")
    context.exit(0 if right else 1)
