"""GET /api/openapi.json of placement: told by the same tables that make the routes (OpenAPI 3.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.placement.desk import disclosures, programs, worklists
from services.placement.desk.episodes import FILTERS, READERS, STATES
from services.placement.desk.frame import Listing, Subject
from services.placement.worklists.lists import CARE, EVERYBODY
from shared.events.levels import RANK
from shared.web import openapi as api

_QUERIES: dict[str, dict[str, Any]] = {
    "level": {"enum": list(RANK)},
    "at": {"format": "date-time"},
}


def document(subjects: Iterable[Subject]) -> dict[str, Any]:
    """The whole document."""
    every = list(subjects)
    paths: dict[str, Any] = {
        "/api/episodes": api.listed("Episodes of care", READERS, *_asked(sorted(FILTERS), sorted(STATES))),
        "/api/episodes/{episode_id}": {
            "get": api.operation(
                "An episode: its state, its facts with what became of each, its service periods",
                READERS,
                [{**api.PARAMETERS["Id"], "name": "episode_id"}],
                (401, 403, 404, 503),
            )
        },
        "/api/programs": {
            "get": api.operation(
                "Programs and their free seats; for a search the best first, with reasons",
                EVERYBODY,
                _asked(programs.FILTERS, ()),
                (401, 403, 404, 422, 503),
            )
        },
        "/api/programs/{id}": api.one("One program", EVERYBODY),
        **disclosures.paths(),
        **worklists.paths(),
        "/api/searches/{id}/programs": api.one("Programs for a search, the best first, with reasons", CARE),
    }
    for one in every:
        paths |= _listing(one.listing) if one.listing else {}
    for path, methods in api.written(write for one in every for write in one.writes).items():
        paths.setdefault(path, {}).update(methods)
    about = "Who takes this patient, when, at which level: searches, offers, seats, stays at programs."
    models = [write.asks for one in every for write in one.writes]
    return api.document("Stepdown placement", about, paths, models)


def _listing(one: Listing) -> dict[str, Any]:
    asked = _asked(one.filters, one.states)
    return {
        f"/api/{one.name}": api.listed(one.about, one.readers, *asked),
        f"/api/{one.name}/{{id}}": api.one(f"One of the {one.name}, with its ETag", one.readers),
    }


def _asked(filters: Iterable[str], states: Iterable[str]) -> list[dict[str, Any]]:
    queries = {**_QUERIES, "state": {"enum": list(states)}}
    return [api.query(name, queries.get(name)) for name in filters if name not in {"limit", "cursor"}]
