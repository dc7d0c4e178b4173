"""By which of its ids a patient is known; decides, stores nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.intake.model import PatientId

_FOR_ONE_STAY = frozenset({"AN", "VN"})
"""HL7 table 0203: account and visit numbers name a stay, and are used again."""
_RANK = {"MR": 0, "": 1, "PI": 2, "PT": 2}


class Known(NamedTuple):
    """One id of a patient: authority (PID-3.4, else the facility), id, type (PID-3.5)."""

    authority: str
    id: str
    type: str

    @property
    def key(self) -> str:
        """The id as one text, to be looked up by a keyed hash."""
        return "\x1f".join(self)

    def __repr__(self) -> str:
        return "<Known>"


def known_by(ids: Iterable[PatientId], facility: str) -> tuple[Known, ...]:
    """The ids that name the patient, the surest first: MR, then without type, PI, any other; each once.

    Account and visit numbers count only where there is nothing else.
    """
    every = [Known(each.authority or facility, each.id, (each.type or "").upper()) for each in ids]
    lasting = [each for each in every if each.type not in _FOR_ONE_STAY] or every
    return tuple(sorted(dict.fromkeys(lasting), key=lambda each: _RANK.get(each.type, 3)))


def whose(keys: Iterable[bytes], owners: Mapping[bytes, str]) -> str | None:
    """The patient whom the surest of these ids that is known belongs to; None when none is known."""
    return next((owners[key] for key in keys if key in owners), None)
