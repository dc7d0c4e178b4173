"""Restores a backup: into databases without rows, or in place of what they have."""

from __future__ import annotations

from pathlib import Path

from shared.errors import SetUpError
from shared.storage import migrations
from tools.backup import keys, manifest, programs
from tools.backup.audited import noted
from tools.backup.manifest import Manifest, Progress
from tools.backup.servers import Target, to_write
from tools.backup.take import by_table
from tools.stack import schemas
from tools.stack.databases import connect

_TABLES = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
_NO_REVISION = "DROP TABLE IF EXISTS alembic_version"
_FUNCTIONS = (
    "SELECT p.oid::regprocedure::text FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace "
    "AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')"
)
"""What the triggers call; what belongs to an extension stays."""


def fit(folder: Path, data: Path | None, moved: Progress, *, any_keys: bool = False) -> Manifest:
    """The manifest of a backup that this program can restore here: its files are whole, its schemas are known, and the
    keys are those that it names, or `any_keys`. `moved` gets MiB read. Raises SetUpError else."""
    found = manifest.read(folder)
    _known(found)
    if not any_keys:
        keys.compare(found.keys, data)
    manifest.check(folder, found, moved)
    return found


async def restore(folder: Path, found: Manifest, to: Target, actor: str, moved: Progress, *, replace: bool) -> None:
    """Make the databases of `found` anew, and bring their schemas up to this program's. `moved` gets MiB of tables.

    Raises SetUpError, before anything is changed, where a system runs or a database has rows and `replace` is False;
    and where a database can't be made: each is made as a whole or not at all.
    """
    async with to_write(to) as owners:
        servers_of = {service: await _server(url, service, replace=replace) for service, url in owners.items()}
        for service, url in owners.items():
            copy = found.databases[service]
            await _empty(url, service)
            await programs.load(url, servers_of[service], folder / copy.path, by_table(copy.tables, moved))
        await schemas.migrate(owners)
        await noted(owners, actor, "backup-restored")


def _known(found: Manifest) -> None:
    for service, copy in found.databases.items():
        place = migrations.folder(f"services.{service}")
        if place is None or copy.revision not in migrations.revisions(place):
            raise SetUpError(
                f"the backup is of Stepdown {found.version}, whose schema of {service} this one does not know: "
                "restore it with that version or a newer one"
            )


async def _server(url: str, service: str, *, replace: bool) -> int:
    """The major version of the database's server. Raises SetUpError where it has rows that may not be replaced."""
    inside = await connect(url, f"the database of {service}")
    try:
        for (table,) in await inside.fetch(_TABLES):
            if not replace and await inside.fetchval(f"SELECT EXISTS (SELECT FROM public.{table})"):  # noqa: S608
                raise SetUpError(
                    f"the database of {service} is not empty, and nothing was changed: restore into empty databases, "
                    "or say --replace, and all that these three have is gone"
                )
        return int(inside.get_server_version().major)
    finally:
        await inside.close()


async def _empty(url: str, service: str) -> None:
    """Drop the tables and functions of a database; rights by default, which tables made later get, stay."""
    inside = await connect(url, f"the database of {service}")
    try:
        async with inside.transaction():
            for (table,) in await inside.fetch(_TABLES):
                await inside.execute(f"DROP TABLE public.{table} CASCADE")
            for (function,) in await inside.fetch(_FUNCTIONS):
                await inside.execute(f"DROP FUNCTION {function} CASCADE")
            await inside.execute(_NO_REVISION)
    finally:
        await inside.close()


def tables_size(found: Manifest) -> int:
    """MiB of all tables, which is what `restore` counts to."""
    return sum(size >> 20 for copy in found.databases.values() for size in copy.tables.values())


def other_site(found: Manifest, version: str) -> str | None:
    """A sentence where the site config in force has another version than the backup's."""
    if found.site.version == version:
        return None
    return f"the site config here is version {version}, the backup's is {found.site.version} and lies in its config/"
