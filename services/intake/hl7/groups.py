"""Reads the groups of segments that tell all of something at once: diagnoses (DG1) and payers (IN1).

A message that has a group tells all of it; one without says nothing; one whose single segment is `""` removes it all
(HL7 v2.5.1 2.10.4.1, snapshot mode). DG1 segments with DG1-20 and DG1-21 change single diagnoses (2.10.4.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from services.intake.hl7.fields import short
from services.intake.hl7.model import REMOVED, Diagnosis, DiagnosisChange, Payer, Removed
from services.intake.hl7.parser import NULL, Message, Segment
from services.intake.hl7.timestamps import read_day

_LAST = 10_000
"""A place behind every one that a sender counts to."""
_ORDER_WORDS = {"P": 1, "PRIMARY": 1, "S": 2, "SECONDARY": 2, "T": 3, "TERTIARY": 3}
_ACTIONS: dict[str, Literal["A", "U", "D"]] = {"A": "A", "U": "U", "D": "D"}
"""HL7 table 0206, but for X: no change."""


class _Dg1(NamedTuple):
    """A DG1 segment with a code: `place` is DG1-15, 0 where it is in no ranking."""

    code: str
    system: str
    status: str | None
    place: int
    id: str | None
    action: str


Diagnoses = tuple[Diagnosis, ...] | Removed | None


def diagnoses(message: Message) -> tuple[Diagnoses, tuple[DiagnosisChange, ...]]:
    """All diagnoses, by rank, None where no DG1 tells one, or each only what changes; and what DG1 segments add, update
    and delete singly.

    Free text is not taken: a group of nothing else tells that there is no coded diagnosis.
    """
    segments = message.all("DG1")
    if not segments:
        return None, ()
    if coded := _coded(segments):
        if _only_changes(coded):
            return None, _changes(coded)
        return _ranked([one for one in coded if one.action != "D"]), ()
    codes = [segment.texts(3, 4) for segment in segments]
    if any(code == NULL for code, _ in codes):
        return REMOVED, ()
    return () if any(words for _, words in codes) else None, ()


def _changes(coded: Iterable[_Dg1]) -> tuple[DiagnosisChange, ...]:
    return tuple(
        DiagnosisChange(_ACTIONS[one.action], one.id, Diagnosis(one.place, one.code, one.system, one.status))
        for one in coded
        if one.action in _ACTIONS
    )


def _only_changes(coded: list[_Dg1]) -> bool:
    """Whether DG1 segments change single diagnoses: each that acts is known by an id, or all are deleted."""
    return any(one.action and one.id for one in coded) or all(one.action == "D" for one in coded)


def _coded(segments: Iterable[Segment]) -> list[_Dg1]:
    found: list[_Dg1] = []
    for segment in segments:
        method, code, status, place, number, action = segment.texts(2, 3, 6, 15, 20, 21)
        if code and code != NULL:
            system = segment.get(3, 3) or method or "unknown"
            kind = None if status == NULL else short(status) or None
            known_by = None if number == NULL else short(number) or None
            found.append(_Dg1(short(code), short(system), kind, _number(place), known_by, action.upper()))
    return found


def _ranked(coded: list[_Dg1]) -> tuple[Diagnosis, ...]:
    """Diagnoses by rank: DG1-15, where no other of its type (DG1-6) has it; the others follow in the order sent."""
    highest = max([one.place for one in coded], default=0)
    taken: set[tuple[str | None, int]] = set()
    found: list[Diagnosis] = []
    for one in sorted(coded, key=lambda each: each.place or _LAST):
        rank = one.place
        if not rank or (one.status, rank) in taken:
            rank = highest = highest + 1
        taken.add((one.status, rank))
        found.append(Diagnosis(rank, one.code, one.system, one.status))
    return tuple(sorted(found, key=lambda each: each.rank))


def _number(text: str) -> int:
    """A small whole number above 0; 0 for anything else."""
    return int(text) if len(text) < 4 and text.isdecimal() and text.isascii() else 0


def coverage(message: Message) -> tuple[Payer, ...] | Removed | None:
    """All payers, in the order in which they pay: by IN1-22, else IN1-1, else as sent. None where no IN1 names one."""
    segments = message.all("IN1")
    if not segments:
        return None
    rows = [segment.texts(1, 2, 3, 12, 13, 22) for segment in segments]
    named = [row for row in rows if row[2] and row[2] != NULL]
    if not named:
        return REMOVED if any(row[2] == NULL for row in rows) else None
    named.sort(key=lambda row: (_turn(row[5]), _number(row[0]) or _LAST))
    return tuple(
        Payer(order, short(payer), None if plan == NULL else short(plan) or None, read_day(since), read_day(until))
        for order, (_, plan, payer, since, until, _) in enumerate(named, start=1)
    )


def _turn(text: str) -> int:
    """IN1-22, in numbers or as primary, secondary, tertiary; behind all others where it says neither."""
    return _number(text) or _ORDER_WORDS.get(text.upper(), _LAST)
