"""GET /api/unknown-needs: needs that another system told and the site's vocabulary does not have, opened for who reads
them; and what a person says of one (POST, contract 3.7.3)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.intake.api.answers import UnknownNeedShown
from services.intake.api.reads import Read, Reading
from services.intake.requests.needs import handlers
from services.intake.requests.needs.store import UnknownNeedRow, listed, place_of
from shared.storage import audit
from shared.storage.sealing import Seal
from shared.web import openapi, paging, requests
from shared.web.app import JSON, caller

READERS = ("coordinator",)
STATES = ("open", "mapped", "set-aside")
"""What a need may be; `open` is what is listed where nobody asks for another."""
LISTED = "unknown-need-listed"
"""What the audit calls it."""


async def _listed(reading: Reading, request: Request) -> Response:
    """GET /api/unknown-needs."""
    who, intake = caller(request, *READERS), reading.intake
    asked = requests.parameters(request, {"state", *paging.PARAMETERS})
    state = requests.one_of(asked, "state", STATES) or "open"
    most, after = paging.limit(asked), paging.after(asked)
    async with intake.database.begin() as connection:
        found = await listed(connection, who.scope, [state], after, most + 1)
        page, more = paging.page(found, most, lambda one: (paging.at(one.told_at), one.need_id))
        now, subjects = intake.clock(), [one.need_id for one in page] or ["nobody"]
        await audit.note(connection, [audit.Entry(now, who.subject, LISTED, each) for each in subjects])
    return JSON({"unknown_needs": [_shown(one, intake.seal) for one in page], "next": more})


def opened(one: UnknownNeedRow, seal: Seal) -> str:
    """What was told."""
    return seal.open(one.sealed, place_of(one.need_id)).decode()


def _shown(one: UnknownNeedRow, seal: Seal) -> dict[str, object]:
    return {"told": opened(one, seal), **handlers.decided(one).model_dump()}


READS = (
    Read(
        "/api/unknown-needs", "listUnknownNeeds",
        "Needs that another system told and the site's vocabulary does not have, the oldest first",
        READERS, openapi.page("unknown_needs", UnknownNeedShown), _listed,
        (
            openapi.query("state", about="open (where none is asked for), mapped, set-aside"),
            openapi.parameter("Limit"),
            openapi.parameter("Cursor"),
        ),
    ),
)  # fmt: skip
