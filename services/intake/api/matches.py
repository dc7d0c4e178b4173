"""GET /api/matches: which patients may be one person, for who may decide that; no value of either is shown."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.intake.api.answers import MatchShown
from services.intake.api.reads import Read, Reading
from services.intake.people import matches
from shared.storage import audit
from shared.web import openapi, paging, requests
from shared.web.app import JSON, caller

READERS = ("identity",)
STATES = ("open", "same", "different")
"""What a match may be; `open` is what is listed where nobody asks for another."""


async def _listed(reading: Reading, request: Request) -> Response:
    """GET /api/matches."""
    who, intake = caller(request, *READERS), reading.intake
    asked = requests.parameters(request, {"state", *paging.PARAMETERS})
    state = requests.one_of(asked, "state", STATES) or "open"
    most, after = paging.limit(asked), paging.after(asked)
    reading.rates.take(who)
    async with intake.database.begin() as connection:
        found = await matches.listed(
            connection, intake.seal, matches.MatchRules.of(intake.site),
            facilities=who.scope.facilities, after=after, most=most + 1, states=[state],
        )  # fmt: skip
        page, more = paging.page(found, most, lambda one: (paging.at(one.since), one.match_id))
        now, subjects = intake.clock(), [one.match_id for one in page] or ["nobody"]
        await audit.note(connection, [audit.Entry(now, who.subject, "match-listed", each) for each in subjects])
    return JSON({"matches": [_shown(one) for one in page], "next": more})


def _shown(match: matches.Match) -> dict[str, object]:
    return {
        "match_id": match.match_id,
        "patient_ids": list(match.patients),
        "for": list(match.speaks_for),
        "against": list(match.against),
        "since": match.since,
        "state": match.state,
    }


READS = (
    Read(
        "/api/matches", "listMatches",
        "Patients who may be one person, by what the caller's facilities told of both",
        READERS, openapi.page("matches", MatchShown), _listed,
        (
            openapi.query("state", about="open (where none is asked for), same, different"),
            openapi.parameter("Limit"),
            openapi.parameter("Cursor"),
        ),
        (429,),
    ),
)  # fmt: skip
