"""Needs that no program of the level looked for answers: what the site lacks, counted. Pure (contract 3.7.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.placement.search.matching import judged_by_needs
from shared.errors import InvalidMessage
from shared.events.levels import Level
from shared.events.open_lists import ReferralKind
from shared.events.placing import Needs
from shared.events.published import read_as_struct
from shared.site.config import Site
from shared.site.needs import Kind, kind_of

COUNTED: Final = ("payer", "age_years", "language", "track", "mode", "days", "accreditation")
"""The needs that every site knows, of which a gap may be; `start_by` is a question of seats, not of programs."""


class Asked(NamedTuple):
    """How many open searches of a facility, for a level, need this; since when the oldest. `value` is JSON: as the
    search's needs have it."""

    facility: str
    level: str
    need: str
    value: Any
    searches: int
    since: datetime


class Gap(NamedTuple):
    """A need that no program of this level answers. `answered_by`: the kind of referral that answers it instead; None:
    nobody does."""

    asked: Asked
    kind: Kind
    words: str
    answered_by: ReferralKind | None


def gaps(site: Site, asked: Iterable[Asked]) -> Iterator[Gap]:
    """What of all that is asked for no program of the level answers, in the order given."""
    by_level = {level: [each for each in site.programs if each.level == level] for level in Level}
    for one in asked:
        need = site.need(one.need)
        needs = _only(one.need, one.value)
        if needs is None or (need is None and one.need not in COUNTED):
            yield Gap(one, "preference", one.need.replace("_", " "), None)  # a need that the site has no more
            continue
        if need is not None and need.referral is not None:
            yield Gap(one, need.kind, need.words, need.referral)
            continue
        judged = [judged_by_needs(program, needs, site.needs) for program in by_level[Level(one.level)]]
        if not any(all(reason.holds for reason in each) for each in judged):
            words = next((each.words for each in site.needs if each.key == one.need), one.need.replace("_", " "))
            yield Gap(one, kind_of(site.needs, one.need), words, None)


def _only(name: str, value: Any) -> Needs | None:
    """Nothing but this need; None for a value that it cannot have."""
    try:
        return read_as_struct(Needs, {name: value} if name in COUNTED else {"also": {name: value}})
    except InvalidMessage:
        return None
