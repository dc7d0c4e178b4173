"""The words of a page as its readers see them, and which of them are codes, or of another language than the page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from html.parser import HTMLParser

from babel import Locale

from shared.web.words import catalog

_UNSEEN = {"script", "style", "template"}
_SAID = {"aria-label", "title", "placeholder", "alt"}
_WORD = re.compile(r"[^\W\d_]{2,}")
CODE = re.compile(
    r"\b[a-z]+(?:-[a-z0-9]+)+"  # left-message
    r"|\b[a-z]+(?:_[a-z0-9]+)+"  # start_date
    r"|\b[A-Z]{2,}-[A-Z0-9]+"  # GH-PHP1
    r"|\d{4}-\d\d-\d\d"  # 2026-05-06
    r"|\b[0-9a-f]{8,}\b"  # an id
)
"""What looks like a code, a day for machines, or an id."""


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in _SAID and value]
        if tag in _UNSEEN:
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.inside[-1:] == [tag]:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside and data.strip():
            self.found.append(" ".join(data.split()))


def texts(page: str) -> list[str]:
    """Every text of a page that somebody sees or hears, its title and the choices of its forms among them."""
    reader = _Texts()
    reader.feed(page)
    return reader.found


def codes(page: str, data: Iterable[str] = ()) -> list[str]:
    """What looks like a code in a page's texts and is no word of the catalogs; `data`: texts that are no words of ours,
    such as titles of programs."""
    known = _hyphened("en") | _hyphened("es")
    return [code for text in texts(page) for code in CODE.findall(_without(text, data)) if code.lower() not in known]


def strange(page: str, code: str, data: Iterable[str] = ()) -> list[str]:
    """The texts with words that neither this language's catalog says nor its calendar
    or names of languages; `data` as in `codes`."""
    known = _vocabulary(code)
    return [
        text for text in texts(page) if any(word.lower() not in known for word in _WORD.findall(_without(text, data)))
    ]


def _without(text: str, data: Iterable[str]) -> str:
    return _any_of(tuple(data)).sub(" ", text)


@cache
def _any_of(data: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(filter(None, data), key=len, reverse=True)
    every = "|".join(map(re.escape, longest_first)) or "(?!)"
    return re.compile(rf"(?<!\w)(?:{every})(?!\w)", re.IGNORECASE)


@cache
def _vocabulary(code: str) -> frozenset[str]:
    calendar = Locale(code)
    names = [
        str(name)
        for table in (calendar.days["format"], calendar.months["format"])
        for width in ("abbreviated", "wide")
        for name in table[width].values()
    ]
    names += map(str, calendar.languages.values())
    return frozenset(word.lower() for text in [*_told(code), *names, *_EVERYWHERE] for word in _WORD.findall(text))


_EVERYWHERE = ("Stepdown", "English", "Español", "EST", "EDT", "CST", "CDT", "UTC", "Esc", "de")
"""Names that are the same in every language."""


@cache
def _hyphened(code: str) -> frozenset[str]:
    return frozenset(word.lower() for text in _told(code) for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)+", text))


def _told(code: str) -> list[str]:
    """What a language's catalog may say."""
    found = []
    for message in catalog(code):
        said = message.string if message.string and any(message.string) else message.id
        found += [re.sub(r"\{\w+\}", " ", each) for each in ([said] if isinstance(said, str) else map(str, said))]
    return found
