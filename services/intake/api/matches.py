"""GET /api/matches: who may be one person, for those who may say whether they are; never a value of either."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.intake.people import matches
from services.intake.receiving import http_requests as ask
from services.intake.receiving.receive import Intake
from shared.storage import audit
from shared.web.app import JSON, caller

READERS = ("identity",)
USUAL, MOST = 50, 200


def routes(intake: Intake, paces: ask.Paces) -> list[Route]:
    """The list."""

    async def listed(request: Request) -> Response:
        who = caller(request, *READERS)
        given = ask.parameters(request, ("limit", "cursor"))
        most, after = ask.limit(given.get("limit"), USUAL, MOST), ask.behind(given.get("cursor"))
        paces.take(who)
        async with intake.database.begin() as connection:
            found = await matches.listed(
                connection, intake.seal, intake.numbering.numbers.born_never,
                facilities=who.scope.facilities, after=after, most=most + 1,
            )  # fmt: skip
            page = found[:most]
            now, subjects = intake.clock(), [one.match_id for one in page] or ["nobody"]
            entries = [audit.Entry(now, who.subject, "match-listed", subject) for subject in subjects]
            await audit.note(connection, entries)
        following = ask.cursor(page[-1].match_id) if len(found) > most else None
        return JSON({"matches": [_shown(one) for one in page], "next": following})

    return [Route("/api/matches", listed, methods=["GET"])]


def _shown(match: matches.Match) -> dict[str, object]:
    return {
        "match_id": match.match_id,
        "patient_ids": list(match.patients),
        "for": list(match.speaks_for),
        "against": list(match.against),
        "since": match.since,
        "state": match.state,
    }
