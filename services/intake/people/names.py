"""Stores what messages and requests say of persons: decrypts what is kept, merges field by field, encrypts it again,
and brings the search words in line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from services.intake.people import store
from services.intake.people.finding import words_of
from services.intake.people.person import Fields, PersonReport, merged, packed, unpacked
from shared.storage.database import Connection
from shared.storage.sealing import Seal
from shared.storage.statements import SqlWrite, at_once, together


async def keep(connection: Connection, reports: Sequence[tuple[str, PersonReport]], seal: Seal) -> None:
    """Merge reports, each with the id of its patient, into what is stored; the caller holds the locks of the patients'
    rows."""
    [found] = await together(connection, [store.sealed_of({patient_id for patient_id, _ in reports})])
    await at_once(connection, keeping(reports, [store.Sealed(*row) for row in found], seal))


def keeping(reports: Sequence[tuple[str, PersonReport]], kept: Iterable[store.Sealed], seal: Seal) -> list[SqlWrite]:
    """The writes that `keep` does. `kept` is what is stored of these patients (`store.sealed_of`)."""
    if not reports:
        return []
    said: dict[store.Whose, list[PersonReport]] = defaultdict(list)
    for patient_id, report in reports:
        said[patient_id, report.facility].append(report)
    before: dict[store.Whose, Fields] = {}
    for row in kept:
        if (row.patient_id, row.facility) in said:
            before[row.patient_id, row.facility] = opened(row, seal)
    after = {whose: _with(before.get(whose, {}), told) for whose, told in said.items()}
    rows = [
        store.Sealed(*whose, seal.close(packed(fields), place(*whose)), max([one.said_at for one in said[whose]]))
        for whose, fields in sorted(after.items())
    ]
    return [*store.keep(rows), *store.keep_places(said.keys()), *_change_words(before, after, seal)]


def opened(row: store.Sealed, seal: Seal) -> Fields:
    """The fields of a patient as one facility told them, decrypted."""
    return unpacked(seal.open(row.sealed, place(row.patient_id, row.facility)), row.stated_at)


def _with(fields: Fields, told: Sequence[PersonReport]) -> Fields:
    """The fields after these reports."""
    for report in told:
        fields = merged(fields, report.person, report.said_at)
    return fields


def _change_words(before: dict[store.Whose, Fields], after: dict[store.Whose, Fields], seal: Seal) -> list[SqlWrite]:
    """The writes that bring the search words in line with the fields."""
    gone: list[tuple[bytes, str, str]] = []
    new: list[tuple[bytes, str, str]] = []
    for whose, fields in after.items():
        if whose in before and _values(before[whose]) == _values(fields):
            continue  # most messages tell the same person again
        was, now = words_of(before[whose]) if whose in before else frozenset[str](), words_of(fields)
        gone += [(seal.blind(word), *whose) for word in was - now]
        new += [(seal.blind(word), *whose) for word in now - was]
    return store.change_words(sorted(gone), sorted(new))


def _values(fields: Fields) -> dict[str, Any]:
    return dict(zip(fields, map(itemgetter(0), fields.values()), strict=True))


def place(patient_id: str, facility: str) -> str:
    """The context that the fields of one patient from one facility are sealed with; they open with no other."""
    return f"identity:{patient_id}:{facility}"
