"""A system's data directory as it was at two times, put back in any mixture; and its servers without the services."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import sqlalchemy as sa

from shared.settings import Settings, load
from shared.site import config
from shared.storage.database import Database
from shared.storage.sealing import Seal
from tests.delivery.load import Patient, deliver_all, feed, patients
from tests.servers import running
from tests.system import System, a_system
from tools.heal.report import Healed
from tools.heal.whole import heal
from tools.stack import SERVICES, access
from tools.stack.broker import Broker
from tools.stack.folder import claim
from tools.stack.postgres import Postgres

PARTS = ("kafka", "postgres")


@dataclass
class TwoTimes:
    """`data`: the directory of a system; copies of its broker and database from an earlier time and from the end.

    `early`: the patients told before the earlier copy; `people`: all of them.
    """

    data: Path
    early: list[Patient] = field(default_factory=list)
    people: list[Patient] = field(default_factory=list)

    def put_back(self, **when: str) -> Path:
        """`kafka` and `postgres` as they were: `early`, `late`, or `empty`."""
        for part in PARTS:
            place = self.data / part
            shutil.rmtree(place, ignore_errors=True)
            if when[part] == "empty":
                place.mkdir(mode=0o700)
            else:
                shutil.copytree(self.data.with_name(when[part]) / part, place, copy_function=_with_owner)
                _own(self.data.with_name(when[part]) / part, place)
        (self.data / "kafka" / "noida.control.json").unlink(missing_ok=True)
        return self.data

    def keep(self, when: str) -> None:
        """Copy broker and database as they are now."""
        for part in PARTS:
            place = self.data.with_name(when) / part
            shutil.copytree(self.data / part, place, copy_function=_with_owner)
            _own(self.data / part, place)


def _with_owner(source: str, target: str) -> None:
    shutil.copy2(source, target)
    there = Path(source).stat()
    shutil.chown(target, there.st_uid, there.st_gid)


def _own(source: Path, target: Path) -> None:
    """Folders belong to whom they did: PostgreSQL's to its own account."""
    for folder in (source, *(each for each in source.rglob("*") if each.is_dir())):
        there, here = folder.stat(), target / folder.relative_to(source)
        shutil.chown(here, there.st_uid, there.st_gid)
        here.chmod(there.st_mode)


async def two_times(data: Path, number: int = 10, more: int = 10) -> TwoTimes:
    """A system that was told of so many patients, and then of so many more; it has ended."""
    found = TwoTimes(data, patients(number))
    found.people = [*found.early, *patients(more, number)]
    with a_system(data) as system:
        await told(system, found.early)
    found.keep("early")
    with a_system(data) as system:
        await told(system, found.people[number:])
    found.keep("late")
    return found


async def told(system: System, people: Sequence[Patient]) -> None:
    """These patients' messages, and all at rest."""
    assert set((await deliver_all(system, feed(people))).codes) == {b"AA"}
    await system.idle(300)


@dataclass(frozen=True)
class Servers:
    """The broker and the database of a data directory, without any service."""

    settings: Settings
    urls: Mapping[str, str]
    seals: Mapping[str, Seal]
    admin_url: str = field(repr=False)

    async def copy(self, suffix: str) -> None:
        """Copy each service's database as it is now, under its name with this suffix."""
        await self._administrate(
            *(f"CREATE DATABASE {name}_{suffix} TEMPLATE {name} OWNER {name}_owner" for name in SERVICES)
        )

    async def restore(self, suffix: str, *services: str) -> None:
        """Put these services' databases back to such a copy."""
        for name in services:
            await self._administrate(
                f"DROP DATABASE {name} WITH (FORCE)",
                f"ALTER DATABASE {name}_{suffix} RENAME TO {name}",
                f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
                f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {name}_app",
            )

    async def _administrate(self, *statements: str) -> None:
        admin = await asyncpg.connect(self.admin_url)
        for statement in statements:
            await admin.execute(statement)
        await admin.close()

    async def heal(self, *, dry_run: bool = False, step: Callable[[int], None] = lambda _: None) -> Healed:
        """`stepdown heal`; `step` is called after each page."""
        site = config.load(self.settings.config)
        return await heal(self.urls, self.settings, site, self.seals, dry_run=dry_run, tick=step)

    async def rows(self) -> dict[str, str]:
        """Every table of every database with a digest of what is in it."""
        found = {}
        for service, url in self.urls.items():
            database = Database(url, pool=1)
            async with database.read() as connection:
                names = (await connection.execute(sa.text(_TABLES))).scalars().all()
                for name in names:
                    digest = sa.text(
                        f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {name} AS t"
                    )
                    found[f"{service}.{name}"] = str((await connection.execute(digest)).scalar_one())
            await database.close()
        return found


_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"


@contextmanager
def servers(data: Path, kafka: str | None = None) -> Iterator[Servers]:
    """Start them on the ports that they had; with `kafka` (bootstrap servers) the database alone."""
    folder = claim(data)
    try:
        ports = folder.ports({"broker": 0, "database": 0}, print)
        broker, database = Broker(folder, ports["broker"]), Postgres(folder, ports["database"])
        with (
            nullcontext() if kafka else running(broker.command(), broker.is_ready),
            running(database.command(), database.is_ready),
        ):
            settings = load(kafka=kafka or broker.bootstrap, data=data)
            seals = {name: access.seal_of(name, data) for name in SERVICES}
            yield Servers(settings, access.databases(data), seals, database.admin_url)
    finally:
        folder.release()
