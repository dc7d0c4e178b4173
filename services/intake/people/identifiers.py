"""Which numbers in a message are keys, by which a patient is known, and how they are hashed (contract 6, Who). Pure.

A number is its authority and its value; the type (CX.5) only says whether it is a key. It is looked up by a keyed hash
for each name that its authority is known by, and stored under the first of these.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from services.intake.hl7.model import PatientId
from shared.site.config import Site

Blind = Callable[[str], bytes]
"""Hashes a text with the service's secret key."""
NamePair = tuple[bytes, bytes]
"""Two names of one authority, hashed: CX.4.1 and CX.4.2."""

_RANK = {"MR": 0, "": 1, "PI": 2, "PT": 3}
"""Types of keys, the surest first; "" is an id without a type. Site config may add more."""
_NOT_OF_A_PERSON = frozenset({"AN", "ANC", "AND", "ANON", "ANT", "VN", "SN", "BC"})
"""Types (HL7 table 0203) that say nothing of a person: numbers of accounts and visits are used again, and a
subscriber's is a whole family's."""
_ONE_AUTHORITY = {"SSN": "SS", "SS": "SS"}
"""Types of which there is one authority, whatever it is called → the type that they are kept as."""
REASONS = {"SS": "same-ssn", "DL": "same-driver-license", "PPN": "same-passport"}
"""Type of a number that is no key → the word for two patients who share it."""
SAME_KEY, SAME_OTHER = "same-identifier", "same-other-number"
"""The words for sharing a key, and for sharing a number of any other type."""
_BETWEEN = re.compile(r"[\s-]")
_MOST = 4096
"""Authorities and facilities whose names are kept at hand."""


class Number(NamedTuple):
    """A number told of a patient: its keyed hashes, the one that it is stored under first; those of its authority."""

    keys: tuple[bytes, ...]
    authorities: tuple[bytes, ...]
    type: str
    is_key: bool
    """Whether a patient is known by it; else it is only evidence that two patients may be one."""
    told: PatientId

    @property
    def reason(self) -> str:
        """The word for two patients who share it."""
        return SAME_KEY if self.is_key else REASONS.get(self.type, SAME_OTHER)

    def __repr__(self) -> str:
        return "<Number>"


class Authorities:
    """The names of each authority: those in site config, and pairs (CX.4.1, CX.4.2) that hospitals told together.

    A name that is paired is not paired again: else one universal id told with the namespaces of two hospitals would
    make their numbers the same.
    """

    def __init__(self, site: Site, blind: Blind, pairs: Iterable[NamePair] = ()) -> None:
        self._blind, self._site = blind, site
        self._hashes: dict[str, bytes] = {}
        self._groups: dict[bytes, tuple[bytes, ...]] = {}
        self._own: dict[str, bytes] = {}
        for one in site.authorities:
            facility = site.facility(one.facility) if one.facility else None
            names = tuple(map(self.hashed, (*one.names, *((facility.name,) if facility else ()))))
            if facility:
                self._own.setdefault(facility.name, names[0])
            for name in names:
                before = self._groups.get(name, ())
                for each in {*before, *names}:
                    self._groups[each] = tuple(dict.fromkeys((*before, *names)))
        self._pairs: dict[bytes, bytes] = {}
        for space, universal in pairs:
            self._pairs |= {space: universal, universal: space}
        self.names = lru_cache(_MOST)(self._names)
        """(authority or None, facility) → hashes of all names of the authority, that under which its ids are stored
        first. An id without authority is the facility's own."""
        self.own = lru_cache(_MOST)(self._own_names)
        """Facility → hashes of the names of its own authority."""

    def hashed(self, name: str) -> bytes:
        """The keyed hash of a name, which counts without case and outer blanks."""
        text = name.strip().casefold()
        if text not in self._hashes:
            if len(self._hashes) > 10_000:
                self._hashes.clear()
            self._hashes[text] = self._blind(f"authority\x1f{text}")
        return self._hashes[text]

    def _names(self, authority: str | None, facility: str) -> tuple[bytes, ...]:
        if not authority:
            own = self._own.get(facility) or self.hashed(facility)
            return self._with_pairs(self._groups.get(own, (own,)))
        name = self.hashed(authority)
        return self._with_pairs(self._groups.get(name, (name,)), name)

    def _own_names(self, facility: str) -> frozenset[bytes]:
        return frozenset(self.names(None, facility))

    def new_pair(self, told: PatientId) -> NamePair | None:
        """The two names of an id's authority, if they are not paired yet and contradict nothing known; else None."""
        if not told.authority or not told.universal or told.authority == told.universal:
            return None
        space, universal = self.hashed(told.authority), self.hashed(told.universal)
        if space == universal or {space, universal} & self._pairs.keys() or universal in self._groups:
            return None
        return space, universal

    def _with_pairs(self, names: tuple[bytes, ...], told: bytes | None = None) -> tuple[bytes, ...]:
        """The names and those that they are paired with, in an order that does not depend on which of them was told."""
        more = [self._pairs[name] for name in names if name in self._pairs]
        more += [each for name in more for each in self._groups.get(name, ())]
        every = tuple(dict.fromkeys((*names, *more)))
        return every if told is None or len(names) > 1 else tuple(sorted(every))


