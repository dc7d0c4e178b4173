"""The only place with BEGIN and COMMIT: transactions as contexts, COPY, and errors without the values in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.errors import StepdownError, Transient
from shared.storage.driver_quirks import know_arrays_at_once

Connection = AsyncConnection
"""What handlers are handed: they pass it on, and no SQL is theirs."""

# SQLSTATE classes that may pass by themselves: connection, resources, operator intervention, serialization and
# deadlock, lock not available; a transaction that idled or lasted too long (PostgreSQL manual, appendix A).
_PASSING = ("08", "53", "57", "40", "55", "25P03", "25P04")


# PostgreSQL 17 and newer have it. A process that is paused between two messages of the protocol does not idle by the
# server's rule: without this its transaction would keep its locks for ever, and its successor waiting.
_DRIVERS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_LONGEST = "SELECT set_config(name, '60s', false) FROM pg_settings WHERE name = 'transaction_timeout'"
_HOWEVER_LONG = sa.text("SELECT set_config(name, '0', true) FROM pg_settings WHERE name = 'transaction_timeout'")


_BEFORE_COMMIT = "before commit"
LastWork = TypeVar("LastWork", bound=Callable[[AsyncConnection], Awaitable[None]])
_FULL = "53100"  # disk_full
_ROOM = sa.text("SELECT count(*) FROM (SELECT n FROM generate_series(1, 300000) AS n ORDER BY n DESC OFFSET 1) AS s")
_SPILL = sa.text("SELECT set_config('work_mem', '64kB', true)")


_MORE = 4
"""Connections above the pool's size that a peak may open; they are closed after it."""


class DatabaseFault(StepdownError):
    """The database refused a statement, and would again; the text has the SQLSTATE and no value."""


class Database:
    """One service's database. Shape of `url`: postgresql://role:password@host:port/name."""

    def __init__(self, url: str, *, pool: int = 8, application: str = "stepdown") -> None:
        self.engine: AsyncEngine = create_async_engine(
            sa.make_url(url).set(drivername="postgresql+asyncpg"),
            pool_size=pool,
            max_overflow=_MORE,
            pool_pre_ping=False,
            hide_parameters=True,
            execution_options={"database": self},
            isolation_level="AUTOCOMMIT",  # SQLAlchemy's word for: BEGIN and COMMIT are not its business, but ours
            connect_args={
                "timeout": 10,
                "command_timeout": 120,
                "server_settings": {
                    "application_name": application,
                    "idle_in_transaction_session_timeout": "30000",
                    "jit": "off",
                    # a plan of its own for each set of values costs a quarter of a small batch, and is the same plan
                    "plan_cache_mode": "force_generic_plan",
                    # a plan kept from when a table was empty would read all of it for ever: until somebody analyzes it
                    "enable_seqscan": "off",
                    # to start workers costs more than any query for a page or a batch, and they take other work's CPU
                    "max_parallel_workers_per_gather": "0",
                },
            },
        )
        know_arrays_at_once()
        sa.event.listen(self.engine.sync_engine, "connect", _limited)
        self.pool_size = pool + _MORE
        self.waiting = 0
        """Pieces of work that wait for a connection."""
        self.after_commit: list[Callable[[], None]] = []
        self.full = False
        self.held: str | None = None  # shared/recovery/guard.py: why nothing may be stored
        self.on_loss: list[Callable[[], None]] = []  # called when a connection was lost
        self.outgoing: Any = None  # shared/messaging/outbox.py: where this process's records go

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: commits at the end, rolls back on any error.

        Raises Transient where trying again may help or the service is held, DatabaseFault where it will not; other
        errors pass through.
        """
        if self.held is not None:
            raise Transient(self.held)
        async with self._faults_told(), self._connected() as connection, _transaction(connection, "commit"):
            late: dict[Any, Callable[[AsyncConnection], Awaitable[None]]] = {}
            connection.info[_BEFORE_COMMIT] = late
            yield connection
            for work in late.values():
                await work(connection)
        for call in self.after_commit:
            call()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading; it is rolled back at the end."""
        async with self._faults_told(), self._connected() as connection, _transaction(connection, "rollback"):
            yield connection

    async def has_room(self) -> bool:
        """True when the database's disk has room again, tried with a sort that does not fit into memory."""
        try:
            async with self.read() as connection:
                await connection.execute(_SPILL)
                await connection.execute(_ROOM)
        except StepdownError:
            return False
        self.full = False
        return True

    async def alone(self, sql: str, *given: Any) -> Sequence[Any]:
        """The rows of one statement that is a transaction by itself, sent through the driver. Errors as for `begin`."""
        async with self._faults_told(), self._connected() as connection:
            found: Sequence[Any] = await driver_of(connection).fetch(sql, *given)
        return found

    async def rows(self, statement: sa.Executable) -> AsyncIterator[Any]:
        """Every row of a statement as of one instant, fetched 1,000 at a time."""
        async with self.read() as connection:
            await connection.execute(_HOWEVER_LONG)
            async for row in await connection.stream(statement, execution_options={"yield_per": 1000}):
                yield row

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """A connection of the pool; one that is still inside a transaction at the end is dropped."""
        async with AsyncExitStack() as held:
            self.waiting += 1
            try:
                connection = await held.enter_async_context(self.engine.connect())
            finally:
                self.waiting -= 1
            driver = driver_of(connection)
            try:
                yield connection
            finally:
                if driver.is_in_transaction():
                    await connection.invalidate()

    def in_use(self) -> int:
        """How many connections are at work."""
        pool: Any = self.engine.pool
        return int(pool.checkedout())

    @asynccontextmanager
    async def _faults_told(self) -> AsyncIterator[None]:
        try:
            yield
        except (SQLAlchemyError, *_DRIVERS, OSError, TimeoutError) as fault:
            self.full = self.full or _sqlstate(fault) == _FULL
            await self._forget_dead_connections(fault)
            raise translated(fault) from None

    async def _forget_dead_connections(self, fault: BaseException) -> None:
        """Drop all pooled connections when one is lost: what ended it has mostly ended them all."""
        state = _sqlstate(fault) or ""
        if _is_lost(fault) or state.startswith(("08", "57P")):
            for call in self.on_loss:
                call()
            await self.engine.dispose()

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _limited(connection: Any, _: Any) -> None:
    """Set up a new connection: its transactions end after a minute."""
    cursor = connection.cursor()
    cursor.execute(_LONGEST)
    cursor.close()
    connection.commit()


