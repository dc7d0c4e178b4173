"""The words by which a person is found: normalised from fields and from questions alike, then hashed with a key. Pure.

Names by their beginnings (folding.py) and whole; the birth date; a telephone number by its last seven and ten digits
too; an id without case, blanks and dashes (decision 0193).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from services.intake.people.finding.folding import LEAST, MOST, beginnings, name_words, words_to_find
from services.intake.people.person import IDS, Fields, contacts
from shared.storage.sealing import Seal

LOCAL, NATIONAL = 7, 10
"""Digits of a telephone number in North America, without and with the area code; the shorter is the least of any."""
_NEVER = frozenset({"SS", "SSN"})
"""Social security numbers (HL7 table 0203 and its common misspelling) are kept and shown, never searched by."""
_EXTENSION = re.compile(r"\s*(?:ext\.?|x|#)\s*\d+\s*$", re.IGNORECASE)


def words_of(fields: Fields) -> frozenset[str]:
    """The words by which the person that these fields describe is found."""
    now = {name: value for name, (value, _) in fields.items() if value}
    names = {word for pair in now.get("names", ()) for part in pair for word in words_to_find(part)}
    found = {whole(word) for word in names} | {_begins(each) for word in names for each in beginnings(word)}
    found |= {number(one[0] or "") for one in now.get(IDS, ()) if (one[2] or "").upper() not in _NEVER}
    for each in contacts(fields):
        found |= telephones(each["value"]) if each["system"] == "phone" else set()
    if "birth_date" in now:
        found.add(born(date.fromisoformat(now["birth_date"])))
    return frozenset(filter(None, found))


def words_to_find_of(name: Iterable[str | None]) -> set[str]:
    """The folded words of a name told as family and given name."""
    return {word for part in name if part for word in words_to_find(part)}


def whole(word: str) -> str:
    """For a folded word of a name."""
    return f"name\x1f{word}"


def beginning(word: str) -> str:
    """For a folded word that names begin with; "" where it has too few letters to be looked up as a beginning."""
    return _begins(word[:MOST]) if len(word) >= LEAST else ""


def number(text: str) -> str:
    """For an id, however its blanks, dashes and case are written; "" where nothing is left of it."""
    plain = "".join(name_words(text))
    return f"id\x1f{plain}" if plain else ""


def telephones(text: str) -> set[str]:
    """For a telephone number as it is kept: all of its digits, the last ten and the last seven."""
    digits = digits_of(text)
    return {f"phone\x1f{digits[-most:]}" for most in (len(digits), NATIONAL, LOCAL)} if len(digits) >= LOCAL else set()


def telephone_asked(text: str) -> set[str]:
    """For a telephone number as it is asked for: all of its digits, and the last ten where a country's code or a zero
    stands before them."""
    digits = digits_of(text)
    return {f"phone\x1f{digits[-most:]}" for most in (len(digits), NATIONAL)} if len(digits) >= LOCAL else set()


def digits_of(text: str) -> str:
    """The digits of a telephone number without extension and without the country code of North America."""
    digits = "".join(sign for sign in _EXTENSION.sub("", text) if sign in "0123456789")
    return digits[1:] if len(digits) == NATIONAL + 1 and digits.startswith("1") else digits


def born(day: date) -> str:
    """For a birth date."""
    return f"born\x1f{day.isoformat()}"


def hashes(words: Iterable[str], seal: Seal) -> list[int]:
    """The words as they are stored and looked up: the first 64 bits of their keyed hashes, sorted."""
    return sorted(int.from_bytes(seal.blind(word)[:8], "big", signed=True) for word in words)


def _begins(part: str) -> str:
    return f"begin\x1f{part}"
