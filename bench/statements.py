"""What is sent to a database meanwhile: for measurements and tests that no row costs a query of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from shared.storage.database import Database


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements that are sent to the database."""
    sent: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    engine = database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
