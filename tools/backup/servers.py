"""The databases that are backed up or restored: of a running system, of the environment, or embedded ones that are
started for as long as it takes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import SetUpError
from shared.settings import variable
from tools.stack import SERVICES, access, databases, ready
from tools.stack.folder import Folder, claim, is_claimed, ports
from tools.stack.postgres import Postgres
from tools.stack.supervise import Child, Supervision

_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND (application_name LIKE 'stepdown%' OR usename = current_database() || '_app')"
)


@dataclass(frozen=True)
class Target:
    """Where a backup is restored: databases that are made on the server of `admin_url`; without it, those of the owner
    roles in the environment where `data` is None and they are set; else those of the data directory's embedded
    PostgreSQL, which is made where there is none and runs meanwhile."""

    data: Path | None
    admin_url: str | None = field(default=None, repr=False)


def are_elsewhere(data: Path | None) -> bool:
    """True where no data directory is named and the environment names the databases."""
    return data is None and variable("intake_database_url") is not None


@asynccontextmanager
async def to_read(data: Path | None) -> AsyncIterator[dict[str, str]]:
    """Service → URL of its application role. The embedded PostgreSQL of a data directory without a running `up` is
    started, and stopped afterwards. Raises SetUpError where no database is known, or one can't be started."""
    place = ready.data_directory(data)
    embedded = (place / "postgres" / "PG_VERSION").exists() and not is_claimed(place)
    if not embedded or are_elsewhere(data):
        yield access.databases(data)
        return
    async with _claimed(place) as folder, _server(folder) as admin_url:
        await databases.make(admin_url, folder)
        yield {service: (place / "secrets" / f"{service}.url").read_text("utf-8") for service in SERVICES}


@asynccontextmanager
async def to_write(target: Target) -> AsyncIterator[dict[str, str]]:
    """Service → URL of its owner role. Raises SetUpError where a system runs on the data directory, or a service is
    connected to its database."""
    if target.data is None and target.admin_url is None and (owners := access.owners()):
        await _unused(owners)
        yield owners
        return
    async with _claimed(ready.data_directory(target.data)) as folder:
        if target.admin_url is None:
            async with _server(folder) as own:
                yield await _made(own, folder)
        else:
            yield await _made(target.admin_url, folder)


async def _made(admin_url: str, folder: Folder) -> dict[str, str]:
    await databases.make(admin_url, folder)
    owners = databases.owner_urls(folder.path)
    await _unused(owners)
    return owners


async def _unused(owners: Mapping[str, str]) -> None:
    """Raise SetUpError where somebody of ours is connected to one of these databases."""
    for service, url in owners.items():
        inside = await databases.connect(url, f"the database of {service}")
        try:
            others = await inside.fetchval(_OTHERS)
        finally:
            await inside.close()
        if others:
            raise SetUpError(f"{service} runs: {others} connections to its database; stop all services first")


@asynccontextmanager
async def _claimed(place: Path) -> AsyncIterator[Folder]:
    folder = claim(place)
    try:
        yield folder
    finally:
        folder.release()


@asynccontextmanager
async def _server(folder: Folder) -> AsyncIterator[str]:
    """The embedded PostgreSQL of a data directory, running: its administrator's URL."""
    supervision = Supervision(lambda _: None)
    server = Postgres(folder, ports({"database": 0})["database"])
    try:
        await supervision.start(Child(server.command(), server.is_ready, server.prepare))
        yield server.admin_url
    finally:
        await supervision.stop_all()
