"""What a program tells of its seats, kept under the program's lock: whoever claims a seat afterwards counts with it
(contract 5.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.placement.programs.census import SeatsOut
from services.placement.worklists import store
from shared.storage import audit
from shared.storage.database import Connection


async def tell_seats(
    connection: Connection, out: Sequence[SeatsOut], expected: Sequence[Mapping[str, Any]], noted: audit.Entry
) -> None:
    """Replace what the program told before. `expected`: JSON of the seats that are expected to come free; `noted`: the
    audit's entry, whose subject is the program."""
    await store.lock_programs(connection, [noted.subject])
    await store.tell_seats(connection, noted.subject, out, expected, at=noted.at, by=noted.actor)
    await audit.note(connection, [noted])
