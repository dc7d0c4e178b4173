"""Where a consumer stands: it goes on in the batch's own transaction, once, and its counts add up."""

from __future__ import annotations

import pytest

from shared.errors import StalePosition
from shared.messaging import positions
from shared.messaging.positions import Move, Position, Slot, Tally
from shared.storage.database import Database
from shared.storage.statements import Read, rows

ME = "aftercare.care.episodes"
ONE, OTHER = Slot("care.episodes", 0), Slot("care.episodes", 1)


async def begun(database: Database) -> None:
    async with database.begin() as connection:
        for slot in (ONE, OTHER):
            await positions.begin_at(connection, ME, slot, 0)


async def go_on(database: Database, *moves: Move, tally: Tally | None = None) -> None:
    async with database.begin() as connection:
        await positions.advance(connection, ME, moves)
        await positions.count(connection, ME, tally or Tally())


async def test_a_batch_moves_every_partition_it_has_records_of(database: Database) -> None:
    await begun(database)
    tally = Tally()
    tally.add(ONE, "applied", 2)
    tally.add(ONE, "dead")
    tally.add(OTHER, "repeated", 2)
    await go_on(database, Move(ONE, 0, Position(3, 2, "c"), 3), Move(OTHER, 0, Position(5, 4, "e"), 2), tally=tally)
    async with database.read() as connection:
        assert await positions.load(connection, ME, [ONE, OTHER]) == {
            ONE: Position(3, 2, "c"),
            OTHER: Position(5, 4, "e"),
        }
        rows = await positions.all_positions(connection)
    assert {row.partition: row.received for row in rows} == {0: 3, 1: 2}
    assert all(row.adds_up for row in rows)


async def test_who_remembers_an_older_position_than_the_stored_one_changes_nothing(database: Database) -> None:
    await begun(database)
    await go_on(database, Move(ONE, 0, Position(3, 2, "c"), 3))
    with pytest.raises(StalePosition):
        await go_on(database, Move(ONE, 0, Position(2, 1, "b"), 2), Move(OTHER, 0, Position(1, 0, "a"), 1))
    async with database.read() as connection:
        stored = await positions.load(connection, ME, [ONE, OTHER])
    assert stored == {ONE: Position(3, 2, "c"), OTHER: Position(0)}


async def test_rows_are_read_and_locked_only_by_whom_the_positions_let_go_on(database: Database) -> None:
    await begun(database)
    row = Read("SELECT topic FROM positions WHERE partition = $1 FOR UPDATE", (1,))
    tally, late = (Tally(advance=positions.Advance(ME, [Move(ONE, 0, Position(3, 2, "c"), 3)])) for _ in range(2))
    async with database.begin() as connection:
        assert await positions.then(connection, tally, [row]) == [[("care.episodes",)]]
    assert (tally.advance, tally.some_wait) == (None, False)
    async with database.begin() as connection, database.begin() as other:
        with pytest.raises(StalePosition):
            await positions.then(connection, late, [row])
        assert await rows(other, f"{row.sql} NOWAIT", *row.given)
