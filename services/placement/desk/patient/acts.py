"""The acts that are about an episode as a whole, by the section of the patient's page in which each stands. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from services.placement.continuum.model import Folded
from services.placement.continuum.order import day_of
from services.placement.desk.page import wording
from services.placement.desk.page.rows import Reader, able, form
from services.placement.engine.views import Stored
from services.placement.engine.visible import Part
from services.placement.search.ahead import open_stay
from services.placement.worklists.views import Line
from shared.web.forms import Form
from shared.web.listing import Row
from shared.web.tables import Badge

ACTS: Final[Mapping[str, tuple[str, ...]]] = {
    "leaving": (
        "/api/episodes/{id}/discharge-planned",
        "/api/episodes/{id}/discharge-plan-cancelled",
        "/api/searches",
    ),
    "ready": ("/api/episodes/{id}/ready-for-step", "/api/episodes/{id}/ready-for-step-withdrawn"),
    "seat": ("/api/seats",),
    "authorization": ("/api/authorizations",),
    "plan": ("/api/episodes/{id}/plan", "/api/episodes/{id}/certified", "/api/episodes/{id}/assessed"),
    "medication": ("/api/episodes/{id}/medication",),
    "payers": ("/api/episodes/{id}/covered", "/api/episodes/{id}/benefits", "/api/episodes/{id}/price"),
    "episode": (
        "/api/episodes/{id}/assigned",
        "/api/episodes/{id}/agreed",
        "/api/episodes/{id}/declined",
        "/api/episodes/{id}/ended",
    ),
}
"""Section of the page → the writes about the whole episode that stand in it."""
_AFTERWARDS: Final = frozenset({"/api/episodes/{id}/covered", "/api/episodes/{id}/certified", "/api/authorizations"})
"""What is still told of an episode that is over: it is about its bills."""
_LEFT_OUT: Final[Mapping[str, tuple[str, ...]]] = {"/api/seats": ("group",)}
_WHILE_OPEN: Final = frozenset({*ACTS["leaving"], *ACTS["ready"]})
"""What is said only of a stay that is open."""


def acts_of(part: Part, row: Stored, reader: Reader, has: frozenset[str]) -> dict[str, Row]:
    """Section → its acts as a row without words, for what this reader may do and what is possible now. `has`: the kinds
    of entries that the episode has, each with acts of its own."""
    home = part.folded.facility
    if not reader.who.scope.has(home) or part.folded.state == "void":
        return {}
    line = Line(
        "episode", row.listed.episode_id, row.listed.episode_id, home, None, part.folded.state, reader.at, None, {},
        row.listed.patient_id, row.listed.version,
    )  # fmt: skip
    found = {section: tuple(_forms(paths, part.folded, line, reader, has)) for section, paths in ACTS.items()}
    return {
        section: Row("", Badge(""), home, row.listed.patient_id, forms=forms)
        for section, forms in found.items()
        if forms
    }


def _forms(paths: tuple[str, ...], folded: Folded, line: Line, reader: Reader, has: frozenset[str]) -> Iterator[Form]:
    today = day_of(reader.at, reader.zone(line.facility))
    for path in paths:
        write = able(path, reader)
        if write is None or not _possible(path, folded, has):
            continue
        settled = {} if "{id}" in path else {"episode_id": line.episode_id}
        one = form(
            write, line, reader, given=settled, proposed=_proposed(path, folded, today, reader),
            leave_out=_LEFT_OUT.get(path, ()), required=("reason",) if path.endswith("/declined") else (),
        )  # fmt: skip
        label = _LABELS.get(path)
        yield one._replace(label=label) if label else one


def _possible(path: str, folded: Folded, has: frozenset[str]) -> bool:
    """False for what the episode's state does not allow, and for a first plan where there is one."""
    if folded.state == "closed" and path not in _AFTERWARDS:
        return False
    if path in _WHILE_OPEN:
        return _of_the_open_stay(path, folded, has)
    if path.endswith("/ended"):
        return not any(stay.open for stay in folded.stays)
    return not (path.endswith("/plan") and "plan" in has)


def _of_the_open_stay(path: str, folded: Folded, has: frozenset[str]) -> bool:
    stay = open_stay(folded)
    if stay is None or folded.deaths:
        return False
    if path.endswith("/discharge-plan-cancelled"):
        return stay.plan is not None
    return not path.endswith("/ready-for-step-withdrawn") or "ready" in has


def _proposed(path: str, folded: Folded, today: date, reader: Reader) -> dict[str, str]:
    told = [one.coverage for one in folded.coverage if one.day <= today]
    payer = told[-1][0].payer if told and told[-1] else ""
    level = folded.level.value if folded.level else ""
    first = {} if path == "/api/searches" else {"level": level, "from": today.isoformat()}
    if path == "/api/authorizations":
        known = reader.site.payer(payer)
        return first | {"payer": known.id if known else "", "unit": "day"}
    if path == "/api/seats":
        return {"from": f"{today}T00:00"}
    if path.endswith("/covered"):
        places = enumerate(told[-1] if told else ())
        return {"effective_from": today.isoformat()} | {f"coverage.{n}.payer": one.payer for n, one in places}
    if path.endswith("/certified"):
        return {"from": today.isoformat(), "kind": "recertification" if folded.certifications else "initial"}
    if path.endswith("/assigned"):
        return {"user_id": reader.who.subject, "role": _IN_CHARGE.get(next(iter(sorted(reader.who.roles)), ""), "")}
    return first


_LABELS: Final = {"/api/episodes/{id}/plan": wording.FIRST_PLAN, "/api/searches": wording.LOOK_AHEAD}
"""What a write is called here, where that is not its name elsewhere."""
_IN_CHARGE: Final = {"coordinator": "coordinator", "clinician": "therapist"}
