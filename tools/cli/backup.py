"""`stepdown backup`: the three databases at one moment, the site config and a manifest, in a folder."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools.cli.options import DATA, JSON

if TYPE_CHECKING:
    from tools.backup import manifest


@click.command("backup", short_help="copy databases and site config into a folder")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Take none: compare the files of the backup in DIR with their checksums.")
@click.option("--without-keys", is_flag=True, help="Name no key: where this command may not know them.")
@DATA
@JSON
def command(folder: Path, check: bool, without_keys: bool, data: Path | None, as_json: bool) -> None:
    """Copy the three databases, all of one moment, and the site config into DIR, with a manifest: versions, checksums,
    positions, the ends of the topics, and by name the keys that seal. The keys themselves are NOT in it.

    The system is the one on --data, running or not, or that of STEPDOWN_<SERVICE>_DATABASE_URL. It goes on working
    meanwhile: its consumers wait for some milliseconds. pg_dump is the one on PATH, else the embedded PostgreSQL's.
    """
    from tools.backup import manifest as of
    from tools.backup.take import take
    from tools.cli.actor import actor
    from tools.cli.progress import bar

    if check:
        found = of.read(folder)
        with bar("reading", found.size >> 20) as moved:
            of.check(folder, found, moved)
    else:
        with bar("writing (MiB of tables)", None) as moved:
            found = asyncio.run(take(folder, data, actor(), moved, without_keys=without_keys))
    click.echo(json.dumps(told(folder, found)) if as_json else for_people(folder, found, checked=check))


def told(folder: Path, found: manifest.Manifest) -> dict[str, object]:
    """What a program is told of a backup."""
    return {
        "folder": str(folder), "taken_at": found.taken_at, "version": found.version, "bytes": found.size,
        "keys": {service: [key.id for key in names] for service, names in found.keys.items()},
    }  # fmt: skip


def for_people(folder: Path, found: manifest.Manifest, *, checked: bool) -> str:
    """The same in sentences."""
    ids = sorted({key.id for names in found.keys.values() for key in names})
    what = "is whole" if checked else "is taken"
    broker = "" if found.topics else "\nThe broker did not answer: where the topics ended is not in it."
    return (
        f"The backup in {folder} {what}: {len(found.files)} files, {found.size / 2**20:.1f} MiB, of {found.taken_at}.\n"
        f"It opens only with the keys {', '.join(ids) or 'of its time'}, which are not in it: keep them in your vault."
        f"{broker}"
    )
