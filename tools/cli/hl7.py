"""`stepdown hl7 check`: how intake would acknowledge the messages in files; needs no running service."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from tools.cli.options import JSON_LINES

if TYPE_CHECKING:
    from services.intake.receiving.dry_run import Line


@click.group("hl7")
def hl7() -> None:
    """HL7 v2 messages, without any service."""


@hl7.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@click.option("--config", type=click.Path(exists=True, path_type=Path), envvar="STEPDOWN_CONFIG",
              help="A site config: what its doors would answer, and what of each message it has not.")  # fmt: skip
@JSON_LINES
def check(paths: tuple[Path, ...], config: Path | None, as_json: bool) -> None:
    """Say what each message in PATH would be answered (AA, AE, AR) and why; a folder is walked.

    Without --config (or STEPDOWN_CONFIG) every facility, unit and code is fine.
    """
    lines = _lines(paths, config)
    if as_json:
        for line in lines:
            click.echo(orjson.dumps(line.as_json()))
    else:
        _summary(list(lines))


command = hl7


def _lines(paths: tuple[Path, ...], config: Path | None) -> Iterator[Line]:
    from services.intake.receiving.dry_run import AnyFeed, of_site
    from services.intake.receiving.dry_run import check as check_file
    from shared.site.config import load

    site = load(config) if config else None
    rules, now = of_site(site) if site else AnyFeed(), datetime.now(UTC)
    for path in _files(paths):
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise click.ClickException(f"{path}: {error.strerror or 'it is unreadable'}") from None
        yield from check_file(os.fsencode(path).decode("utf-8", "replace"), raw, rules, now, site)


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.is_file())
        else:
            yield path


def _summary(lines: Iterable[Line]) -> None:
    from rich.console import Console
    from rich.table import Table

    answers: Counter[tuple[str, str]] = Counter((line.trigger or "-", line.ack) for line in lines)
    reasons: Counter[str] = Counter(line.error.text for line in lines if line.error)
    doubts: Counter[str] = Counter(text for line in lines for text in line.warnings)
    table = Table("trigger", "AA", "AE", "AR", title=f"{sum(answers.values())} messages")
    for trigger in sorted({trigger for trigger, _ in answers}):
        table.add_row(trigger, *(str(answers[trigger, ack] or "") for ack in ("AA", "AE", "AR")))
    table.add_section()
    table.add_row("all", *(str(sum(n for (_, got), n in answers.items() if got == ack)) for ack in ("AA", "AE", "AR")))
    console = Console()
    console.print(table)
    for text, count in (*reasons.most_common(), *doubts.most_common()):
        console.print(f"{count:6} {text}", markup=False, highlight=False)
