"""Statements made from the declared table: each column is said there, and a row type names columns that there are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from shared.storage.audit import Entry, noting
from shared.storage.database import Database, DatabaseFault
from shared.storage.row_writes import delete, insert, insert_missing, update, upsert
from shared.storage.statements import array, at_once, at_the_end, meanwhile, rows, written

TABLE = sa.Table(
    "beds",
    sa.MetaData(),
    sa.Column("ward", sa.Text, primary_key=True),
    sa.Column("bed", sa.Integer, primary_key=True),
    sa.Column("labels", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("content", JSONB, nullable=False, server_default="{}"),
    sa.Column("since", sa.DateTime(timezone=True)),
    sa.Column("turn", sa.BigInteger, sa.Identity(always=True)),
)
ROW = ("ward", "bed", "labels", "content")


@pytest.fixture
async def beds(database: Database) -> AsyncIterator[Database]:
    async with database.begin() as connection:
        await connection.run_sync(TABLE.create)
    yield database
    async with database.begin() as connection:
        await connection.run_sync(TABLE.drop)


async def write(database: Database, by: Any, *given: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """What is in the table after it."""
    async with database.begin() as connection:
        await at_once(connection, written(by, given))
        found = await rows(connection, "SELECT ward, bed, labels, content::text FROM beds ORDER BY turn")
    return [tuple(row) for row in found]


async def test_rows_are_inserted_in_their_order_with_arrays_and_json(beds: Database) -> None:
    given = [("W", 2, array(["a,b", "c"]), '{"x": 1}'), ("W", 1, array([]), "{}")]
    assert await write(beds, insert(TABLE, ROW, in_order=True), *given) == [
        ("W", 2, ["a,b", "c"], '{"x": 1}'), ("W", 1, [], "{}"),
    ]  # fmt: skip


async def test_a_row_that_is_there_stays_or_becomes_what_is_given_but_for_what_is_said_once(beds: Database) -> None:
    await write(beds, insert(TABLE, ROW), ("W", 1, array(["old"]), '{"n": 1}'))
    again = ("W", 1, array(["new"]), '{"m": 2}')
    assert await write(beds, insert_missing(TABLE, ROW), again) == [("W", 1, ["old"], '{"n": 1}')]
    once = upsert(TABLE, ROW, once=("labels",), changes={"content": "t.content || excluded.content"})
    assert await write(beds, once, again) == [("W", 1, ["old"], '{"m": 2, "n": 1}')]


async def test_rows_are_changed_by_their_key_or_by_other_columns_and_only_where_said(beds: Database) -> None:
    await write(beds, insert(TABLE, ROW), ("W", 1, array(["a"]), "{}"), ("W", 2, array(["b"]), "{}"))
    assert (await write(beds, update(TABLE, ("ward", "bed", "labels")), ("W", 2, array(["c"]))))[1][2] == ["c"]
    emptied = update(TABLE, ("ward", "content"), by=("ward",), changes={"since": "now()"}, only="t.bed = 1")
    assert [row[3] for row in await write(beds, emptied, ("W", '{"x": 1}'))].count('{"x": 1}') == 1
    assert len(await write(beds, delete(TABLE, ("ward", "bed")), ("W", 2), ("X", 1))) == 1


def test_no_rows_are_no_write() -> None:
    assert written(insert(TABLE, ROW), []) == []


def test_a_row_type_that_does_not_fit_its_table_is_refused_where_it_is_declared() -> None:
    with pytest.raises(KeyError, match="colour"):
        insert(TABLE, (*ROW, "colour"))
    with pytest.raises(TypeError, match="rows of beds need labels"):
        insert(TABLE, ("ward", "bed"))


async def test_writes_at_the_end_are_there_with_the_commit_in_their_order_and_gone_with_a_rollback(
    beds: Database,
) -> None:
    await write(beds, insert(TABLE, ROW), ("W", 1, array([]), "{}"))
    gone = written(delete(TABLE, ("ward", "bed")), [("W", 1)])

    async def leave(*actions: str) -> None:
        async with beds.begin() as connection:
            await at_the_end(connection, gone)
            for action in actions:
                await at_the_end(connection, noting([Entry(datetime.now(UTC), "me", action, "W")]))
            assert len(await rows(connection, "SELECT FROM beds")) == 1
            if not actions:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await leave()
    await leave("cleaned", "left")
    assert await write(beds, insert(TABLE, ROW)) == []
    assert [each["action"] for each in await beds.alone("SELECT action FROM audit ORDER BY id")] == ["cleaned", "left"]


async def test_parts_are_written_one_after_the_other_while_the_next_ones_are_made(beds: Database) -> None:
    one = insert(TABLE, ROW, in_order=True)
    async with beds.begin() as connection:
        async with meanwhile(connection) as begin_to_write:
            for bed in range(5):
                await begin_to_write(written(one, [("W", bed, array([]), "{}")]))
        found = await rows(connection, "SELECT bed FROM beds ORDER BY turn")
    assert [row[0] for row in found] == [0, 1, 2, 3, 4]


async def test_a_part_that_can_t_be_written_rolls_all_of_them_back(beds: Database) -> None:
    one, row = insert(TABLE, ROW), ("W", 1, array([]), "{}")
    with pytest.raises(DatabaseFault, match="23505"):
        async with beds.begin() as connection, meanwhile(connection) as begin_to_write:
            await begin_to_write(written(one, [row]))
            await begin_to_write(written(one, [row]))
    async with beds.read() as connection:
        assert await rows(connection, "SELECT FROM beds") == []


async def test_what_fails_between_two_parts_rolls_back_what_is_being_written(beds: Database) -> None:
    row = ("W", 1, array([]), "{}")
    with pytest.raises(ZeroDivisionError):
        async with beds.begin() as connection, meanwhile(connection) as begin_to_write:
            await begin_to_write(written(insert(TABLE, ROW), [row]))
            raise ZeroDivisionError
    assert await write(beds, insert(TABLE, ROW), row) == [("W", 1, [], "{}")]