def translated(fault: BaseException) -> StepdownError:
    """A driver's error as Transient or DatabaseFault, with the SQLSTATE and never a value."""
    cause = getattr(fault, "orig", None) or fault
    state = _sqlstate(fault)
    if state is None:
        if _is_lost(fault) or isinstance(fault, TimeoutError | sa.exc.TimeoutError):
            return Transient("the database can't be reached")
        return DatabaseFault(f"the database driver failed ({type(cause).__name__})")
    if state.startswith(_PASSING):
        return Transient(f"the database can't do it now (SQLSTATE {state})")
    return DatabaseFault(f"the database refused a statement (SQLSTATE {state}{_place(cause)})")


def _sqlstate(fault: BaseException) -> str | None:
    cause = getattr(fault, "orig", None) or fault
    return getattr(cause, "sqlstate", None) or getattr(fault, "sqlstate", None)


def _is_lost(fault: BaseException) -> bool:
    """True when the connection is unusable. An InterfaceError alone does not say so: a value that the driver cannot
    write raises it too."""
    lost = isinstance(fault, OSError | InterfaceError | asyncpg.InterfaceError) and not isinstance(fault, ValueError)
    lost = lost or isinstance(fault, asyncpg.InternalClientError)  # asked just as the server cut it
    return lost or bool(getattr(fault, "connection_invalidated", False))


def _place(cause: BaseException) -> str:
    if isinstance(cause, DBAPIError):
        return ""
    names = [getattr(cause, name, None) for name in ("table_name", "constraint_name", "column_name")]
    said = ", ".join(name for name in names if name)
    return f", {said}" if said else ""


def database_of(connection: AsyncConnection) -> Database:
    """The Database that gave this connection. Raises RuntimeError where the connection is closed."""
    if connection.sync_connection is None:
        raise RuntimeError("the connection is not open")
    found: Database = connection.sync_connection.get_execution_options()["database"]
    return found


def before_commit(connection: AsyncConnection, kind: Callable[[], LastWork]) -> LastWork:
    """The work of this kind that is called as the last of the connection's transaction (`Database.begin`), unless that
    is rolled back; it is made when it is first asked for."""
    found: LastWork = connection.info[_BEFORE_COMMIT].setdefault(kind, kind())
    return found


def driver_of(connection: AsyncConnection) -> Any:
    """The driver's own connection (asyncpg), inside the same transaction. Raises RuntimeError where it is closed or
    lost."""
    if connection.sync_connection is None:
        raise RuntimeError("the connection is not open")
    driver = connection.sync_connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection is lost")
    return driver


@asynccontextmanager
async def _transaction(connection: AsyncConnection, at_the_end: Literal["commit", "rollback"]) -> AsyncIterator[None]:
    """A transaction begun by the driver, which SQLAlchemy's statements join; rolled back on any error."""
    driver = driver_of(connection)
    transaction = driver.transaction()
    await transaction.start()
    try:
        yield
    except BaseException:
        if not driver.is_closed():
            await transaction.rollback()
        raise
    await getattr(transaction, at_the_end)()


async def copy_rows(
    connection: AsyncConnection, table: sa.Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Append rows to a table with COPY, inside the connection's transaction."""
    records = list(rows)
    if not records:
        return
    await driver_of(connection).copy_records_to_table(table.name, records=records, columns=list(columns))
