"""All routes of aftercare's API, put together."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from services.aftercare.desk import follow_ups, openapi, rates, reading, worklists, writes
from services.aftercare.desk.fhir import table as fhir
from services.aftercare.desk.marks import AftercareLists
from services.aftercare.engine.apply import Rules
from services.aftercare.worklists.lists import WORKLISTS, Worklist
from shared.storage.database import Database
from shared.web import openapi as api
from shared.web.marking import Marking


def routes(database: Database, rules: Rules, lists: Sequence[Worklist] = WORKLISTS) -> Sequence[BaseRoute]:
    """All routes: lists and entries, worklists, writes, measures, and the OpenAPI document."""
    return [
        api.route(openapi.document),
        *follow_ups.routes(database, rules.clock),
        *reading.routes(database, rules),
        *worklists.routes(database, rules, lists),
        *writes.routes(database, rules),
        *rates.routes(database, rules),
        *fhir.routes(database, rules),
        *Marking(database, rules.clock, AftercareLists(rules, lists)).routes(),
    ]
