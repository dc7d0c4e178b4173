"""The names (Kafka's transactional ids) that a service's relays write under, kept in its database; no Kafka here.

A name is written under by one producer and never again. Kafka fences by name, so a producer begins by fencing every
name before its own; which those are is known here, in rows of `relay_lease`: one for each name that is not fenced
yet, and the row `writer`, whose holder is the latest name. Why not one name for ever: decision 0133.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from shared.errors import Transient
from shared.storage.database import Database

_LATEST = sa.text(
    "INSERT INTO relay_lease (name, holder, until) VALUES ('writer', :name, now()) "
    "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until"
)
_ENROLL = sa.text(
    "INSERT INTO relay_lease (name, holder, until) VALUES (:name, 'writes', now()) ON CONFLICT (name) DO NOTHING"
)
_EARLIER = sa.text("SELECT name FROM relay_lease WHERE holder = 'writes' AND name <> :name ORDER BY until")
_FENCED = sa.text("DELETE FROM relay_lease WHERE holder = 'writes' AND name = ANY(:names)").bindparams(
    sa.bindparam("names", type_=sa.ARRAY(sa.Text))
)
_WHO_WRITES = sa.text("SELECT holder FROM relay_lease WHERE name = 'writer'")


class WriterNames:
    """Gives one relay the name for its next producer."""

    def __init__(self, database: Database, service: str) -> None:
        self.database, self.service = database, service
        self._unused: str | None = None

    async def enroll(self) -> tuple[str, list[str]]:
        """(a name nothing was ever written under, those to be fenced before anything is): now the latest writer.

        A name that no producer got to write under is given again, so that none pile up while the broker is away.
        """
        name = self._unused = self._unused or f"stepdown-{self.service}-{uuid.uuid4().hex}"
        async with self.database.begin() as connection:
            await connection.execute(_LATEST, {"name": name})  # first: its row lock sets the order of writers
            await connection.execute(_ENROLL, {"name": name})
            return name, list((await connection.execute(_EARLIER, {"name": name})).scalars())

    async def fenced(self, names: Sequence[str]) -> None:
        """Nobody can write under these any more."""
        async with self.database.begin() as connection:
            await connection.execute(_FENCED, {"names": list(names)})

    async def confirm(self, name: str) -> None:
        """After the producer's start, before it reads a row: Transient if another writer was enrolled meanwhile.

        One that is enrolled later than this finds our name and fences it; one that was earlier may have fenced it
        before our producer's start, which undid that.
        """
        async with self.database.read() as connection:
            latest = (await connection.execute(_WHO_WRITES)).scalar()
        if latest != name:
            raise Transient("another relay writes by now")
        self._unused = None
