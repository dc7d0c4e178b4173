"""A packet at the gate: the basis that holds for it now, and the row of the ledger once another entity reads it."""

from __future__ import annotations

from datetime import datetime

from services.placement.gate import store
from services.placement.gate.bases import Basis, NoBasisReason
from services.placement.gate.packets import PacketRequest, PacketRow, decide
from services.placement.gate.recipients import GateRules
from shared.clock import Clock
from shared.storage.database import Connection


async def basis_of(
    connection: Connection, episode_id: str, asked: PacketRequest, rules: GateRules, clock: Clock
) -> tuple[Basis | NoBasisReason, datetime]:
    """What the packet may rest on, by the consents that the gate has heard of, and when that was looked at. The gate
    hears of no end of one until the caller's transaction is over: what it shows left before."""
    told, at = await store.consents_of(connection, episode_id), clock()
    return decide(asked, told, rules, at), at


async def noted(connection: Connection, row: PacketRow) -> None:
    """Write the ledger's row, in the caller's transaction; it commits before the first byte leaves."""
    await store.keep_packet(connection, row)
