"""GET /api/openapi.json of placement: the API described from the tables that its routes are made from (OpenAPI 3.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.placement.desk import bills_tried, capacity, disclosures, gaps, programs, waited, whole_packet, worklists
from services.placement.desk.answers import ANSWERS, EpisodeLine
from services.placement.desk.episodes import FILTERS, READERS, STATES
from services.placement.desk.frame import Listing, Subject
from services.placement.desk.marks import TAKERS
from services.placement.desk.overviews import EpisodeWhole, ProgramShown
from services.placement.fhir import table as fhir
from services.placement.worklists.lists import CARE, EVERYBODY
from shared.events.levels import RANK
from shared.web import marking
from shared.web import openapi as api

_QUERIES: dict[str, dict[str, Any]] = {
    "level": {"enum": list(RANK)},
    "at": {"format": "date-time"},
}


_AS_OF = (
    "as it was recorded by then: a day of the facility's zone, or an instant with its offset; service periods are then "
    "derived from these facts, in the order in which they were recorded"
)
_ON = api.query("on", {"format": "date"}, about="what was so at the end of that day, by all that is known")


def document(subjects: Iterable[Subject]) -> dict[str, Any]:
    """The whole document."""
    every = list(subjects)
    paths: dict[str, Any] = {
        "/api/episodes": api.listed(
            "listEpisodes", "Episodes of care", READERS, api.page("episodes", EpisodeLine),
            *_asked(sorted(FILTERS), sorted(STATES)),
        ),
        "/api/episodes/{episode_id}": {
            "get": api.operation(
                "getEpisode", "An episode: its state, its facts with what became of each, its service periods", READERS,
                EpisodeWhole, problems=(401, 403, 404, 422, 503),
                asked=[{**api.PARAMETERS["Id"], "name": "episode_id"}, api.query("as_of", about=_AS_OF), _ON],
            )
        },
        "/api/programs": {
            "get": api.operation(
                "listPrograms", "Programs and their free seats; for a search the best first, with reasons", EVERYBODY,
                api.page("programs", ProgramShown), asked=_asked(programs.FILTERS, ()),
                problems=(401, 403, 404, 422, 503),
            )
        },
        "/api/programs/{id}": api.one("getProgram", "One program", EVERYBODY, ProgramShown),
        **disclosures.paths(),
        **capacity.paths(),
        **whole_packet.paths(),
        **gaps.paths(),
        **waited.paths(),
        **bills_tried.paths(),
        **worklists.paths(),
        **fhir.paths(),
        "/api/searches/{id}/programs": api.one(
            "rankPrograms", "Programs for a search, the best first, with reasons", CARE,
            api.page("programs", ProgramShown),
        ),
    }  # fmt: skip
    for one in every:
        paths |= _listing(one.listing) if one.listing else {}
    own = [write for one in every for write in one.writes]
    for path, methods in api.written([*own, *marking.writes(TAKERS)]).items():
        paths.setdefault(path, {}).update(methods)
    about = "Who takes this patient, when, at which level: searches, offers, seats, stays at programs."
    return api.document("Stepdown placement", about, paths)


def _listing(one: Listing) -> dict[str, Any]:
    asked = _asked(one.filters, one.states)
    told, plural, summary = ANSWERS[one.kind], one.name.capitalize(), f"One of the {one.name}, with its ETag"
    return {
        f"/api/{one.name}": api.listed(f"list{plural}", one.about, one.readers, api.page(one.name, told), *asked),
        f"/api/{one.name}/{{id}}": api.one(f"get{one.noun}", summary, one.readers, told),
    }


def _asked(filters: Iterable[str], states: Iterable[str]) -> list[dict[str, Any]]:
    queries = {**_QUERIES, "state": {"enum": list(states)}}
    return [api.query(name, queries.get(name)) for name in filters if name not in {"limit", "cursor"}]
