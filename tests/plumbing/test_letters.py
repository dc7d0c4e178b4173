"""Dead letters as they age: sealed, looked into by who has the key, and let go of when their time is over."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from shared.errors import Rejected
from shared.messaging import dead_letter_desk, positions
from shared.messaging.dead_letter_content import Content, opened, sealed
from shared.messaging.stored_headers import packed
from shared.storage.database import Database
from shared.storage.sealing import CannotOpen, Seal
from shared.storage.tables import dead_letters

AT = datetime(2026, 3, 1, tzinfo=UTC)
SEAL = Seal({"k1": bytes(32)})
INSIDE = Content(b"GOODHEALTH|900001", b"MSH|^~\\&|\xff\x00", [("ce_id", b"\xfe"), ("empty", b"")])

OFFSETS = count()


async def put(database: Database, letter: str, days: int, state: str = "dead", **more: Any) -> None:
    """A letter that died so many days ago."""
    row = {
        "id": letter,
        "consumer": "intake.hospital.adt",
        "topic": "hospital.adt",
        "partition": 0,
        "error": "no",
        "attempts": 1,
        "state": state,
        "sealed": sealed(SEAL, letter, INSIDE),
        "size": 9,
        "kafka_offset": next(OFFSETS),
    }
    async with database.begin() as connection:
        await connection.execute(sa.insert(dead_letters).values(row | more))
        await connection.execute(
            sa.text("UPDATE dead_letters SET died_at = now() - make_interval(days => :days) WHERE id = :id"),
            {"days": days, "id": letter},
        )


async def rows(database: Database) -> dict[str, Any]:
    async with database.read() as connection:
        return {row.id: row for row in (await connection.execute(sa.select(dead_letters))).all()}


@pytest.mark.parametrize(
    "content", [INSIDE, Content(None, None, []), Content(b"", b"", [("a", b"")])], ids=["bytes", "nothing", "empty"]
)
def test_what_is_sealed_opens_as_it_was_and_in_its_own_place_only(content: Content) -> None:
    blob = sealed(SEAL, "l1", content)
    assert opened(SEAL, "l1", blob) == content
    assert b"900001" not in blob
    assert "900001" not in repr(content)
    with pytest.raises(CannotOpen):
        opened(SEAL, "l2", blob)


async def test_content_goes_when_its_time_is_over_and_the_place_stays(database: Database) -> None:
    for name, days, state in (
        ("young", 29, "dead"), ("old", 31, "dead"), ("asked", 31, "replay"), ("done", 31, "replayed"),
        ("away", 400, "discarded"),
    ):  # fmt: skip
        await put(database, name, days, state)
    await put(database, "unsent", 31, consumer="intake.outbox")
    async with database.begin() as connection:
        assert await dead_letter_desk.expire(connection, 30) == (4, 2)
        assert await dead_letter_desk.expire(connection, 30) == (0, 0)
    found = await rows(database)
    assert {name: row.state for name, row in found.items()} == {
        "young": "dead", "old": "expired", "asked": "expired", "done": "replayed", "away": "discarded",
        "unsent": "dead",
    }  # fmt: skip
    assert {name for name, row in found.items() if row.sealed is not None} == {"young", "unsent"}
    assert {(row.topic, row.error, row.size) for row in found.values()} == {("hospital.adt", "no", 9)}


async def test_what_is_gone_is_neither_shown_nor_replayed_and_hinders_nothing(database: Database) -> None:
    await put(database, "old", 31)
    async with database.begin() as connection:
        await dead_letter_desk.expire(connection, 30)
        assert await dead_letter_desk.ask(connection, ["old"], "replay", at=AT, actor="cli:me", reason=None) == []
        with pytest.raises(Rejected, match="not kept any more"):
            await dead_letter_desk.content(connection, "old", SEAL, at=AT, actor="cli:me", reason=None)
        await positions.reset(connection, "intake.hospital.adt")
    assert await rows(database) == {}


async def test_letters_of_the_first_version_are_sealed_by_the_service(database: Database) -> None:
    clear: dict[str, Any] = {
        "sealed": None,
        "key": INSIDE.key,
        "value": INSIDE.value,
        "headers": packed(INSIDE.headers),
    }
    await put(database, "l1", 1, **clear)
    await put(database, "l2", 1, state="discarded", **clear)
    await put(database, "l3", 3)
    async with database.begin() as connection:
        assert await dead_letter_desk.content(connection, "l1", SEAL, at=AT, actor="cli:me", reason=None) == INSIDE
        assert await dead_letter_desk.seal_clear(connection, SEAL, most=1) == 1
        assert await dead_letter_desk.seal_clear(connection, SEAL) == 1
        assert await dead_letter_desk.seal_clear(connection, SEAL) == 0
        assert await dead_letter_desk.content(connection, "l1", SEAL, at=AT, actor="cli:me", reason=None) == INSIDE
    for row in (await rows(database)).values():
        assert (row.key, row.value, row.headers) == (None, None, None)
        assert dead_letter_desk.content_of(row, SEAL) == INSIDE
