"""What is asked for in the box: parts of names, a birth date, a telephone number, an id or a visit number. Pure.

The parts of a question narrow down: a person is meant who has all of them. A question with digits may also be one
number as a whole, with blanks in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from services.intake.people.finding import words
from services.intake.people.finding.folding import folded, name_words

LONGEST, MOST_PARTS = 200, 6
"""Characters and parts of a question at most."""
_MONTHS = {
    name: place
    for names in (
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "ene feb mar abr may jun jul ago sep oct nov dic",
    )
    for place, name in enumerate(names.split(), 1)
}
"""Beginnings of the months' names in English and Spanish."""
_DAY = re.compile(
    r"(?<![\w/.-])(?:(?P<iso>\d{4}[-/.]\d{1,2}[-/.]\d{1,2})|(?P<local>\d{1,2}[-/.]\d{1,2}[-/.]\d{4})"
    r"|(?P<words>\d{1,2}(?:st|nd|rd|th|\.)?\s+(?:de\s+)?[^\W\d_]{3,12}\.?,?\s+(?:de\s+)?\d{4}"
    r"|[^\W\d_]{3,12}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4}))(?![\w/-])",
    re.IGNORECASE,
)
_TELEPHONE = re.compile(
    r"(?<![\w-])(?:\+?1[\s.-]?)?(?:\(\d{3}\)\s?|\d{3}[\s.-])?\d{3}[\s.-]\d{4}(?:\s*(?:ext\.?|x|#)\s*\d+)?(?![\w-])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a question: the words that a person may have for it, by how well they fit, and the visit numbers that
    it may be. `kind`: name, birth-date, telephone or number."""

    kind: str
    numbers: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    beginnings: frozenset[str] = frozenset()
    visits: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Question:
    """Its parts, all of which a person has who is meant; or who has the one number that it is as a whole (`together`),
    where it may be one."""

    parts: tuple[Part, ...]
    together: Part | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which kinds of parts it has, sorted: what the audit says of it."""
        return tuple(sorted({part.kind for part in self.parts}))


def asked(text: str) -> Question:
    """What a text asks for; without parts where there is nothing to search by."""
    rest, parts = text, list[Part]()
    for pattern, read in ((_DAY, _day), (_TELEPHONE, _number)):
        for match in list(pattern.finditer(rest)):
            if (part := read(match[0])) is not None:
                parts.append(part)
                rest = rest.replace(match[0], " ", 1)
    parts += [part for each in re.split(r"[\s,;]+", rest) for part in _parts(each)]
    has_digit = any(sign.isdigit() for sign in text)
    return Question(tuple(dict.fromkeys(parts)), _number(text) if has_digit else None)


def _parts(text: str) -> Iterator[Part]:
    """The parts in a text without blanks: a number, or the words of a name."""
    names = [_name(word) for word in name_words(text)]
    if not any(sign.isdigit() for sign in text):
        yield from names
    elif (part := _number(text)) is not None:
        one = names[0] if len(names) == 1 else Part("number")
        yield replace(part, whole=part.whole | one.whole, beginnings=one.beginnings)


def _name(word: str) -> Part:
    return Part("name", whole=frozenset({words.whole(word)}), beginnings=_some(words.beginning(word)))


def _number(text: str) -> Part | None:
    """A text with digits as an id, a telephone number, a birth date or a visit number; None where nothing is in it."""
    told = text.strip()
    if not (own := words.number(told)):
        return None
    telephone, day = words.telephone_asked(told), _read(told)
    kind = "telephone" if _TELEPHONE.fullmatch(told) else "number"
    together = re.sub(r"\s", "", told)
    visits = {told, together, together.replace("-", "")}
    visits |= {each.upper() for each in visits}
    return Part(kind, _some(own), frozenset(telephone) | _born(day), visits=frozenset(visits))


def _day(text: str) -> Part | None:
    """A written day, which may be an id too; None for what only looks like one."""
    day = _read(text)
    return Part("birth-date", _some(words.number(text)), _born(day)) if day else None


def _read(text: str) -> date | None:
    """A day: 1968-12-06, 19681206, 12/06/1968 (month first, unless there is no such month), 06.12.1968 (day first),
    6 Dec 1968, December 6, 1968, 6 de diciembre de 1968."""
    match = _DAY.fullmatch(text)
    try:
        if re.fullmatch(r"\d{8}", text):
            return date.fromisoformat(text)
        if match is None:
            return None
        if match["words"]:
            return _in_words(match["words"])
        one, two, three = (int(each) for each in re.split(r"[-/.]", text))
        if match["iso"]:
            return date(one, two, three)
        day_first = "." in text or one > 12
        return date(three, two, one) if day_first else date(three, one, two)
    except ValueError:
        return None


def _in_words(text: str) -> date | None:
    """A day with its month in words. Raises ValueError for a day that the month does not have."""
    month = re.findall(r"[^\W\d_]{3,}", text)[0]
    day, year = (int(each) for each in re.findall(r"\d+", text))
    known = _MONTHS.get(folded(month)[:3])
    return date(year, known, day) if known else None


def _born(day: date | None) -> frozenset[str]:
    return frozenset({words.born(day)} if day else ())


def _some(word: str) -> frozenset[str]:
    return frozenset({word} if word else ())
