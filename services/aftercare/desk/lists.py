"""The lists of the follow-up desk: what each shows, in what order, and how many of it are late. Reads through views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from services.aftercare.desk.follow_ups import window_behind
from services.aftercare.engine import views
from services.aftercare.engine.views import AfterEntry, ListQuestion
from services.aftercare.referrals import referrals
from shared.storage.database import Connection
from shared.web import paging
from shared.web.desk import SOON, Counted, Listing, Look

OPEN = tuple(state.value for state in referrals.State if state not in referrals.ENDS)
LISTS: dict[str, Listing] = {
    each.name: each
    for each in (
        Listing(
            "contacts",
            "Contacts to make",
            "Calls after every leave for home, whether a program is looked for or not; the longest overdue first.",
            "Nobody is to be called now.",
            ListQuestion("plan", ("active",), has="contact_due"),
            late=timedelta(0),
        ),
        Listing(
            "risks",
            "Risks of relapse",
            "Raised by contacts missed in a row or a readmission, until somebody judges that it is over.",
            "No risk is raised.",
            ListQuestion("risk", ("raised",)),
        ),
        Listing(
            "follow-ups",
            "Follow-ups due",
            "Windows after inpatient discharges in which a visit counts for the measure.",
            "No follow-up is due.",
            "due",
            late=-SOON,
            urgent="soon over",
            tone="soon",
        ),
        Listing(
            "referrals",
            "Referrals waiting",
            "Until the provider has accepted, seen the patient, or said no.",
            "No referral is waiting.",
            ListQuestion("referral", OPEN),
            late=timedelta(days=1),
        ),
        Listing(
            "declined",
            "Referrals that came to nothing",
            "Declined or cancelled, and nobody else was asked yet.",
            "Every referral that came to nothing has another in its place.",
            ListQuestion("referral", ("declined", "cancelled"), unreplaced=True),
        ),
        Listing(
            "appointments",
            "Appointments",
            "Those that are past wait for what came of them.",
            "There is no appointment.",
            ListQuestion("appointment", ("scheduled",)),
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
            "excluded",
            "Follow-ups that do not count",
            "Discharges that no measure counts, and why.",
            "Every discharge counts.",
            "excluded",
            first=False,
        ),
        Listing(
            "plans",
            "Plans",
            "Everybody who left for home or is in aftercare.",
            "Nobody left for home, and nobody is in aftercare.",
            ListQuestion("plan", ("active",)),
            first=False,
        ),
        Listing(
            "recorded",
            "Contacts recorded",
            "What was recorded in error can be taken back.",
            "No contact was recorded.",
            ListQuestion("contact", ("kept", "missed", "other")),
            first=False,
        ),
    )
}


async def found(connection: Connection, listing: Listing, look: Look) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    """The rows from the cursor on, each with its episode's `sequence`, and the cursor behind them. Raises 422."""
    last = paging.behind({"cursor": look.cursor} if look.cursor else {}, 2)
    scope, limit = look.scope, look.most + 1
    if isinstance(listing.of, ListQuestion):
        after = AfterEntry(paging.instant(last[0]), last[1]) if last else None
        rows = await views.waiting(connection, listing.of, scope=scope, after=after, limit=limit)
    else:
        behind = window_behind(last) if last else None
        rows = await views.list_follow_ups(connection, state=listing.of, scope=scope, after=behind, limit=limit)
    return paging.page(rows, look.most, _place)


def _place(row: Mapping[str, Any]) -> Sequence[str]:
    if "sort_at" in row:
        return paging.at(row["sort_at"]), row["id"]
    return row["due_to"].isoformat(), row["follow_up_id"]


async def count(connection: Connection, listing: Listing, look: Look) -> Counted:
    """How many there are, and how many of them are urgent."""
    late = look.at - listing.late if listing.late is not None else datetime.min.replace(tzinfo=UTC)
    if isinstance(listing.of, ListQuestion):
        return Counted(*await views.counted(connection, listing.of, scope=look.scope, late=late))
    return Counted(*await views.counted_windows(connection, listing.of, scope=look.scope, late=late.date()))
