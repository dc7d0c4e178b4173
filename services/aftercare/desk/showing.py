"""Rows of lists in the form that the API answers; whether one is overdue is computed when it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from services.aftercare.engine import views
from services.aftercare.referrals import referrals
from services.aftercare.worklists.entries import Kind
from shared.scope import Scope
from shared.storage.database import Connection

Listed = Kind | Literal["follow-up"]
_OURS = frozenset({"sequence", "sort_at", "kind", "value"})


async def row(connection: Connection, kind: str, entry_id: str) -> dict[str, Any] | None:
    """One entry, or one window for the kind `follow-up`, with its episode's sequence; None where there is none."""
    if "\0" in entry_id:  # PostgreSQL has no text with it
        return None
    if kind == "follow-up":
        return await views.follow_up(connection, entry_id)
    return await views.entry(connection, kind, entry_id)


async def seen_by(connection: Connection, scope: Scope, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows without what they reveal of care at facilities that the reader may not see: which visit kept a window,
    what excluded it, whose contact it was.

    Only episodes with stays out of the reader's scope are narrowed; contacts and decisions of facilities in scope stay.
    """
    shared = await views.shared(connection, [row["episode_id"] for row in rows], scope)
    proofs = [ce_id for row in rows if row["episode_id"] in shared for ce_id in _proofs(row)]
    own = await views.told_within(connection, proofs, scope) if proofs else frozenset()
    return [dict(row) if row["episode_id"] not in shared else _without_others(row, own) for row in rows]


def _proofs(row: Mapping[str, Any]) -> list[str]:
    """ce_ids of the facts that kept a window or a plan's calls."""
    if "value" not in row:
        return [row["by_fact"]] if row["by_fact"] else []
    return [each["kept_by"] for each in row["value"].get("contacts", ()) if "kept_by" in each]


def _without_others(row: Mapping[str, Any], own: frozenset[str]) -> dict[str, Any]:
    if "value" not in row:
        gone = {"by_fact", "kept_at"} if row["by_fact"] and row["by_fact"] not in own else set()
        gone |= {"reason"} if row["state"] == "excluded" else set()
        return {name: value for name, value in row.items() if name not in gone}
    if "contacts" not in row["value"]:
        return dict(row)
    contacts = [
        {name: each for name, each in contact.items() if name != "kept_by" or each in own}
        for contact in row["value"]["contacts"]
    ]
    return {**row, "value": {**row["value"], "contacts": contacts}}


def shown(found: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A row as the API answers it: without internal columns, and with `overdue` where it is late."""
    plain = {name: value for name, value in found.items() if value is not None and name not in _OURS}
    if "kind" not in found:
        return plain
    late = {"overdue": True} if _overdue(found, now) else {}
    return {**plain, **found["value"], **late}


def _overdue(found: Mapping[str, Any], now: datetime) -> bool:
    """True for a plan's call, an open referral or an appointment whose time is over."""
    value = found["value"]
    if found["kind"] == "plan":
        return "contact_due" in value and found["sort_at"] < now
    if found["kind"] == "referral":
        return "due_by" in value and found["state"] not in referrals.ENDS and (now - found["sort_at"]).days >= 1
    return bool(found["kind"] == "appointment" and found["state"] == "scheduled" and found["sort_at"] < now)
