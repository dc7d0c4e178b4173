"""Whose a visit is that a message (A45) moves without saying from whom, but for the visit's account (contract 6).

Nothing of it is looked up for any other message. Where the message comes before the visit is known, its statement waits
(`unsettled`), and is settled when the message is taken in again.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.intake.people.merging import RecordStatement, decode
from services.intake.receiving.merges import store
from services.intake.receiving.merges.statements import Sides
from shared.storage.database import Connection
from shared.storage.statements import rows

_HOLDERS = (
    "SELECT v.patient_id, array_agg(DISTINCT convert_from(m.said, 'UTF8')::jsonb ->> 'account') AS accounts "
    "FROM visits AS v JOIN messages AS m USING (visit_id) WHERE v.facility = $1 AND v.visit_key = $2 "
    "AND m.said IS NOT NULL GROUP BY 1 ORDER BY min(v.said_at) NULLS LAST, 1"
)
_UNSETTLED = "SELECT told FROM record_statements WHERE other_id = '' ORDER BY statement_id"


async def holder_by_account(connection: Connection, moves: Sides, patient: str) -> str:
    """The other patient who has a visit of this number in this account; else the patient in PID-3, if it is that one's
    already; "" where neither is known."""
    facility, key, account = moves.message.facility, moves.visit or "", moves.told.other_account or ""
    return await _holder(connection, (facility, key, account), patient)


async def unsettled(connection: Connection) -> list[str]:
    """The ids of messages that moved a visit which was not known when they came, and now is another patient's."""
    waiting = [decode(row["told"]) for row in await rows(connection, _UNSETTLED)]
    return [one.said_by for one in waiting if await _may_be_settled(connection, one)]


async def _may_be_settled(connection: Connection, one: RecordStatement) -> bool:
    return bool(await _holder(connection, (one.facility, one.visit or "", one.account or ""), one.patient))


async def _holder(connection: Connection, at: tuple[str, str, str], patient: str) -> str:
    """`at`: facility, key of the visit, account."""
    facility, key, account = at
    found = [
        str(holder)
        for holder, accounts in await rows(connection, _HOLDERS, facility, key)
        if account == key or account in accounts or account in await _moved_to(connection, holder)
    ]
    return next((holder for holder in found if holder != patient), patient if found else "")


async def _moved_to(connection: Connection, patient: str) -> Sequence[str | None]:
    """The accounts to which visits were moved by what was said of a patient."""
    together = await store.kin_of(connection, [patient])
    return [one.to_account for one in await store.statements_of(connection, together)]
