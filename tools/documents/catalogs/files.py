"""The catalogs as files: `en.po` lists every text with the files that have it, `es.po` says each in Spanish."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cache

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from shared.web.words import AGAIN, CATALOGS, LANGUAGES, PLACE
from tools.documents.catalogs.texts import collected

SOURCE, *OTHERS = LANGUAGES
_HEAD = """\
# {about}
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Language: {code}\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""
_ABOUT = """Every text that people read, by `stepdown export words`; do not edit.
# A text with the flag `again` is filled in by rules, and said again by pages."""


def files() -> dict[str, str]:
    """Path below the repository → text, of the list of texts and of every catalog, with what is missing left empty and
    what is left over taken out."""
    found = {f"{code}.po": _renewed(code) for code in OTHERS}
    return {f"{SOURCE}.po": _HEAD.format(about=_ABOUT, code=SOURCE) + _written(source()), **found}


@cache
def source() -> Catalog:
    """Every text of the code as a catalog without translations."""
    made = Catalog(locale=SOURCE)
    for text, places in sorted(collected().items()):
        key = (text.one, text.many) if text.many else text.one
        there = [(place, 0) for place in sorted(places)]
        made.add(key, locations=there, flags=[AGAIN] if text.again else [])
    return made


def faults() -> list[str]:
    """What is wrong with the catalogs, in sentences; empty where nothing is."""
    here = CATALOGS / f"{SOURCE}.po"
    stale = not here.is_file() or here.read_text(encoding="utf-8") != files()[here.name]
    found = [f"{here.name} is stale: run `stepdown export words`"] if stale else []
    return found + [f"{code}.po: {fault}" for code in OTHERS for fault in faults_of(_read(code), source())]


def faults_of(told: Catalog, every: Catalog) -> Iterator[str]:
    """What is wrong with a language's catalog: texts that are missing, left over, or say other places."""
    for message in every:
        if message.id and (own := told.get(_one(message))) is None:
            yield f"missing: {_one(message)}"
        elif message.id and own is not None:
            yield from _faults_of(message, own)
    known = {_one(message) for message in every}
    yield from (f"left over: {_one(each)}" for each in told if each.id and _one(each) not in known)


def _faults_of(message: Message, own: Message) -> Iterator[str]:
    forms, told = _forms(message.id), _forms(own.string)
    if len(forms) != len(told) or not all(told):
        yield f"not translated: {_one(message)}"
        return
    for text, said in zip(forms, told, strict=True):
        if set(PLACE.findall(text)) != set(PLACE.findall(said)):
            yield f"other places: {text} → {said}"


def _forms(text: object) -> tuple[str, ...]:
    """A text, or its singular and its plural."""
    return tuple(map(str, text)) if isinstance(text, list | tuple) else (str(text),)


def _one(message: Message) -> str:
    return _forms(message.id)[0]


def _read(code: str) -> Catalog:
    with (CATALOGS / f"{code}.po").open("rb") as file:
        return read_po(file, locale=code)


def _renewed(code: str) -> str:
    """A language's catalog with the texts of today; its comment, where translators keep their terms, stays."""
    whole = (CATALOGS / f"{code}.po").read_text(encoding="utf-8")
    head, told = whole.split("\n\n", 1)[0], _read(code)
    made = Catalog(locale=SOURCE)  # of two forms of the plural, as each of our languages
    for message in source():
        if message.id:
            before = told.get(_one(message))
            made.add(message.id, _kept(message, before), flags=message.flags)
    return head + "\n\n" + _written(made)


def _kept(message: Message, before: Message | None) -> str | tuple[str, ...]:
    told = _forms(before.string) if before is not None else ()
    if len(told) != len(_forms(message.id)):
        told = ("",) * len(_forms(message.id))
    return told if len(told) > 1 else told[0]


def _written(made: Catalog) -> str:
    out = io.BytesIO()
    write_po(out, made, width=0, omit_header=True, sort_output=True, include_lineno=False)
    return out.getvalue().decode("utf-8")
