"""All routes of the desk's API; a new subject is one more line here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from services.placement.desk import (
    authorizations,
    benefits,
    billed,
    bills_tried,
    capacity,
    conflicts,
    disclosures,
    episodes,
    gaps,
    leaving,
    leftovers,
    offers,
    openapi,
    placements,
    planning,
    programs,
    reading,
    reviews,
    searches,
    seats,
    sessions,
    stays,
    waited,
    waitlist,
    whole_packet,
    worklists,
    writes,
)
from services.placement.desk.frame import Parts, Subject
from services.placement.desk.marks import PlacementLists
from services.placement.fhir import table as fhir
from services.placement.worklists.lists import WORKLISTS, Worklist
from shared.web import openapi as api
from shared.web.marking import Marking

SUBJECTS: tuple[Subject, ...] = (
    searches.SUBJECT,
    offers.SUBJECT,
    placements.SUBJECT,
    stays.SUBJECT,
    sessions.SUBJECT,
    authorizations.SUBJECT,
    reviews.SUBJECT,
    conflicts.SUBJECT,
    planning.SUBJECT,
    leaving.SUBJECT,
    seats.SUBJECT,
    waitlist.SUBJECT,
    billed.SUBJECT,
    benefits.SUBJECT,
    leftovers.SUBJECT,
)


def document() -> dict[str, Any]:
    """The API's OpenAPI document."""
    return openapi.document(SUBJECTS)


def routes(parts: Parts, lists: Sequence[Worklist] = WORKLISTS) -> Sequence[BaseRoute]:
    """All routes: episodes, programs, disclosures, each subject's list and writes, worklists and who
    has their entries, and the OpenAPI document."""
    listings = [one.listing for one in SUBJECTS if one.listing]
    return [
        api.route(document),
        *episodes.routes(parts),
        *programs.routes(parts),
        *disclosures.routes(parts.database, parts.clock),
        *gaps.routes(parts),
        *waited.routes(parts),
        *bills_tried.routes(parts),
        *capacity.routes(parts),
        *whole_packet.routes(parts),
        *reading.routes(parts, listings),
        *worklists.routes(parts, listings, lists),
        *writes.routes(parts, SUBJECTS),
        *fhir.routes(parts.database, parts.rules, parts.clock),
        *Marking(parts.database, parts.clock, PlacementLists(parts, lists)).routes(),
    ]
