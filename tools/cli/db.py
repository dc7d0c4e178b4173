"""`stepdown db migrate`: makes the services' databases and roles, and brings their schemas up to date; safe to run
again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from tools.cli.options import JSON
from tools.cli.places import DatabaseUrl


@click.group("db", short_help="create or alter the databases' schemas")
def command() -> None:
    """The services' databases."""


@command.command("migrate")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory with the owner roles' passwords.")
@click.option("--database-url", type=DatabaseUrl(), metavar="URL", envvar="STEPDOWN_DATABASE_ADMIN_URL",
              help="Administrator's URL: also makes databases and roles, and writes their URLs into secrets/ of the "
              "data directory (better as STEPDOWN_DATABASE_ADMIN_URL, which no process list shows).")  # fmt: skip
@click.option("--service", type=click.Choice(["intake", "placement", "aftercare"]),
              help="Only this one's schema, by its owner role in STEPDOWN_DATABASE_OWNER_URL.")  # fmt: skip
@JSON
def migrate(data: Path | None, database_url: str | None, service: str | None, as_json: bool) -> None:
    """Bring the schemas up to date by each database's owner role; safe to run again.

    \b
    Which databases:
      --service NAME       one, by its owner role in STEPDOWN_DATABASE_OWNER_URL
      STEPDOWN_<SERVICE>_DATABASE_OWNER_URL set for all three
                           those; with an administrator's URL the databases and roles are made first,
                           with the passwords of STEPDOWN_<SERVICE>_DATABASE_URL and …_OWNER_URL
      --database-url URL   a server; databases and roles are made, their URLs written below --data
      otherwise            those of the system that runs on --data

    Each URL may be the text of a file: STEPDOWN_…_URL_FILE.
    """
    done = asyncio.run(_migrate(data, database_url, service))
    click.echo(json.dumps({"migrated": done}) if as_json else f"up to date: {', '.join(done) or 'none has a schema'}")


async def _migrate(data: Path | None, database_url: str | None, service: str | None) -> list[str]:
    from shared.settings import variable
    from tools.stack import access, databases, folder, ready, schemas

    if service:
        return await schemas.migrate({service: _owner_url()})
    database_url = database_url or variable("database_admin_url")
    if data is None and (owners := access.owners()):
        if database_url:
            roles = [*owners.values(), *access.databases(None).values()]
            await databases.make_with(database_url, databases.passwords_in(roles))
        return await schemas.migrate(owners)
    place = ready.data_directory(data)
    if not database_url:
        ready.find(data)  # says how to start a system when none is running
    else:
        claimed = folder.claim(place)
        try:
            await databases.make(database_url, claimed)
        finally:
            claimed.release()
    return await schemas.migrate(databases.owner_urls(place))


def _owner_url() -> str:
    from shared.errors import SetUpError
    from shared.settings import load

    url = load().database_owner_url
    if url is None:
        raise SetUpError("--service needs its owner role: set STEPDOWN_DATABASE_OWNER_URL (or …_FILE)")
    return url.get_secret_value()
