"""GET /api/hanging-visits: visits that are open and of which nothing was heard for longer than the site's days."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.intake.api.answers import HangingShown
from services.intake.api.feeds import READERS
from services.intake.api.reads import Read, Reading
from services.intake.console.hanging import FIRST, HangingVisit, hanging
from shared.storage import audit
from shared.web import openapi, paging, requests
from shared.web.app import JSON, caller

LISTED = "hanging-visits-listed"
"""The action in the audit of who listed them."""


async def _listed(reading: Reading, request: Request) -> Response:
    """GET /api/hanging-visits."""
    who, intake = caller(request, *READERS), reading.intake
    asked = requests.parameters(request, {"facility", *paging.PARAMETERS})
    most, behind = paging.limit(asked), paging.behind(asked, 2)
    after = (behind[0], behind[1]) if behind else FIRST
    scope, now = requests.scope(who, asked.get("facility")), intake.clock()
    async with intake.database.begin() as connection:
        found = await hanging(connection, intake.site, now, scope, after=after, most=most + 1)
        page, more = paging.page(found, most, lambda one: one.place)
        subjects = [one.visit_id for one in page] or ["nobody"]
        await audit.note(connection, [audit.Entry(now, who.subject, LISTED, each) for each in subjects])
    days = intake.site.hanging_after.by_place
    return JSON({"hanging_visits": [_shown(one, days[one.open_as]) for one in page], "next": more})


def _shown(one: HangingVisit, days: int) -> HangingShown:
    return {
        "visit_id": one.visit_id,
        "patient_id": one.patient_id,
        "facility": one.facility,
        "open_as": one.open_as,
        "begun_at": one.begun_at,
        "message_id": one.message_id,
        "trigger": one.trigger,
        "since": one.heard_at,
        "days": days,
    }


READS = (
    Read(
        "/api/hanging-visits", "listHangingVisits",
        "Open visits of which nothing was heard for longer than the site's days, the longest first", READERS,
        openapi.page("hanging_visits", HangingShown), _listed,
        (openapi.query("facility", about="one facility of site config"), openapi.parameter("Limit"),
         openapi.parameter("Cursor")),
    ),
)  # fmt: skip
