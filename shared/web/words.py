"""What people read, in their language: English is in the code, each other language is a catalog beside this file
(`words/es.po`, gettext).

A text is said where it is shown: `say("{count} days waiting", count=3)`. What a catalog does not have is said in
English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from babel import Locale, negotiate_locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

LANGUAGES = ("en", "es")
"""The languages of the pages; the first is the one that the code is written in."""
NAMES = {"en": "English", "es": "Español"}
"""What each language calls itself."""
CATALOGS = Path(__file__).resolve().parent / "words"
_SPEAKING: ContextVar[str] = ContextVar("language", default=LANGUAGES[0])


def speak(accepted: str) -> str:
    """Choose the language of everything that is said from here on in this task, and return it.

    `accepted`: the text of an Accept-Language header (RFC 9110 12.5.4), or the code of one language.
    """
    found = _wanted_most(accepted)
    _SPEAKING.set(found)
    return found


@contextmanager
def speaking(accepted: str) -> Iterator[None]:
    """The same for what is said within it; afterwards the language is the one before."""
    before = _SPEAKING.set(_wanted_most(accepted))
    try:
        yield
    finally:
        _SPEAKING.reset(before)


def _wanted_most(accepted: str) -> str:
    wanted = sorted(filter(None, map(_weighed, accepted.split(","))), reverse=True)
    return negotiate_locale([code for _, code in wanted], LANGUAGES, sep="-") or LANGUAGES[0]


def language() -> str:
    """The code of the language that is spoken now: `en`, `es`."""
    return _SPEAKING.get()


def locale() -> Locale:
    """The language spoken now as Babel takes it, for days and numbers."""
    return _locale(_SPEAKING.get())


@cache
def _locale(code: str) -> Locale:
    return Locale(code)


def say(text: str, /, **values: object) -> str:
    """An English text in the language that is spoken now, with the values in its places: `say("until {day}", day=…)`.
    Raises KeyError for a place without a value."""
    message = None if language() == LANGUAGES[0] else catalog(language()).get(text)
    told = str(message.string) if message is not None and message.string else text
    return told.format(**values) if values else told


def say_count(one: str, many: str, count: int, **values: object) -> str:
    """The same for a text with a number, `count`, in its places: `say_count("{count} day", "{count} days", 3)`."""
    spoken = language()
    if spoken == LANGUAGES[0]:
        return (one if count == 1 else many).format(count=count, **values)
    found = catalog(spoken)
    message = found.get(one)
    forms = message.string if message is not None and message.pluralizable else ()
    form = _locale(spoken).plural_form(count) == "one"
    told = (forms[0] if form else forms[1]) if forms and all(forms) else (one if count == 1 else many)
    return told.format(count=count, **values)


def say_again(text: str, said: Callable[[str], str] = str) -> str:
    """A finished English sentence, such as a refusal that programs get too, in the language that is spoken now.

    It is found in the catalog as it is, else by a text of rules with places that it fits: `the plan is {state}` fits
    `the plan is closed`; `said` puts what stands in a place into words. What is not found stays as it is."""
    whole = catalog(language()).get(text)
    if whole is not None:
        return str(whole.string or text)
    for fits, told in _with_places(language()):
        if there := fits.fullmatch(text):
            return told.format(**{name: said(value) for name, value in there.groupdict().items()})
    return text


AGAIN = "again"
"""The flag in a catalog of a text that rules fill in, and pages say again (`say_again`)."""


@cache
def _with_places(code: str) -> list[tuple[re.Pattern[str], str]]:
    """Every text of rules that has places, as a pattern, with what is said for it; the longest first."""
    marked = [each for each in catalog(code) if AGAIN in each.flags and isinstance(each.id, str)]
    found = [(_pattern(str(each.id)), str(each.string or each.id)) for each in marked if PLACE.search(str(each.id))]
    return sorted(found, key=lambda one: -len(PLACE.sub("", one[0].pattern)))


def _pattern(text: str) -> re.Pattern[str]:
    parts = PLACE.split(text)
    plain, names = parts[::2], [*parts[1::2], ""]
    named = (f"(?P<{name}>.+?)" if name else "" for name in names)
    return re.compile("".join(re.escape(own) + value for own, value in zip(plain, named, strict=True)), re.DOTALL)


PLACE = re.compile(r"\{(\w+)\}")
"""A place for a value in a text."""


@cache
def catalog(code: str) -> Catalog:
    """The texts of one language, read once in a process. Raises FileNotFoundError for one that is not here."""
    with (CATALOGS / f"{code}.po").open("rb") as file:
        return read_po(file, locale=code)


def _weighed(part: str) -> tuple[float, str] | None:
    """`es-MX;q=0.8` → (0.8, `es-MX`); None for what is no such part."""
    code, _, weight = part.partition(";")
    try:
        return (float(weight.strip().removeprefix("q=") or 1), code.strip()) if code.strip() else None
    except ValueError:
        return None
