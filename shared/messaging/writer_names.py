"""The transactional ids that a service's relays write under, stored in its database; no Kafka here.

A name is used by one producer and never again. Kafka fences by name, so a producer begins by fencing every earlier
name. These are known from the rows of `relay_lease`: one for each name not fenced yet, and the row `writer`, whose
holder is the latest name. Decision 0133 says why one name for ever does not do.
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


class AnotherWriter(Transient):
    """Another writer was enrolled meanwhile: this one writes nothing, and may try again."""

    def __init__(self) -> None:
        super().__init__("another relay writes by now")


class WriterNames:
    """Gives one relay the name for its next producer."""

    def __init__(self, database: Database, service: str) -> None:
        self.database, self.service = database, service
        self._unused: str | None = None

    async def enroll(self) -> tuple[str, list[str]]:
        """(a name that nothing was ever written under, the names to be fenced before writing); it is now the latest
        writer.

        A name that no producer got to write under is given again, so that none pile up while the broker is unavailable.
        """
        name = self._unused = self._unused or f"stepdown-{self.service}-{uuid.uuid4().hex}"
        async with self.database.begin() as connection:
            await connection.execute(_LATEST, {"name": name})  # first: its row lock sets the order of writers
            await connection.execute(_ENROLL, {"name": name})
            return name, list((await connection.execute(_EARLIER, {"name": name})).scalars())

    async def fenced(self, names: Sequence[str]) -> None:
        """Forget these names: nobody can write under them any more."""
        async with self.database.begin() as connection:
            await connection.execute(_FENCED, {"names": list(names)})

    async def confirm(self, name: str) -> None:
        """Call it after the producer's start, before reading a row. Raises AnotherWriter if another writer was enrolled
        meanwhile.

        A writer enrolled later finds this name and fences it; one enrolled earlier may have fenced it before the
        producer's start, which undid that.
        """
        async with self.database.read() as connection:
            latest = (await connection.execute(_WHO_WRITES)).scalar()
        if latest != name:
            raise AnotherWriter
        self._unused = None
