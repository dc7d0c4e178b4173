"""One moment of the three databases, which may stand on different servers.

What a service told another travels by Kafka, and is taken in by a batch whose transaction moves a position. So for the
few milliseconds in which the three snapshots are taken, the table `positions` of each database is locked against
writers: whatever a database has of another service was committed there before, and is in that one's snapshot too. MLLP,
requests and pages go on meanwhile, since they move no position.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from shared.errors import Transient
from tools.backup.manifest import ConsumerPosition
from tools.stack.databases import connect

LOCK_SECONDS = 10
"""How long consumers may be held up while the lock waits for batches under way; then the moment is given up."""
_UNLIMITED = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = ANY($1::text[])"
_LIMITS = ["idle_in_transaction_session_timeout", "transaction_timeout", "statement_timeout"]
_TABLES = (
    "SELECT c.relname, pg_table_size(c.oid) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
    "WHERE n.nspname = 'public' AND c.relkind = 'r' ORDER BY c.relname"
)
_POSITIONS = (
    "SELECT consumer, topic, partition, next_offset, last_id FROM positions ORDER BY consumer, topic, partition"
)


@dataclass(frozen=True)
class Snapshot:
    """A database at the moment: an open transaction that sees it so, and the id by which pg_dump sees the same."""

    connection: asyncpg.Connection
    id: str

    @property
    def postgres(self) -> int:
        """The server's major version."""
        return int(self.connection.get_server_version().major)

    async def at(self) -> datetime:
        """When the snapshot's transaction began, by the server's clock."""
        found: datetime = await self.connection.fetchval("SELECT now()")
        return found

    async def revision(self) -> str:
        """The revision of the schema."""
        return str(await self.connection.fetchval("SELECT version_num FROM alembic_version"))

    async def tables(self) -> dict[str, int]:
        """Table → its bytes."""
        return {row[0]: row[1] for row in await self.connection.fetch(_TABLES)}

    async def positions(self) -> tuple[ConsumerPosition, ...]:
        """Where this database's consumers stood."""
        return tuple(ConsumerPosition(*row) for row in await self.connection.fetch(_POSITIONS))

    async def unsent_records(self) -> int:
        """The number of records that the relay had yet to send."""
        return int(await self.connection.fetchval("SELECT coalesce(sum(records), 0) FROM outbox"))


@asynccontextmanager
async def one_moment(urls: Mapping[str, str]) -> AsyncIterator[dict[str, Snapshot]]:
    """Service → snapshot, all of one moment, for as long as the body of `async with` runs. `urls`: service → URL of a
    role that may write `positions`.

    Raises SetUpError where a database can't be reached, Transient where batches did not end within LOCK_SECONDS.
    """
    async with AsyncExitStack() as kept:
        readers = {service: await _connected(kept, url, service) for service, url in urls.items()}
        async with AsyncExitStack() as held:
            holders = [await _connected(held, url, service) for service, url in urls.items()]
            await _all_held(held, holders)
            taken = await asyncio.gather(*(_snapshot(kept, reader) for reader in readers.values()))
        yield dict(zip(readers, taken, strict=True))


async def _connected(kept: AsyncExitStack, url: str, service: str) -> asyncpg.Connection:
    found = await connect(url, f"the database of {service}")
    kept.push_async_callback(found.close)
    await found.fetch(_UNLIMITED, _LIMITS)
    return found


async def _all_held(held: AsyncExitStack, holders: list[asyncpg.Connection]) -> None:
    """Lock `positions` in every database until `held` is left."""
    for holder in holders:
        await held.enter_async_context(holder.transaction(readonly=False))
        await holder.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    locking = (holder.execute("LOCK TABLE positions IN SHARE MODE") for holder in holders)
    done = await asyncio.gather(*locking, return_exceptions=True)
    for failed in (one for one in done if isinstance(one, BaseException)):
        if isinstance(failed, asyncpg.LockNotAvailableError):
            raise Transient(f"batches did not end within {LOCK_SECONDS} s: nothing was taken, try again")
        raise failed


async def _snapshot(kept: AsyncExitStack, reader: asyncpg.Connection) -> Snapshot:
    await kept.enter_async_context(reader.transaction(isolation="repeatable_read", readonly=True))
    return Snapshot(reader, await reader.fetchval("SELECT pg_export_snapshot()"))
