"""The words by which a person is searched for: normalised from fields and from questions, then hashed with a key. Pure.

Names without case, accents and apostrophes, word by word and whole; the whole birth date; the digits of a telephone
number; an id without case. So a question finds whole words only: no beginnings, no sounds-like (decision 0114).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from services.intake.people.person import IDS, Fields, contacts

MOST_PARTS = 6
_PHONE = 7
"""Digits of a telephone number at least."""
_NEVER = frozenset({"SS", "SSN"})
"""Social security numbers (HL7 table 0203 and its common misspelling) are kept and shown, never searched by."""
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "'": "", "’": "", "‘": "", "`": ""})
_WORDS = re.compile(r"[^\W_]+")
_NOT_DIALLED = re.compile(r"[\s()+./-]+|ext?\.?|x", re.IGNORECASE)


def words_of(fields: Fields) -> frozenset[str]:
    """The words by which the person that these fields describe is found."""
    now = {name: value for name, (value, _) in fields.items() if value}
    found = {_name(word) for pair in now.get("names", ()) for part in pair for word in name_words(part)}
    found |= {_id(one[0]) for one in now.get(IDS, ()) if (one[2] or "").upper() not in _NEVER}
    found |= {_phone(each["value"]) for each in contacts(fields) if each["system"] == "phone"}
    if "birth_date" in now:
        found.add(_born(now["birth_date"]))
    return frozenset(filter(None, found))


def asked(question: str) -> list[frozenset[str]]:
    """A question as groups of words: a person is meant who has at least one word of every group.

    A whole question of digits is a telephone number, a birth date or an id; else each of its parts is a name, or one of
    these. Empty where there is nothing to search by.
    """
    whole = question.strip()
    if _digits(whole) and not _NOT_DIALLED.sub("", whole).strip("0123456789"):
        return [_figures(whole)]
    groups: list[frozenset[str]] = []
    for part in re.split(r"[\s,;]+", whole):
        if any(sign.isdigit() for sign in part):
            groups.append(_figures(part) | {_name(word) for word in name_words(part)})
        else:
            groups += [frozenset({_name(word)}) for word in name_words(part)]
    return list(dict.fromkeys(group for group in groups if group))


def name_words(text: str) -> list[str]:
    """The parts of a name, without case, accents and apostrophes: `O'Brien-Müller` → obrien, muller."""
    plain = text.casefold().translate(_LETTERS)
    if not plain.isascii():
        apart = unicodedata.normalize("NFKD", plain)
        plain = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return _WORDS.findall(plain)


def _figures(text: str) -> frozenset[str]:
    return frozenset(filter(None, (_id(text), _phone(text), _born(text))))


def _born(text: str) -> str:
    """The word for a day written as YYYY-MM-DD, YYYYMMDD or MM/DD/YYYY; "" for any other text."""
    american = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text)
    try:
        day = date(*(int(american[place]) for place in (3, 1, 2))) if american else date.fromisoformat(text)
    except ValueError:
        return ""
    return f"born\x1f{day.isoformat()}"


def _phone(text: str) -> str:
    """The word for a telephone number, without the country code of North America; "" where it has too few digits."""
    digits = _digits(text)
    if len(digits) == 11 and digits.startswith("1"):
        digits = digits[1:]
    return f"phone\x1f{digits}" if len(digits) >= _PHONE else ""


def _digits(text: str) -> str:
    return text if text.isascii() and text.isdecimal() else "".join(sign for sign in text if sign in "0123456789")


def _id(text: str | None) -> str:
    return f"id\x1f{text.strip().casefold()}" if text and text.strip() else ""


def _name(word: str) -> str:
    return f"name\x1f{word}"
