"""What a program may read of an offer before it answers: the blind packet of contract 3.7.6. Pure.

Nothing in it says who the patient is, and nothing says substance use: that needs a basis. A program of another facility
than the search's sees the level and first day of the offer, and whom to ask.
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


def packet_of(offer: Line, search: Line | None, assigned: Sequence[Assigned], site: Site) -> dict[str, Any]:
    """The packet. `search`: the offer's, None where the reader sees only the offer; `assigned`: who was put in
    charge of the episode, by sequence."""
    asking = site.facility(offer.asked_by or offer.facility)
    ask: dict[str, Any] = {"facility": asking.title} if asking else {}
    if search is None or search.facility != offer.facility:
        return {"ask": ask}
    mine = [one.user_id for one in assigned if one.role == "coordinator" and one.facility == offer.facility]
    needs = search.content.get("needs", {})
    found: dict[str, Any] = {
        "ask": ask | ({"coordinator": mine[-1]} if mine else {}),
        "from_level": search.content["from_level"],
        "recommended_level": search.content["recommended_level"],
        "why": why(search.content.get("reasons", ()), site),
        "needs": _needs(needs, site),
    }
    age = needs.get("age_years")
    return found if age is None else {**found, "age_years": min(int(age), OLDEST)}


def why(rules: Sequence[str], site: Site) -> list[str]:
    """Why this level, in words; not by a rule that asks for substance use."""
    told = {rule.name: rule.because for rule in site.recommendations if not {*rule.labels} & SUBSTANCE_USE}
    return [told[name] for name in rules if name in told]


def _needs(needs: Mapping[str, Any], site: Site) -> dict[str, Any]:
    """The needs but the age; no track of programs for substance use, and no need that tells of it or is not known."""
    found = {name: needs[name] for name in _NEEDS if needs.get(name)}
    tracks = {each for one in site.programs if {*one.labels} & SUBSTANCE_USE for each in one.tracks}
    told = {key for key in found.pop("also", {}) if (need := site.need(key)) and not {*need.labels} & SUBSTANCE_USE}
    also = {key: values for key, values in needs.get("also", {}).items() if key in told}
    kept = {name: value for name, value in found.items() if name != "track" or value not in tracks}
    return {**kept, "also": also} if also else kept