class Numbers:
    """Sorts out the numbers of messages by this site's config: keys, evidence only, or nothing."""

    def __init__(self, site: Site, blind: Blind) -> None:
        self._blind = blind
        self._types = {*_RANK, *site.identifier_types}
        values = [_plain(each) for each in site.placeholders.values]
        self._placeholders = frozenset(each for each in values if not each.endswith("*"))
        self._beginnings = tuple(each.rstrip("*") for each in values if each.endswith("*"))
        self.born_never = frozenset(each.isoformat() for each in site.placeholders.birth_dates)

    def of(self, told: Iterable[PatientId], facility: str, authorities: Authorities) -> tuple[Number, ...]:
        """These ids as numbers, each once: keys before others, the surest first (the facility's own MR). Placeholders
        and numbers that say nothing of a person are left out."""
        found: dict[bytes, Number] = {}
        for each in told:
            kind = (each.type or "").upper()
            if not self.placeholder(each.id) and kind not in _NOT_OF_A_PERSON:
                number = self._number(each, kind, authorities.names(each.authority, facility))
                found.setdefault(number.keys[0], number)
        if len(found) < 2:
            return tuple(found.values())
        own = authorities.own(facility)
        return tuple(sorted(found.values(), key=lambda one: _rank(one, own)))

    def placeholder(self, value: str) -> bool:
        """Whether a value stands for an unknown number: an empty one, or one of the site's placeholders."""
        plain = _plain(value)
        return not plain or plain in self._placeholders or plain.startswith(self._beginnings or ("\0",))

    def _number(self, told: PatientId, kind: str, names: tuple[bytes, ...]) -> Number:
        is_key = kind in self._types
        kind = _ONE_AUTHORITY.get(kind, kind)
        if kind in _ONE_AUTHORITY.values():
            keys: tuple[bytes, ...] = (self._blind(f"number\x1f{kind}\x1f{_plain(told.id)}"),)
        else:
            before = "" if is_key else f"{kind}\x1f"
            keys = tuple([self._blind(f"number\x1f{before}{name.hex()}\x1f{told.id.strip()}") for name in names])
        return Number(keys, names, kind, is_key, told)


def clash(number: Number, others: Mapping[bytes, tuple[frozenset[bytes], frozenset[str]]]) -> bool:
    """Whether a person with the numbers `others` (key → (names of the authority, types told)) has a number of the same
    authority and type that differs from `number`. An id without a type counts as of any type.
    """
    for key, (authorities, types) in others.items():
        if key in number.keys or not authorities & frozenset(number.authorities):
            continue
        kinds = types - {""}
        if not number.type or not kinds or number.type in kinds:
            return True
    return False


def _rank(number: Number, own: frozenset[bytes]) -> tuple[bool, bool, int, bool]:
    """The sort key of a number: the surest first."""
    mine = bool(own & frozenset(number.authorities))
    return not number.is_key, not (mine and number.type == "MR"), _RANK.get(number.type, 9), not mine


def _plain(value: str) -> str:
    """A value without blanks, hyphens and case."""
    return (value if value.isalnum() else _BETWEEN.sub("", value)).casefold()
