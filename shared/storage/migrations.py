"""The one alembic environment of all services, without alembic.ini: each service has migrations/env.py + versions/.

A service's env.py is two lines: `from shared.storage.migrations import run` and `run()`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.errors import SetUpError

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = 7_305_129_411  # one schema change at a time in a database (advisory lock)


def folder(package: str) -> Path | None:
    """The migrations folder of a package (`services.intake`); None where it has none."""
    spec = find_spec(package)
    found = Path(spec.origin).parent / "migrations" if spec and spec.origin else None
    return found if found and (found / "env.py").exists() else None


async def upgrade(url: str, migrations: Path, revision: str = "head") -> None:
    """Bring the schema of the database at `url` (owner role) to `revision`; nothing happens when it is there already.

    All of an upgrade is applied, or nothing. Raises SetUpError when a revision fails or the database is newer than this
    program.
    """
    await _on_connection(url, lambda connection: _upgrade(connection, migrations, revision))


async def _on_connection(url: str, work: Callable[[Connection], None]) -> None:
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool, hide_parameters=True
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            await connection.run_sync(work)
    except (DBAPIError, OSError) as error:
        kind = type(getattr(error, "orig", error)).__name__
        raise SetUpError(f"the schema could not be changed ({kind}): nothing of it was kept") from error
    except CommandError as error:
        raise SetUpError(f"the schema does not fit this program: {error}") from None
    finally:
        await engine.dispose()


def revisions(migrations: Path) -> list[str]:
    """The revisions that a migrations folder has, the newest first."""
    return [one.revision for one in ScriptDirectory(str(migrations)).walk_revisions()]


def _upgrade(connection: Connection, migrations: Path, revision: str) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(migrations).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    command.upgrade(settings, revision)


def run() -> None:
    """What a service's env.py calls: run the migrations on the connection that `upgrade` opened."""
    connection = context.config.attributes.get("connection")
    if connection is None:
        raise SetUpError("migrations are run by `stepdown db migrate`, not by alembic's own command line")
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
