"""All routes of aftercare's API, put together."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from services.aftercare.handlers import Rules
from services.aftercare.web import follow_ups, openapi, rates, reading, writing
from shared.api import openapi as api
from shared.db import Database


def routes(database: Database, rules: Rules) -> Sequence[BaseRoute]:
    """Lists and entries, what people do, measures, and the document that tells of them."""
    return [
        api.route(openapi.document),
        *follow_ups.routes(database, rules.clock),
        *reading.routes(database, rules),
        *writing.routes(database, rules),
        *rates.routes(database, rules),
    ]
