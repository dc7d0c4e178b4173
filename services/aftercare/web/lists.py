"""The lists of the follow-up desk: what each shows, in what order, and how many of it are late. Reads through views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.aftercare import referrals, views
from services.aftercare.domain import State
from services.aftercare.views import AfterEntry, Wanted
from services.aftercare.web.follow_ups import window_behind
from shared.api import paging
from shared.db import Connection

Facilities = frozenset[str] | None
SOON = timedelta(days=2)
"""A window whose last day is no further away counts as urgent."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One list: its name in addresses, what people read, and the entries or windows that it has.

    `late`: how long after its time an entry is urgent, None where nothing of it can be; `urgent`: what that is called.
    """

    name: str
    title: str
    hint: str
    empty: str
    of: Wanted | State
    late: timedelta | None = None
    urgent: str = "overdue"
    first: bool = True
    """Whether it is on the first page too."""


OPEN = tuple(state.value for state in referrals.State if state not in referrals.ENDS)
LISTS: dict[str, Listing] = {
    each.name: each
    for each in (
        Listing(
            "contacts",
            "Contacts to make",
            "Calls and visits that the plan asks for, the longest overdue first.",
            "Nobody is to be called now.",
            Wanted("plan", ("active",), has="contact_due"),
            late=timedelta(0),
        ),
        Listing(
            "risks",
            "Risks of relapse",
            "Raised by contacts missed in a row or a readmission, until somebody judges that it is over.",
            "No risk is raised.",
            Wanted("risk", ("raised",)),
        ),
        Listing(
            "follow-ups",
            "Follow-ups due",
            "Windows after inpatient discharges in which a visit counts for the measure.",
            "No follow-up is due.",
            "due",
            late=-SOON,
            urgent="soon over",
        ),
        Listing(
            "referrals",
            "Referrals waiting",
            "Until the provider has accepted, seen the patient, or said no.",
            "No referral is waiting.",
            Wanted("referral", OPEN),
            late=timedelta(days=1),
        ),
        Listing(
            "declined",
            "Referrals that came to nothing",
            "Declined or cancelled, and nobody else was asked yet.",
            "Every referral that came to nothing has another in its place.",
            Wanted("referral", ("declined", "cancelled"), unreplaced=True),
        ),
        Listing(
            "appointments",
            "Appointments",
            "Those that are past wait for what came of them.",
            "There is no appointment.",
            Wanted("appointment", ("scheduled",)),
            late=timedelta(0),
            urgent="past",
        ),
        Listing(
            "missed",
            "Follow-ups missed",
            "No visit that counts was told by the last day.",
            "No follow-up was missed.",
            "missed",
            first=False,
        ),
        Listing(
            "plans",
            "Plans",
            "Everybody who is in aftercare.",
            "Nobody is in aftercare.",
            Wanted("plan", ("active",)),
            first=False,
        ),
        Listing(
            "recorded",
            "Contacts recorded",
            "What was recorded in error can be taken back.",
            "No contact was recorded.",
            Wanted("contact", ("kept", "missed", "other")),
            first=False,
        ),
    )
}


async def rows(
    connection: Connection, listing: Listing, facilities: Facilities, cursor: str | None, limit: int
) -> Sequence[dict[str, Any]]:
    """Up to `limit` rows behind the cursor, each with its episode's `sequence`. Raises 422 for a cursor of somebody's
    own."""
    last = paging.behind({"cursor": cursor} if cursor else {}, 2)
    if isinstance(listing.of, Wanted):
        after = AfterEntry(paging.instant(last[0]), last[1]) if last else None
        return await views.waiting(connection, listing.of, facilities=facilities, after=after, limit=limit)
    behind = window_behind(last) if last else None
    return await views.list_follow_ups(connection, state=listing.of, facilities=facilities, after=behind, limit=limit)


def place(row: Mapping[str, Any]) -> Sequence[str]:
    """What a cursor behind this row is made of."""
    if "sort_at" in row:
        return paging.at(row["sort_at"]), row["id"]
    return row["due_to"].isoformat(), row["follow_up_id"]


async def count(connection: Connection, listing: Listing, facilities: Facilities, now: datetime) -> views.Counted:
    """How many there are, and how many of them are late."""
    late = now - listing.late if listing.late is not None else datetime.min.replace(tzinfo=UTC)
    if isinstance(listing.of, Wanted):
        return await views.counted(connection, listing.of, facilities=facilities, late=late)
    return await views.counted_windows(connection, listing.of, facilities=facilities, late=late.date())
