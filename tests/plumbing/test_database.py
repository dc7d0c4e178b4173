"""One transaction is all or nothing, and what goes wrong is told without a value."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import asyncpg
import pytest
import sqlalchemy as sa
from asyncpg.protocol import protocol

from shared.clock import system_clock
from shared.errors import Transient
from shared.facts.envelope import Record
from shared.messaging.outbox import send
from shared.storage import driver_quirks
from shared.storage.audit import Entry, note
from shared.storage.database import Database, DatabaseFault, copy_rows, driver_of
from shared.storage.statements import Read, SqlWrite, at_once, rows, together
from shared.storage.tables import audit, outbox, positions


async def test_what_fails_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.begin() as connection:
            await send(connection, [Record("t", b"k", b"v", [])])
            raise RuntimeError
    async with database.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(outbox))).scalar() == 0


async def test_statements_of_sqlalchemy_and_of_the_driver_are_in_one_transaction(database: Database) -> None:
    number = "SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)"
    with pytest.raises(RuntimeError):
        async with database.begin() as connection:
            first = await rows(connection, number)
            assert (await connection.execute(sa.text(number))).scalar() == first[0][0]
            await connection.execute(sa.text("INSERT INTO ledger VALUES ('sqlalchemy', 1, 'k')"))
            await rows(connection, "INSERT INTO ledger VALUES ('driver', 1, 'k')")
            raise RuntimeError
    async with database.read() as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM ledger"))).scalar() == 0


async def test_whatever_was_done_while_reading_is_rolled_back(database: Database) -> None:
    async with database.read() as connection:
        await rows(connection, "INSERT INTO ledger VALUES ('driver', 1, 'k')")
        await connection.execute(sa.text("INSERT INTO ledger VALUES ('sqlalchemy', 1, 'k')"))
        assert (await rows(connection, "SELECT count(*) FROM ledger"))[0][0] == 2
    async with database.read() as connection:
        assert (await rows(connection, "SELECT count(*) FROM ledger"))[0][0] == 0


async def test_a_connection_that_is_left_inside_a_transaction_is_nobodys_next(database: Database) -> None:
    async with database._connected() as connection:
        left = (await driver_of(connection).fetchrow("SELECT pg_backend_pid()"))[0]
        await driver_of(connection).execute("BEGIN")
    assert await _by_the_driver(database) != left
    async with database.read() as connection:
        gone = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND pid = $1"
        assert (await rows(connection, gone, left))[0][0] == 0


async def test_a_refused_statement_names_the_constraint_and_not_the_value(database: Database) -> None:
    row = ("c", "t", 0, 5)
    with pytest.raises(DatabaseFault) as refused:
        async with database.begin() as connection:
            await copy_rows(connection, positions, ("consumer", "topic", "partition", "next_offset"), [row, row])
    assert "23505" in str(refused.value)
    assert "positions" in str(refused.value)
    with pytest.raises(DatabaseFault) as unfit:
        async with database.begin() as connection:
            await connection.execute(sa.text("SELECT CAST(:x AS int)"), {"x": "SECRET-NAME"})
    assert "SECRET-NAME" not in str(unfit.value)


async def test_a_database_that_is_away_is_a_reason_to_wait() -> None:
    away = Database("postgresql+asyncpg://nobody:nothing@127.0.0.1:1/none")
    with pytest.raises(Transient):
        async with away.begin() as connection:
            await connection.execute(sa.text("SELECT 1"))
    await away.close()


async def _by_sqlalchemy(database: Database) -> int:
    async with database.begin() as connection:
        return int((await connection.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one())


async def _by_the_driver(database: Database) -> int:
    async with database.begin() as connection:
        return int((await rows(connection, "SELECT pg_backend_pid()"))[0][0])


async def _alone(database: Database) -> int:
    return int((await database.alone("SELECT pg_backend_pid()"))[0][0])


@pytest.mark.parametrize("ask", [_by_sqlalchemy, _by_the_driver, _alone])
async def test_connections_that_the_server_ended_are_a_reason_to_wait_and_the_next_one_works(
    database: Database, ask: Callable[[Database], Awaitable[int]]
) -> None:
    async with database.read() as one, database.read() as other:  # two stay in the pool
        ended = [(await each.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one() for each in (one, other)]
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    killer = await asyncpg.connect(url)
    for pid in ended:
        await killer.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    await killer.close()
    with pytest.raises(Transient):
        await ask(database)
    assert await ask(database) not in ended


async def test_a_connection_that_the_server_ends_in_the_middle_is_a_reason_to_wait(database: Database) -> None:
    with pytest.raises(Transient):
        async with database.begin() as connection:
            pid = (await rows(connection, "SELECT pg_backend_pid()"))[0][0]
            async with database.engine.connect() as other:
                await other.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
            await rows(connection, "SELECT 1")
    assert await _by_the_driver(database) != pid


async def test_a_process_that_is_paused_inside_a_statement_keeps_its_locks_for_a_minute_at_most(
    database: Database,
) -> None:
    """Between two messages of the protocol: for the server it does not idle."""
    row = {"consumer": "c", "topic": "t", "partition": 0, "next_offset": 5}
    async with database.begin() as connection:
        await connection.execute(positions.insert(), row)
        assert (await connection.execute(sa.text("SHOW transaction_timeout"))).scalar() == "1min"
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    paused = await asyncpg.connect(url, server_settings={"transaction_timeout": "300ms"})
    await paused.execute("BEGIN; UPDATE positions SET next_offset = 6")
    await paused.prepare("SELECT 1")  # the server waits for the next message
    async with asyncio.timeout(20), database.begin() as successor:
        await successor.execute(sa.update(positions).values(next_offset=7))
    paused.terminate()
    async with database.read() as connection:
        assert (await connection.execute(sa.select(positions.c.next_offset))).scalar() == 7


async def test_an_act_without_an_actor_is_not_written(database: Database) -> None:
    with pytest.raises(ValueError, match="actor"):
        async with database.begin() as connection:
            await note(connection, [Entry(system_clock(), "", "opened", "e")])
    async with database.begin() as connection:
        await note(connection, [Entry(system_clock(), "someone", "opened", "e", times=3)])
        assert (await connection.execute(sa.select(audit.c["count"]))).scalar() == 3


async def test_several_questions_asked_together_are_answered_each_by_itself(database: Database) -> None:
    async with database.begin() as connection:
        await at_once(connection, [SqlWrite("INSERT INTO ledger VALUES ($1, $2, $3)", (name, 1, "k")) for name in "ab"])
        names = Read("SELECT ce_id, k FROM ledger WHERE topic_partition = $1 AND k = $2 ORDER BY ce_id", (1, "k"))
        nothing = Read("SELECT ce_id FROM ledger WHERE ce_id = ANY($1::text[])", (["c"],))
        one = Read("SELECT ce_id, topic_partition FROM ledger WHERE ce_id = $1", ("b",))
        found = await together(connection, [names, nothing, one])
        assert [tuple(row) for row in await rows(connection, names.sql, *names.given)] == found[0]
    assert found == [[("a", "k"), ("b", "k")], [], [("b", 1)]]


async def test_arrays_are_what_was_given_though_the_driver_asks_of_fewer_values_what_they_are(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is asked here, asyncpg has mended it, and shared/storage/driver_quirks.py can go."""
    given = (
        ["a", None, ""],
        [b"", b"b"],
        [1, None],
        [[1, 2], [3, 4]],
        [["a"], ["b"]],
        [system_clock(), None],
        [True, None],
    )
    query = "SELECT $1::text[], $2::bytea[], $3::int[], $4::int[], $5::text[], $6::timestamptz[], $7::boolean[]"
    assert [tuple(row) for row in await database.alone(query, *given)] == [given]
    [[several]] = await database.alone("SELECT $1::text[]", {"a", "b"})
    assert sorted(several) == ["a", "b"]
    assert protocol.IterableABC is protocol.SizedABC is driver_quirks.ARRAYS
    for wrong in ("ab", b"ab", {"a": 1}, 5):
        with pytest.raises(DatabaseFault):
            await database.alone("SELECT $1::text[]", wrong)
    asked: list[object] = []

    class Asking(type):
        def __instancecheck__(cls, one: object) -> bool:
            asked.append(one)
            return isinstance(one, Iterable)

    for name in ("IterableABC", "SizedABC"):
        asked.clear()
        with monkeypatch.context() as patched:
            for each in ("IterableABC", "SizedABC"):
                patched.setattr(protocol, each, Asking("Asked", (), {}) if each == name else Iterable)
            await database.alone("SELECT $1::text[]", ["a", "b"])
        assert [one for one in asked if isinstance(one, str)] == ["a", "b"]


async def test_a_container_of_a_type_that_the_driver_does_not_know_is_refused(database: Database) -> None:
    with pytest.raises(DatabaseFault):
        await database.alone("SELECT $1::text[]", {"a": 1}.keys())
