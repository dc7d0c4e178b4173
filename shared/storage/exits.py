"""The one function through which leaves what does not go to a recipient's topic (contract 5.7): it writes the ledger.

What goes to a recipient by `out.<recipient>` has the gate's ledger, a row for each fact (decision 0122). An export is
one act on many entries, a packet is what a program reads of an offer: a row says who, of which list, how many, when, on
what basis, and no value (decision 0196). Of a packet to another entity the gate has a row besides (decision 0251).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import InvalidMessage
from shared.storage import audit
from shared.storage.desk_tables import exits

Way = Literal["export", "packet", "packet-out"]
WHO_MAY: Final[dict[Way, tuple[str, ...]]] = {
    "export": ("coordinator", "auditor"),
    "packet": ("coordinator", "program", "clinician"),
    "packet-out": ("coordinator", "program", "clinician"),
}
"""By which way who may take something out, besides admin."""
_BASIS: Final[dict[Way, tuple[str, tuple[str, ...]]]] = {
    "packet-out": ("", ("treatment",)),
    "export": ("within-entity", ("treatment", "operations")),
    "packet": ("within-entity", ("treatment",)),
}
"""Way → its basis, and the purposes that it holds for: use within the entity for treatment, payment and operations
needs no consent (45 CFR 164.506(c)(1), 42 CFR 2.12(c)(3)). What goes to another entity has no basis of its own: the
gate decides, and it is told with the exit."""


class Exit(NamedTuple):
    """What leaves: who takes it out, of which list, how many entries at most, of which facilities (`*`: all)."""

    actor: str
    roles: frozenset[str]
    what: str
    entries: int
    facilities: Collection[str]
    way: Way = "export"
    purpose: str = "operations"
    basis: str = ""
    """The kind of basis that the gate decided on; empty: that of the way."""


async def leave(connection: AsyncConnection, asked: Exit, at: datetime) -> None:
    """Write the ledger's row and the audit's, in the caller's transaction; it commits before the first byte leaves.
    Raises InvalidMessage where this way has no basis for the purpose or the actor."""
    own, purposes = _BASIS[asked.way]
    basis = asked.basis or own
    if not basis or asked.purpose not in purposes or not asked.roles & {*WHO_MAY[asked.way], "admin"}:
        raise InvalidMessage(f"there is no basis for this {asked.way}")
    row = {
        "at": at, "actor": asked.actor, "way": asked.way, "what": asked.what, "entries": asked.entries,
        "facilities": sorted(asked.facilities), "basis": basis, "purpose": asked.purpose,
    }  # fmt: skip
    await connection.execute(sa.insert(exits).values(row))
    action = "exported" if asked.way == "export" else f"{asked.way}-taken"
    told = audit.Entry(at, asked.actor, action, asked.what, asked.purpose, max(1, asked.entries))
    await audit.note(connection, [told])
