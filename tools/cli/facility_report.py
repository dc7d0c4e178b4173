"""What remains of a facility that left, why, and until when (42 CFR 2.19; docs/run-it.md, A facility leaves)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from shared.events import SHORT
from shared.retention import RetentionKind
from shared.storage.retired import Retirement

RECORD = "the record of care, its bills and who they went to; no name, address or telephone number, but record numbers"
NOT_SAID = "not said: name the law with --under, and its last day with --until"
SHORT_DAYS = timedelta(milliseconds=SHORT).days


class Remaining(NamedTuple):
    """One kind of what remains: where, how much (None: not counted here), why it is kept, and until when."""

    where: str
    what: str
    number: int | None
    why: str
    until: str


def remaining(
    records: Mapping[str, Mapping[str, int]],
    kinds: Mapping[str, Sequence[RetentionKind]],
    law: Retirement,
    at: datetime,
) -> list[Remaining]:
    """All that remains: `records` is service → kind → how many; `kinds`: service → what it keeps for a time; `law`: by
    which the records are kept, and until when."""
    until = law.until.isoformat() if law.until else NOT_SAID
    why = f"{RECORD}; {law.under}" if law.under else RECORD
    found = [
        Remaining(service, what, number, why, until)
        for service, every in records.items()
        for what, number in every.items()
        if what != "dead-letters"
    ]
    letters = _last_day(kinds["intake"], "dead-letters", at)
    held = "content of dead letters of hospital.adt, whosever they are: sealed, not told apart by facility"
    found.append(Remaining("intake", "dead-letters", records["intake"]["dead-letters"], held, letters))
    for service in records:
        answers = "what requests were answered: ids"
        found.append(
            Remaining(service, "answered-requests", None, answers, _last_day(kinds[service], "answered-requests", at))
        )
    topics = _day(at + timedelta(days=SHORT_DAYS))
    found += [
        Remaining("kafka", "care.*, billing.*, out.*", None, f"{RECORD}; topics are kept for ever", until),
        Remaining("kafka", "hospital.adt, hospital.acks, dead.*", None, "messages as they came; delete the facility's "
                  "records or the topics' oldest ones for an earlier day", topics),
        Remaining("backups", "databases", None, "what they had when they were made", "as long as you keep them"),
        Remaining("each service", "audit", None, "who looked and who acted, by ids (45 CFR 164.316(b)(2): six years)",
                  "for ever"),
    ]  # fmt: skip
    return found


def label(facility: str, law: Retirement) -> str | None:
    """The label that 42 CFR 2.19(b) asks for on records that a law requires to be kept; None where none was named."""
    if law.under is None or law.until is None:
        return None
    return (
        f"Records of {facility} required to be maintained under {law.under} until a date not later than "
        f"{law.until.isoformat()}"
    )


def _last_day(kinds: Sequence[RetentionKind], name: str, at: datetime) -> str:
    kept = next(kind.kept for kind in kinds if kind.name == name)
    return "for ever" if kept is None else _day(at + kept)


def _day(at: datetime) -> str:
    found: date = at.date()
    return found.isoformat()
