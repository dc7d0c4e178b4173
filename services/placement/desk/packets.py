"""What a program may read of an offer before it answers: the blind packet of contract 3.7.6. Pure.

Nothing in it says who the patient is, and nothing says substance use without a basis. A program of another legal entity
sees without a basis the level and first day of the offer, and whom to ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.placement.worklists.views import Line
from shared.events.planning import Assigned
from shared.site.config import Site

OLDEST: Final = 90
"""Whoever is older counts as this old (45 CFR 164.514(b)(2)(i)(C))."""
SUBSTANCE_USE: Final = frozenset({"SUD", "PART2"})
_NEEDS: Final = ("payer", "language", "start_by", "track", "days", "mode", "accreditation", "also")


def packet_of(
    offer: Line,
    search: Line | None,
    assigned: Sequence[Assigned],
    site: Site,
    *,
    sees: bool,
    substance_use: bool = False,
) -> dict[str, Any]:
    """The packet. `search`: the offer's, None where there is none; `assigned`: who was put in charge of the episode, by
    sequence. `sees`: the program is of the same entity, or there is a basis; `substance_use`: a basis covers it."""
    asking = site.facility(offer.asked_by or offer.facility)
    ask: dict[str, Any] = {"facility": asking.title} if asking else {}
    if search is None or not sees:
        return {"ask": ask}
    mine = [one.user_id for one in assigned if one.role == "coordinator" and one.facility == search.facility]
    needs, hidden = search.content.get("needs", {}), frozenset() if substance_use else SUBSTANCE_USE
    found: dict[str, Any] = {
        "ask": ask | ({"coordinator": mine[-1]} if mine else {}),
        "from_level": search.content["from_level"],
        "recommended_level": search.content["recommended_level"],
        "why": why(search.content.get("reasons", ()), site, hidden),
        "needs": _needs(needs, site, hidden),
    }
    age = needs.get("age_years")
    return found if age is None else {**found, "age_years": min(int(age), OLDEST)}


def why(rules: Sequence[str], site: Site, without: frozenset[str] = SUBSTANCE_USE) -> list[str]:
    """Why this level, in words; not by a rule that asks for labels of `without`."""
    told = {rule.name: rule.because for rule in site.recommendations if not {*rule.labels} & without}
    return [told[name] for name in rules if name in told]


def _needs(needs: Mapping[str, Any], site: Site, hidden: frozenset[str] = SUBSTANCE_USE) -> dict[str, Any]:
    """The needs but the age; no track of programs with labels of `hidden`, and no need that has one or is not known."""
    found = {name: needs[name] for name in _NEEDS if needs.get(name)}
    tracks = {each for one in site.programs if {*one.labels} & hidden for each in one.tracks}
    told = {key for key in found.pop("also", {}) if (need := site.need(key)) and not {*need.labels} & hidden}
    also = {key: values for key, values in needs.get("also", {}).items() if key in told}
    kept = {name: value for name, value in found.items() if name != "track" or value not in tracks}
    return {**kept, "also": also} if also else kept
