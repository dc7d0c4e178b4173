"""Sorts the messages of a visit in the order said: never by arrival where the sender told a time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from services.intake.hl7.model import VisitMessage

_COUNTER = re.compile(r"(.*?)(\d{1,18})", re.DOTALL)


def as_said(messages: Iterable[VisitMessage]) -> list[VisitMessage]:
    """By `stated_at`, then MSH-7; of one instant by control id where these count up, else cancels last.

    A message that came twice (the same message_id) is in it once.
    """
    instants: dict[tuple[datetime, datetime], list[VisitMessage]] = {}
    for said in {said.message_id: said for said in messages}.values():
        at = said.adt.stated_at
        instants.setdefault((at, said.adt.sent_at or at), []).append(said)
    found: list[VisitMessage] = []
    for instant in sorted(instants):
        tied = instants[instant]
        found += tied if len(tied) == 1 else _of_one_instant(tied)
    return found


def _of_one_instant(tied: list[VisitMessage]) -> list[VisitMessage]:
    """Sort messages of one time: by the numbers that their control ids end in, if these alone differ, else by kind."""
    counted = [_COUNTER.fullmatch(said.adt.control_id) for said in tied]
    numbers = {(found[1], int(found[2])) for found in counted if found}
    if len(numbers) == len(tied) and len({before for before, _ in numbers}) == 1:
        return sorted(tied, key=lambda said: int(_digits(said.adt.control_id)))
    return sorted(tied, key=_by_kind)


def _digits(control_id: str) -> str:
    """The number that a control id ends in."""
    found = _COUNTER.fullmatch(control_id)
    return found[2] if found else "0"


def _by_kind(said: VisitMessage) -> tuple[bool, datetime, str, datetime, str]:
    """The sort key of messages of one time whose control ids do not count up: cancels last."""
    adt = said.adt
    return adt.means.cancels is not None, adt.occurred.start, adt.control_id, said.arrived_at, said.message_id
