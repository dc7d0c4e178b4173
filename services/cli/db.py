"""`stepdown db migrate`: databases, roles and schemas of the services; safe to run again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click


@click.group("db", short_help="create or alter the databases' schemas")
def command() -> None:
    """The services' databases."""


@command.command("migrate")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory with the owner roles' passwords.")
@click.option("--database-url", envvar="STEPDOWN_DATABASE_ADMIN_URL",
              help="Administrator's URL: also makes databases and roles, and writes their URLs into secrets/ of the "
              "data directory (better as STEPDOWN_DATABASE_ADMIN_URL, which no process list shows).")  # fmt: skip
@click.option("--service", type=click.Choice(["intake", "placement", "aftercare"]),
              help="Only this one's schema, by its owner role in STEPDOWN_DATABASE_OWNER_URL.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def migrate(data: Path | None, database_url: str | None, service: str | None, as_json: bool) -> None:
    """Bring the schemas up to date by each database's owner role.

    Three ways: the system that runs on --data; a server given as administrator; one service by its owner role.
    """
    done = asyncio.run(_migrate(data, database_url, service))
    click.echo(json.dumps({"migrated": done}) if as_json else f"up to date: {', '.join(done) or 'none has a schema'}")


async def _migrate(data: Path | None, database_url: str | None, service: str | None) -> list[str]:
    from services.stack import databases, folder, ready, schemas

    if service:
        return await schemas.migrate({service: _owner_url()})
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
