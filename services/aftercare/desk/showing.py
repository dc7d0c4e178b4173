"""Rows of lists in the form that the API answers; whether one is overdue is computed when it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeVar, cast

import msgspec

from services.aftercare.desk.answers import EntryShown, FollowUpShown
from services.aftercare.engine import views
from services.aftercare.engine.apply import Rules
from services.aftercare.referrals import referrals
from services.aftercare.worklists.entries import Kind, PlanEntry, ReferralEntry
from services.aftercare.worklists.listed import ListedEntry, ListedRow, ListedWindow
from shared.scope import Scope
from shared.storage.database import Connection
from shared.storage.entry_marks import MarkedEntry
from shared.values import replace
from shared.web import marks
from shared.web.marking import SeenEntry

ListedKind = Kind | Literal["follow-up"]
_Row = TypeVar("_Row", bound=ListedRow)


async def row(connection: Connection, kind: str, entry_id: str) -> ListedRow | None:
    """One entry, or one window for the kind `follow-up`; None where there is none."""
    if "\0" in entry_id:  # PostgreSQL has no text with it
        return None
    if kind == "follow-up":
        return await views.follow_up(connection, entry_id)
    return await views.entry(connection, kind, entry_id)


async def seen_by(connection: Connection, scope: Scope, rows: Sequence[_Row]) -> list[_Row]:
    """The rows without what they reveal of care at facilities that the reader may not see: which visit kept a window,
    what excluded it, whose contact it was.

    Only episodes with stays out of the reader's scope are narrowed; contacts and decisions of facilities in scope stay.
    """
    shared = await views.shared(connection, [row.episode_id for row in rows], scope)
    proofs = [ce_id for row in rows if row.episode_id in shared for ce_id in _proofs(row)]
    own = await views.told_within(connection, proofs, scope) if proofs else frozenset()
    return [cast("_Row", _without_others(row, own)) if row.episode_id in shared else row for row in rows]


def _proofs(row: ListedRow) -> list[str]:
    """ce_ids of the facts that kept a window or a plan's calls."""
    if isinstance(row, ListedWindow):
        return [row.by_fact] if row.by_fact else []
    calls = row.value.contacts if isinstance(row.value, PlanEntry) else ()
    return [call.kept_by for call in calls if call.kept_by is not None]


def _without_others(row: ListedRow, own: frozenset[str]) -> ListedRow:
    if isinstance(row, ListedWindow):
        shown = replace(row, reason=None) if row.state == "excluded" else row
        return replace(shown, by_fact=None, kept_at=None) if row.by_fact and row.by_fact not in own else shown
    if not isinstance(row.value, PlanEntry):
        return row
    contacts = tuple(
        call if call.kept_by is None or call.kept_by in own else msgspec.structs.replace(call, kept_by=None)
        for call in row.value.contacts
    )
    return replace(row, value=msgspec.structs.replace(row.value, contacts=contacts))


def seen_entry(row: ListedRow, rules: Rules) -> SeenEntry:
    """A row as an entry that people take (shared/web/marking.py)."""
    kind = views.WINDOW if isinstance(row, ListedWindow) else row.kind
    zone = rules.site.zone(row.facility)
    return SeenEntry(MarkedEntry(kind, row.id, row.state), row.episode_id, row.patient_id, ((row.facility,),), zone)


def shown(found: ListedRow, now: datetime) -> Mapping[str, object]:
    """A row as the API answers it: without fields that are None, with `overdue` where it is late, and who has
    it."""
    if isinstance(found, ListedWindow):
        return {**_window(found), **marks.shown(found.mark, now)}
    heading: EntryShown = {
        "id": found.id,
        "episode_id": found.episode_id,
        "patient_id": found.patient_id,
        "facility": found.facility,
        "state": found.state,
    }
    late = {"overdue": True} if _overdue(found, now) else {}
    return {**heading, **msgspec.to_builtins(found.value), **late, **marks.shown(found.mark, now)}


def _window(found: ListedWindow) -> FollowUpShown:
    told: FollowUpShown = {
        "follow_up_id": found.follow_up_id,
        "episode_id": found.episode_id,
        "patient_id": found.patient_id,
        "facility": found.facility,
        "measure": found.measure,
        "discharge": found.discharge,
        "due_from": found.due_from,
        "due_to": found.due_to,
        "state": found.state,
    }
    if found.kept_at is not None:
        told["kept_at"] = found.kept_at
    if found.by_fact is not None:
        told["by_fact"] = found.by_fact
    if found.reason is not None:
        told["reason"] = found.reason
    return told


def _overdue(found: ListedEntry, now: datetime) -> bool:
    """True for a plan's call, an open referral or an appointment whose time is over."""
    match found.value:
        case PlanEntry(contact_due=due):
            return due is not None and found.sort_at < now
        case ReferralEntry(due_by=by):
            return by is not None and found.state not in referrals.ENDS and (now - found.sort_at).days >= 1
    return found.kind == "appointment" and found.state == "scheduled" and found.sort_at < now
