"""Finds the visit of a message that names none, among the patient's at the facility, in whatever order they came.

Pure. Contract 6: visit = PV1-19, else PID-18, else MRN + admit time; what has none of them is of the visit that was
open there and then.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from services.intake.hl7.model import Adt, Moment, VisitMessage
from services.intake.visits.facts import mrn

BY_TIME = "v-"
"""What the key of a visit without a number begins with."""


class Named(NamedTuple):
    """A visit by its key, and when it began and ended by those of its messages that name it; an open one has no end."""

    key: str
    begun_at: datetime | None
    ended_at: datetime | None


def visit_id(adt: Adt) -> str | None:
    """The visit that a message names: PV1-19, else PID-18, else MRN + admit time (as a digest); None if it names none.

    It is also the id of the visit's first stay.
    """
    return adt.visit_number or visit_by_time(adt)


def visit_by_time(adt: Adt) -> str | None:
    """MRN + admit time as a digest: what names a visit that has no number; None where the message tells neither."""
    told = adt.admitted if isinstance(adt.admitted, Moment) else None
    if told is None and adt.means.states == "start":
        told = adt.occurred
    return _by_time(adt, told.start) if told else None


def visits_of_unnamed(unnamed: Iterable[VisitMessage], named: Iterable[Named]) -> dict[str, str | None]:
    """Message id → key of the visit that the message is of; None while there is none that it could be of.

    When a visit began and ended is taken from messages that name it alone, so that the order of arrival changes
    nothing. A transfer or change of class outside of every visit begins one of its own, at once (contract 6).
    """
    known = [one for one in named if one.begun_at]
    found: dict[str, str | None] = {}
    for said in sorted(unnamed, key=_clinical):
        visit = _of(said.adt, known)
        if visit is None and _moves(said.adt):
            at = said.adt.event.start
            visit = Named(_by_time(said.adt, at) or said.message_id, at, None)
            known.append(visit)
        found[said.message_id] = visit.key if visit else None
    return found


def _of(adt: Adt, known: list[Named]) -> Named | None:
    """The visit begun last before the message among those then open. A correction, or a message for which none was
    open, takes also one that had ended; a transfer does not."""
    at = adt.occurred.end
    begun = [one for one in known if one.begun_at and one.begun_at <= at]
    still_open = [one for one in begun if one.ended_at is None or at <= one.ended_at]
    if adt.means.corrects:
        still_open = begun
    elif not _moves(adt):
        still_open = still_open or begun
    return max(still_open, key=lambda one: (one.begun_at, one.key), default=None)


def _moves(adt: Adt) -> bool:
    """Whether the message is a transfer or a change of class."""
    return adt.means.states == "move"


def _clinical(said: VisitMessage) -> tuple[datetime, bool, datetime, str, str]:
    """The sort key of messages by the time of their events."""
    adt = said.adt
    return adt.event.start, not _moves(adt), adt.stated_at, adt.control_id, said.message_id


def _by_time(adt: Adt, at: datetime) -> str | None:
    """The key of a visit without a number: a digest of facility, record number and time; None without the second."""
    number = mrn(adt.patient_ids)
    if number is None:
        return None
    parts = (adt.facility, number.authority or "", number.id, f"{at.timestamp():.0f}")
    return BY_TIME + sha256("\x1f".join(parts).encode()).hexdigest()[:24]
