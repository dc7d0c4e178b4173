"""What a form of a write asks for: the fields that it leaves out, the values that are chosen from, defaults. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from services.placement.desk.page import wording
from shared.events.levels import WORDS
from shared.site.config import Site
from shared.site.needs import KNOWN, NO, YES, Need
from shared.site.values import Hours, Program
from shared.web.forms import Question
from shared.web.wording import spoken

_LEFT_OUT: Final = (
    "days",
    "programs",
    "needs",
    "also",
    "returned_at",
    "dimensions",
    "stay",
    "services.code",
    "services.npi",
)
"""Fields that a plain form does not ask for: the API does."""
_OF_A_PAYER: Final = ("from", "reason", "unit")
_LEFT_OUT_OF: Final[Mapping[str, Sequence[str]]] = {
    "/api/placements/{id}/started": ("unit",),
    "/api/placements/{id}/received": ("plan_read",),
    "/api/authorizations": ("next_review",),
    "/api/authorizations/{id}/extended": (*_OF_A_PAYER, "denial", "requested_units"),
    "/api/authorizations/{id}/requested": (*_OF_A_PAYER, "denial", "next_review"),
    "/api/authorizations/{id}/approved": ("reason", "unit", "denial", "requested_units"),
    "/api/authorizations/{id}/pended": ("from", "to", "unit", "units", "denial", "requested_units"),
    "/api/authorizations/{id}/denied": ("from", "to", "unit", "units", "number", "requested_units", "next_review"),
    "/api/authorizations/{id}/ended": (
        "from",
        "unit",
        "units",
        "number",
        "denial",
        "requested_units",
        "next_review",
    ),
    "/api/episodes/{id}/agreed": ("reason",),
}


def left_out(path: str) -> Sequence[str]:
    """The fields that the form of this write does not ask for."""
    return (*_LEFT_OUT, *_LEFT_OUT_OF.get(path, ()))


def options(path: str, site: Site, program: Program | None = None) -> Mapping[str, Mapping[str, str]]:
    """Field → the codes that are chosen from, with their words: of the site, or of the `program` that the form is
    about, and the reasons of this write."""
    programs = (program,) if program is not None else site.programs
    payers = {payer.id: payer.title for payer in site.payers}
    given = sorted({each for one in programs for each in one.modalities})
    found: dict[str, Mapping[str, str]] = {
        "level": WORDS,
        "recommended_level": WORDS,
        "payer": payers,
        "coverage.payer": payers,
        "program": {each.id: each.title for each in site.programs},
        "track": _spoken(sorted({each for one in programs for each in one.tracks})),
        "accreditation": {name: name for name in sorted({each for one in programs for each in one.accreditation})},
        "phase": _spoken(("intake", "review", "discharge", "follow-up")),
    }
    if given:
        found["services.kind"] = _spoken(given)
    if program is not None and program.groups:
        found["group"] = {group.id: f"{group.id}, {group.title}" for group in program.groups}
    return {**found, **wording.reasons(path)}


def own_needs(site: Site, told: Mapping[str, Sequence[str]]) -> tuple[Question, ...]:
    """The site's own needs as questions; `told`: those that the patient has, with their values."""
    return tuple(_own_need(each, told.get(each.key, ())) for each in site.needs if each.key not in KNOWN)


def _own_need(need: Need, told: Sequence[str]) -> Question:
    there = {value: spoken(value) for value in need.values} or {YES[0]: "yes"}
    several = {" ".join(told): ", ".join(map(spoken, told))} if len(told) > 1 else {}
    options = {**there, **several, NO: "no longer"} if told else there
    return Question(f"also.{need.key}", "select", need.words.capitalize(), False, " ".join(told), options)


def _spoken(codes: Sequence[str]) -> Mapping[str, str]:
    return {each: spoken(each) for each in codes}


def session_of(program: Program | None, day: date) -> Mapping[str, str]:
    """What is proposed for a session of the program on a day: a group where it gives groups, as long as it meets on
    that day of the week, in its first mode."""
    if program is None:
        return {}
    kinds = program.modalities
    meets = next((each for each in program.schedule if f"{day:%a}".lower() in each.days), None)
    return {
        "services.0.kind": "group" if "group" in kinds else next(iter(kinds), ""),
        "services.0.minutes": str(_minutes(meets)) if meets else "",
        "services.0.mode": program.modes[0],
    }


def _minutes(meets: Hours) -> int:
    opens, closes = meets.opens, meets.closes
    return (closes.hour - opens.hour) * 60 + closes.minute - opens.minute
