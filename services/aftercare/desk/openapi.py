"""GET /api/openapi.json: the API described from the tables that its routes are made from (OpenAPI 3.1)."""

from __future__ import annotations

from typing import Any

from services.aftercare.decisions.windows import STATES as WINDOW_STATES
from services.aftercare.desk import worklists
from services.aftercare.desk.answers import ANSWERS, RatesShown
from services.aftercare.desk.fhir import table as fhir
from services.aftercare.desk.follow_ups import READERS
from services.aftercare.desk.reading import LISTS
from services.aftercare.desk.writes import WRITERS, WRITES
from services.aftercare.worklists.entries import STATES
from shared.web import marking
from shared.web import openapi as api


def document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, Any] = {}
    for name, kind in {**LISTS, "follow-ups": "follow-up"}.items():
        states = WINDOW_STATES if kind == "follow-up" else STATES[LISTS[name]]
        asked = [api.query("state", {"enum": list(states)})]
        asked += [api.query("episode_id")] if name in LISTS else []
        noun, told = kind.title().replace("-", ""), ANSWERS[kind]
        about = f"The {name} of the caller's facilities, page by page"
        paths[f"/api/{name}"] = api.listed(f"list{noun}s", about, READERS, api.page("items", told), *asked)
        paths[f"/api/{name}/{{id}}"] = api.one(f"get{noun}", f"One of the {name}, with its ETag", READERS, told)
    days = [api.query(name, {"format": "date"}, required=True) for name in ("from", "to")]
    measured = [*days, api.query("facility"), api.query("measure")]
    what = "Follow-ups kept, by facility and measure"
    paths["/api/measures"] = {
        "get": api.operation("listMeasures", what, READERS, RatesShown, asked=measured, problems=(401, 403, 422, 503))
    }
    paths |= worklists.paths() | fhir.paths()
    for path, methods in api.written([*WRITES, *marking.writes(WRITERS)]).items():
        paths.setdefault(path, {}).update(methods)
    about = "Plans, referrals, follow-ups, contacts, appointments and risks after the last level of care."
    return api.document("Stepdown aftercare", about, paths)
