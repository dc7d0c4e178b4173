"""The delimiters of a message, from MSH-1 and MSH-2 in whatever form they come (HL7 v2.5.1 2.5.4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The delimiters of a message; one that is "" is not in use. `msh2` is MSH-2 for answers to this sender."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    sub: str = "&"
    msh2: str = "^~\\&"


USUAL = Delimiters()
_WITHOUT_ESCAPE = "^~&"
"""The usual delimiters after a program took the backslash for its own escape: & still divides components."""
_MARKS = (USUAL.component, USUAL.repetition, USUAL.escape, USUAL.sub)


@lru_cache(maxsize=64)
def delimiters(msh1: str, msh2: str) -> tuple[Delimiters, str | None]:
    """(delimiters, warning or None) for MSH-1 and MSH-2. Never fails: an unusable MSH-2 gives the usual delimiters.

    MSH-2 may have 2 to 5 characters, any punctuation, and a backslash that was doubled, or that was lost on the way."""
    marks = msh2.replace("\\\\", "\\")
    if marks == _WITHOUT_ESCAPE:
        return Delimiters(msh1, escape="" if msh1 == USUAL.escape else USUAL.escape, msh2=msh2), "MSH-2 is not ^~\\&"
    if not 2 <= len(marks) <= 5 or any(mark.isalnum() or mark.isspace() for mark in marks):
        return Delimiters(field=msh1), "MSH-2 is unusable; read with the usual delimiters"
    found = list(marks[:4]) + [usual if usual not in marks and usual != msh1 else "" for usual in _MARKS[len(marks) :]]
    used: set[str] = set()
    for place, mark in enumerate(found):
        found[place] = "" if mark in used else mark
        used.add(mark)
    odd = None if marks == "^~\\&" and msh2 == marks else "MSH-2 is not ^~\\&"
    return Delimiters(msh1, found[0], found[1], found[2], found[3], marks), odd
