"""How alike two persons are by what was told of them: names folded, birth date, sex, telephone, address. Pure.

Nothing here makes two people one: it is what speaks for and against a probable match, and how many points that is by
the site's rules (contract 6, Who).
"""

from __future__ import annotations

from typing import Any, Final

from rapidfuzz.distance import JaroWinkler

from services.intake.people.finding.folding import folded, name_words
from services.intake.people.finding.words import NATIONAL, digits_of
from services.intake.people.joining import BORN, NAME, SAME_BORN, SAME_NAME, SEX, differences
from services.intake.people.person import Fields, contacts
from shared.site.likeness import Likeness

SIMILAR_NAME, SAME_TELEPHONE, SAME_ADDRESS = "similar-name", "same-telephone", "same-address"
_KEYS: Final = {
    SAME_NAME: "same_name", SIMILAR_NAME: "similar_name", SAME_BORN: "same_birth_date",
    SAME_TELEPHONE: "same_telephone", SAME_ADDRESS: "same_address", NAME: "name_differs", BORN: "birth_date_differs",
    SEX: "sex_differs",
}  # fmt: skip
"""A likeness or difference → the key of the site config that says how many points it counts."""
LIKELY: Final = frozenset({SAME_NAME, SIMILAR_NAME, SAME_BORN, SAME_TELEPHONE, SAME_ADDRESS})
"""What speaks for a match that is listed by likeness alone."""


def compared(
    one: Fields, other: Fields, born_never: frozenset[str], rules: Likeness
) -> tuple[frozenset[str], frozenset[str]]:
    """(for, against): what speaks for and against two records being one person's."""
    speaks_for, against = map(set, differences(one, other, born_never))
    if NAME in against and (alike := _alike(one, other, rules.similar_from)):
        against.discard(NAME)
        speaks_for.add(alike)
    if _telephones(one) & _telephones(other):
        speaks_for.add(SAME_TELEPHONE)
    if (address := _address(one)) and address == _address(other):
        speaks_for.add(SAME_ADDRESS)
    return frozenset(speaks_for), frozenset(against)


def points(speaks_for: frozenset[str], against: frozenset[str], rules: Likeness) -> int:
    """How much speaks for two records being one person's."""
    return sum(int(getattr(rules, _KEYS[each])) for each in (speaks_for | against) & _KEYS.keys())


def _alike(one: Fields, other: Fields, similar_from: float) -> str | None:
    """Whether any two names are the same once folded, or similar in both family and given name."""
    best: str | None = None
    for family, given in _names(one):
        for other_family, other_given in _names(other):
            if (family, given) == (other_family, other_given):
                return SAME_NAME
            if all(_similar(*pair, similar_from) for pair in ((family, other_family), (given, other_given))):
                best = SIMILAR_NAME
    return best


def _similar(one: str, other: str, from_on: float) -> bool:
    return bool(one and other) and JaroWinkler.similarity(one, other) >= from_on


def _names(fields: Fields) -> list[tuple[str, str]]:
    """Each name as folded family and given name."""
    told = _value(fields, "names") or ()
    return [("".join(name_words(family or "")), "".join(name_words(given or ""))) for family, given in told]


def _telephones(fields: Fields) -> set[str]:
    """The last ten digits of each telephone number that has as many."""
    digits = [digits_of(each["value"]) for each in contacts(fields) if each["system"] == "phone"]
    return {each[-NATIONAL:] for each in digits if len(each) >= NATIONAL}


def _address(fields: Fields) -> tuple[str, ...]:
    """Line, city and postal code, folded; empty where one of line and postal code is not told."""
    parts = [folded(part or "").strip() for part in (_value(fields, "address") or ())]
    parts += [""] * (5 - len(parts))
    return (" ".join(name_words(parts[0])), parts[2], parts[4][:5]) if parts[0] and parts[4] else ()


def _value(fields: Fields, name: str) -> Any:
    return fields[name][0] if name in fields else None
