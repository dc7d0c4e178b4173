"""Rows of lists as the API shows them; whether something is overdue is seen when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from services.aftercare import referrals, views
from services.aftercare.entries import Kind
from shared.db import Connection

Listed = Kind | Literal["follow-up"]
_OURS = frozenset({"sequence", "sort_at", "kind", "value"})


async def row(connection: Connection, kind: str, entry_id: str) -> dict[str, Any] | None:
    """A row with its episode's sequence; None where there is none."""
    if "\0" in entry_id:  # PostgreSQL has no text with it
        return None
    if kind == "follow-up":
        return await views.follow_up(connection, entry_id)
    return await views.entry(connection, kind, entry_id)


def shown(found: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A row without what is ours alone; a follow-up as it is stored."""
    plain = {name: value for name, value in found.items() if value is not None and name not in _OURS}
    if "kind" not in found:
        return plain
    late = {"overdue": True} if _overdue(found, now) else {}
    return {**plain, **found["value"], **late}


def _overdue(found: Mapping[str, Any], now: datetime) -> bool:
    """A plan's contact, or an open referral, whose time is over."""
    value = found["value"]
    if found["kind"] == "plan":
        return "contact_due" in value and found["sort_at"] < now
    if found["kind"] == "referral":
        return "due_by" in value and found["state"] not in referrals.ENDS and (now - found["sort_at"]).days >= 1
    return bool(found["kind"] == "appointment" and found["state"] == "scheduled" and found["sort_at"] < now)
