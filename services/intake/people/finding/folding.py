"""Names as they are compared: without case, accents and punctuation, word by word, with their beginnings. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LEAST, MOST = 3, 20
"""Letters of a beginning: at least, and how many of a longer one are compared."""
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not take apart into a plain one and an accent."""
_APOSTROPHES = re.compile(r"['’‘`´ʼ]")
_WORD = re.compile(r"[^\W_]+")


def folded(text: str) -> str:
    """A text without case and accents: `Müller-NUÑEZ` → `muller-nunez`. Folding again changes nothing."""
    if text.isascii():  # nothing of it is taken apart
        return text.casefold()
    return _plain(_plain(text).casefold().translate(_LETTERS)).casefold()


def name_words(text: str) -> list[str]:
    """The words of a name, folded, an apostrophe left out: `O'Brien-Müller` → obrien, muller."""
    if text.isascii() and text.isalnum():
        return [text.casefold()]  # most are one word
    return _WORD.findall(_APOSTROPHES.sub("", folded(_APOSTROPHES.sub("", text))))


def words_to_find(name: str) -> set[str]:
    """The words by which a family or given name is found: its own, those beside an apostrophe (`O'Brien`: also o,
    brien), and all of them as one (`García-López`: also garcialopez)."""
    words = name_words(name)
    beside = name_words(_APOSTROPHES.sub(" ", name)) if _APOSTROPHES.search(name) else ()
    return {*words, *beside, *(["".join(words)] if words else [])}


def beginnings(word: str) -> Iterator[str]:
    """The beginnings of a folded word: of three letters, of four, and so on."""
    return (word[:end] for end in range(LEAST, min(len(word), MOST) + 1))


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in apart if not unicodedata.combining(sign))
