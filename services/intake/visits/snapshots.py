"""What holds of a stay's diagnoses and payers after all of its messages.

A message that has the group tells all of it: what is no longer in it is taken back; a message without it says nothing
(HL7 v2.5.1 2.10.4.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from services.intake.hl7.model import Diagnosis, DiagnosisChange, Payer, Removed, SiteMap, VisitMessage
from shared.events.stays import Coverage

_DAY = timedelta(days=1)


class Held(NamedTuple):
    """A diagnosis that holds, the message that told it first so, and DG1-20 where one was told."""

    diagnosis: Diagnosis
    by: VisitMessage
    id: str | None = None


def diagnoses(said: Iterable[VisitMessage]) -> list[Held]:
    """The diagnoses that hold, by rank; of one rank in the order told."""
    found: list[Held] = []
    for message in said:
        told = message.adt.diagnoses
        if told is not None:
            before = {one.diagnosis: one for one in found}
            found = [before.get(one) or Held(one, message) for one in (() if isinstance(told, Removed) else told)]
        for change in message.adt.diagnosis_changes:
            found = _changed(found, change, message)
    return sorted(found, key=lambda one: one.diagnosis.rank)


def _changed(found: list[Held], change: DiagnosisChange, message: VisitMessage) -> list[Held]:
    """The diagnoses after one is added, updated or deleted; it keeps its rank where the change tells none."""
    of = [one for one in found if change.id and one.id == change.id] or [one for one in found if _same(one, change)]
    others = [one for one in found if one not in of]
    if change.action == "D":
        return others
    told = change.diagnosis
    rank = told.rank or (of[0].diagnosis.rank if of else max([one.diagnosis.rank for one in found], default=0) + 1)
    now = told._replace(rank=rank)
    return [*others, of[0] if of and of[0].diagnosis == now else Held(now, message, change.id)]


def _same(one: Held, change: DiagnosisChange) -> bool:
    """Whether a change without a known id means this diagnosis: same code, and same type where one is told."""
    told = change.diagnosis
    same_code = (one.diagnosis.system, one.diagnosis.code) == (told.system, told.code)
    return same_code and told.status in {None, one.diagnosis.status}


InForce = tuple[tuple[Coverage, ...], VisitMessage]
"""Payers in the order in which they pay, and the message that told them first."""


def coverage(said: Sequence[VisitMessage], begun: datetime, zone: tzinfo, site: SiteMap) -> dict[date, InForce]:
    """First day → the payers from then on.

    A payer holds from IN1-12 to IN1-13, both inclusive, within the stay; without them, from its first to its last day.
    What a message tells replaces what was told before from its first day on. Nothing is told of days after the last
    message of the stay that says anything new, but for payers that are all to come: they hold from the first day until
    that day comes.
    """
    found: dict[date, InForce] = {}
    first = begun.astimezone(zone).date()
    last: date | None = None
    for message in said:
        told = message.adt.coverage
        if isinstance(told, Removed):
            found = {}
        elif told is not None:
            last = last or max(first, *(one.adt.event.start.astimezone(zone).date() for one in said))
            found = _replaced(found, _by_day(told, first, last), message, site)
    return found


def _by_day(told: Sequence[Payer], first: date, last: date) -> dict[date, list[Payer]]:
    """First day → who pays from then on, by one message; no day after `last`."""
    if all(one.since and one.since > last for one in told):
        return {first: list(told)}
    days = {max(first, one.since or first) for one in told if one.until is None or one.until >= first}
    days |= {one.until + _DAY for one in told if one.until and one.until >= first}
    days = days or {first}  # all have expired before
    return {
        day: [one for one in told if (one.since or first) <= day and (one.until is None or day <= one.until)]
        for day in sorted(days)
        if day <= last
    }


def _replaced(
    before: dict[date, InForce], told: dict[date, list[Payer]], message: VisitMessage, site: SiteMap
) -> dict[date, InForce]:
    """What holds after a message: what it tells from its first day on, and what was told before that day."""
    if not told:
        return before
    begins = min(told)
    found = {day: one for day, one in before.items() if day < begins}
    for day, payers in told.items():
        now = tuple(site.payer(Payer(turn, one.payer, one.plan, None)) for turn, one in enumerate(payers, start=1))
        so_far = found[max(found)][0] if found else ()
        if now != so_far:
            known = before.get(day)
            found[day] = known if known and known[0] == now else (now, message)
    return found
