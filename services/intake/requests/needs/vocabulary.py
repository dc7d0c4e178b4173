"""Needs as they are told, against the site's vocabulary: which goes on as a code, and which a person has to read first
(contract 3.7.3). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, get_args

import msgspec

from shared.events.base import Code
from shared.events.placing import Mode, Needs
from shared.site.config import Site
from shared.site.needs import KNOWN, codes_of, unfit_code

UNKNOWN: Final = "unknown"
"""What stands on the fact in the place of a need that the site's vocabulary does not have (contract 2)."""
OPEN, MAPPED, SET_ASIDE = "open", "mapped", "set-aside"


class UnknownNeed(NamedTuple):
    """A need that is not in the vocabulary: its place among those that were told, and what was told."""

    place: int
    told: str


class ToldNeeds(NamedTuple):
    """The needs of a request as codes that go on, and those among them that a person has to read."""

    codes: tuple[str, ...]
    unknown: tuple[UnknownNeed, ...]


def read(site: Site, told: Iterable[str]) -> ToldNeeds:
    """The needs as they go on: each as the site's code, or `unknown` where the site has none."""
    every = tuple(told)
    unknown = tuple(UnknownNeed(n, each) for n, each in enumerate(every) if unfit(site, each) is not None)
    places = {one.place for one in unknown}
    return ToldNeeds(tuple(UNKNOWN if n in places else code(site, each) for n, each in enumerate(every)), unknown)


def code(site: Site, told: str) -> str:
    """A need that fits, as the site writes it: of a payer the id, whatever name it was told with."""
    key, _, value = told.partition(":")
    payer = site.payer(value) if key == "payer" else None
    return f"payer:{payer.id}" if payer else told


def unfit(site: Site, told: str) -> str | None:
    """Why what was told is none of the site's needs; None where it is one."""
    if (why := unfit_code(site.needs, told)) is not None:
        return why
    key, _, value = told.partition(":")
    return None if key not in KNOWN or _known(site, key, value) else f"the need `{key}` has no such value"


def _known(site: Site, key: str, value: str) -> bool:
    """Whether one of the needs that every site has may have this value."""
    if key in _OF_THE_SITE:
        return value.casefold() in {each.casefold() for each in _OF_THE_SITE[key](site)} or (
            key == "payer" and site.payer(value) is not None
        )
    given: object = [value] if key == "days" else value
    try:
        msgspec.convert({key: given}, Needs, strict=False)
    except msgspec.ValidationError:
        return False
    return key != "language" or (value.isascii() and value.islower() and value.isalpha() and len(value) in {2, 3})


_OF_THE_SITE: Final[Mapping[str, Callable[[Site], Iterable[str]]]] = {
    "payer": lambda site: (each.id for each in site.payers),
    "track": lambda site: (each for one in site.programs for each in one.tracks),
    "accreditation": lambda site: (each for one in site.programs for each in one.accreditation),
}
"""Need → the values that the site has for it."""


def answered(first: Iterable[Code], decided: Mapping[int, str | None]) -> tuple[str, ...]:
    """The needs once people read those that were unknown. `first`: as they went on at first; `decided`: place → the
    site's need, None for one that was set aside; a place that is absent is as it was."""
    found = (decided.get(place, each) for place, each in enumerate(first))
    return tuple(each for each in found if each is not None)


def choices(site: Site) -> dict[str, str]:
    """Every need that a person may choose, in words: the site's own, and those of its programs' fields."""
    words = {each.key: each.words for each in site.needs}
    told = [
        *(("language", each) for each in sorted({each for one in site.programs for each in one.languages})),
        *(("track", each) for each in sorted({*_OF_THE_SITE["track"](site)})),
        *(("accreditation", each) for each in sorted({*_OF_THE_SITE["accreditation"](site)})),
        *(("mode", each) for each in get_args(Mode)),
    ]
    known = {f"{key}:{value}": f"{words.get(key, key)}: {value}" for key, value in told}
    return {each: said for each, said in {**codes_of(site.needs), **known}.items() if unfit(site, each) is None}
