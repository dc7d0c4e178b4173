"""`stepdown restore`: the databases of a backup made anew."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from tools.cli.options import DATA, JSON
from tools.cli.places import DatabaseUrl

NEXT = ("start the system", "`stepdown heal`", "`stepdown verify`")
"""What is to be done afterwards, in order."""


@click.command("restore", short_help="make the databases of a backup anew")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Drop what the three databases have, and put the backup in its place.")
@click.option("--without-keys", is_flag=True, help="Also where the keys that the backup names are not here.")
@click.option("--dry-run", is_flag=True, help="Only see whether it could be restored; nothing is changed.")
@click.option(
    "--database-url",
    type=DatabaseUrl(),
    metavar="URL",
    envvar="STEPDOWN_DATABASE_URL",
    help="Administrator's URL of the PostgreSQL that `up` is given (better as STEPDOWN_DATABASE_URL).",
)
@DATA
@JSON
def command(
    folder: Path, *, replace: bool, without_keys: bool, dry_run: bool, database_url: str | None, data: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Make the three databases as the backup in DIR has them. No service may be running.

    Before anything is changed, its checksums, versions and keys are compared with what is here, and databases that have
    rows are refused. The databases are those of --data (its own PostgreSQL is started meanwhile), or of
    STEPDOWN_<SERVICE>_DATABASE_OWNER_URL. Topics and site config stay as they are.
    """
    from shared.settings import load
    from shared.site import config
    from tools.backup import manifest
    from tools.backup.restore import fit, other_site, restore, tables_size
    from tools.backup.servers import Target
    from tools.cli.actor import actor
    from tools.cli.progress import bar

    with bar("comparing checksums", manifest.read(folder).size >> 20) as moved:
        found = fit(folder, data, moved, any_keys=without_keys)
    if not dry_run:
        with bar("writing (MiB of tables)", tables_size(found)) as moved:
            asyncio.run(restore(folder, found, Target(data, database_url), actor(), moved, replace=replace))
    if differs := other_site(found, config.load(load().config).version):
        click.echo(f"stepdown: {differs}", err=True)
    if as_json:
        click.echo(json.dumps({"restored": not dry_run, "taken_at": found.taken_at, "next": NEXT}))
    elif dry_run:
        click.echo(f"The backup of {found.taken_at} is whole and fits; nothing was changed.")
    else:
        click.echo(
            f"Restored as of {found.taken_at}. What came later is not in these databases, but may be on Kafka.\n"
            f"Next: {', then '.join(NEXT)}."
        )
