"""Which episodes were ever merged into which, in a service's own tables: whoever works on one locks the other, too
(contract 3.6 rule 11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from shared.storage.database import Connection
from shared.storage.statements import rows

PAIRS = "SELECT retired, surviving FROM merges WHERE retired = ANY($1::text[]) OR surviving = ANY($1::text[])"
"""What `pairs_of` reads, also of merges that were taken back."""
_PAIR = "INSERT INTO merges SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING"


def table(metadata: sa.MetaData) -> sa.Table:
    """The table, among a service's others."""
    return sa.Table(
        "merges",
        metadata,
        sa.Column("retired", sa.Text, primary_key=True),
        sa.Column("surviving", sa.Text, primary_key=True),
        sa.Index("merges_surviving", "surviving"),
        comment="episodes of which one was ever merged into the other: both are locked together",
    )


async def pair(connection: Connection, pairs: Iterable[tuple[str, str]]) -> None:
    """Store that these episodes, (retired, surviving), are locked together from now on."""
    told = sorted(pairs)
    if told:
        await rows(connection, _PAIR, [one for one, _ in told], [other for _, other in told])


async def pairs_of(connection: Connection, ids: Sequence[str]) -> list[tuple[str, str]]:
    """(retired, surviving) of every merge that was ever seen of one of these episodes."""
    return [(row[0], row[1]) for row in await rows(connection, PAIRS, list(ids))]
