"""Which facilities have left: nothing more is taken from them (decision 0185). The same table in each service."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.errors import Rejected
from shared.storage.database import Connection
from shared.storage.statements import Read, rows
from shared.storage.tables import retired_facilities

READ = Read("SELECT facility FROM retired_facilities", ())
"""Reads all of them, one a row; to be read together with others."""
_COLUMNS = retired_facilities.c


class Retirement(NamedTuple):
    """A facility that left: since when, by whom it was said, under which law its records are kept, and until which day;
    None where that was not said."""

    facility: str
    at: datetime
    actor: str
    under: str | None = None
    until: date | None = None


async def retired(connection: Connection) -> frozenset[str]:
    """The names of the facilities that have left, as the site config has them."""
    return frozenset(row["facility"] for row in await rows(connection, READ.sql))


async def retirement(connection: Connection, facility: str) -> Retirement | None:
    """What is known of a facility that left; None for one that did not."""
    row = (await connection.execute(sa.select(retired_facilities).where(_COLUMNS.facility == facility))).one_or_none()
    return None if row is None else Retirement(*row)


async def retire(connection: Connection, told: Retirement) -> None:
    """Remember that a facility left. One that is known to have left stays so since when it was; a law or a day that is
    told anew takes the place of the one before."""
    new = insert(retired_facilities).values(told._asdict())
    again = {name: sa.func.coalesce(new.excluded[name], getattr(_COLUMNS, name)) for name in ("under", "until")}
    await connection.execute(new.on_conflict_do_update(index_elements=[_COLUMNS.facility], set_=again))


async def must_be_here(connection: Connection, facility: str) -> None:
    """Raise Rejected for a facility that has left."""
    if facility in await retired(connection):
        raise Rejected("facility-retired", "this facility has left: nothing more is taken from it")
