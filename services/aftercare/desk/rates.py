"""GET /api/measures: for discharges of a range of days, by facility and measure, how many follow-ups were kept, and how
many discharges are excluded for which reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.aftercare.desk.answers import RateShown
from services.aftercare.desk.follow_ups import READERS
from services.aftercare.engine import views
from services.aftercare.engine.apply import Rules
from services.aftercare.engine.views import MeasureCounts
from shared.scope import Scope
from shared.storage import audit
from shared.storage.database import Database
from shared.web import requests
from shared.web.app import JSON, caller

FILTERS = frozenset({"from", "to", "facility", "measure"})


def routes(database: Database, rules: Rules) -> Sequence[BaseRoute]:
    """The one route."""

    async def measures(request: Request) -> Response:
        who = caller(request, *READERS)
        asked = requests.parameters(request, FILTERS)
        first, last = _day(asked, "from"), _day(asked, "to")
        if last < first:
            raise requests.unfit("to", "`to` is not before `from`")
        scope = requests.scope(who)
        if (facility := asked.get("facility")) is not None:
            known = rules.site.facility(facility)
            if known is None:
                raise requests.unfit("facility", "the site has no such facility")
            scope = Scope(frozenset({known.name} if who.may_see(known.name) else ()))
        measure = requests.one_of(asked, "measure", [clock.measure for clock in rules.site.follow_ups])
        clocks = [clock for clock in rules.site.follow_ups if measure in {None, clock.measure}]
        async with database.begin() as connection:
            found = await views.rates(connection, clocks, first=first, last=last, scope=scope)
            await audit.note(connection, [audit.Entry(rules.clock(), who.subject, "measures-read", "measures")])
        return JSON({"from": first.isoformat(), "to": last.isoformat(), "items": [_rate(row) for row in found]})

    return [Route("/api/measures", measures, methods=["GET"])]


def _day(asked: Mapping[str, str], name: str) -> date:
    try:
        return date.fromisoformat(asked[name])
    except (KeyError, ValueError):
        raise requests.unfit(name, f"`{name}` is a day, YYYY-MM-DD") from None


def _rate(counts: MeasureCounts) -> RateShown:
    """One row of the answer. Excluded discharges are in neither numerator nor denominator; those still due are in the
    denominator."""
    states = counts.states
    denominator = states["kept"] + states["missed"] + states["due"]
    return {
        "facility": counts.facility,
        "measure": counts.measure,
        "excluded_by": dict(counts.excluded_by),
        "due": states["due"],
        "kept": states["kept"],
        "missed": states["missed"],
        "excluded": states["excluded"],
        "numerator": states["kept"],
        "denominator": denominator,
        "rate": round(states["kept"] / denominator, 4) if denominator else None,
    }
