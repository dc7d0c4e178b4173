"""Which services read each type of care.events, and for what; a type that none of them reads is for consumers outside.

Consumers see every record of a topic; here a service reads a type when its content changes something in the service. A
test compares this table with the code (tests/house/test_written_and_read.py).
"""

from __future__ import annotations

from typing import NamedTuple

from shared.events import (
    AFTERCARE,
    ANNOUNCEMENTS,
    ASSESSMENTS,
    AUTHORIZATIONS,
    BENEFITS,
    CARE_FACTS,
    CONSENTS,
    FOLLOW_UPS,
    MERGING,
    PLACING,
    REVIEWS,
    STAY_FACTS,
    TAKING_BACK,
    CareFact,
)


class Reader(NamedTuple):
    """A service that reads a type, and what for."""

    service: str
    use: str

    def __str__(self) -> str:
        return f"{self.service}, {self.use}"


FOLDS = Reader("placement", "which folds it")
SEARCHES = Reader("placement", "for its searches and offers")
SEATS = Reader("placement", "for its seats and lines")
LISTS = Reader("placement", "for its lists")
GATE = Reader("placement", "at its gate to the outside")
PLANS = Reader("aftercare", "for its plans and lists")
OUTSIDE = "consumers outside"


def _names(facts: tuple[type[CareFact], ...]) -> list[str]:
    return [fact.TYPE for fact in facts]


_FOLDED = (
    *_names((*STAY_FACTS, *ASSESSMENTS, *AUTHORIZATIONS, *TAKING_BACK, *MERGING)),
    "certified",
    "plan-recorded",
    *_names(REVIEWS),
    "discharge-planned",
    "discharge-plan-cancelled",
    "episode-ended",
    "conflict-settled",
)
_OF_SEARCHES = [name for name in _names(PLACING) if name.startswith(("search-", "offer-"))]
_OF_SEATS = [name for name in _names(PLACING) if name.startswith(("seat-", "waitlist"))]
_OF_THE_DESK = [
    "patient-agreed", "patient-declined", "start-missed", "handover-received", "ready-for-step", "medication-recorded",
]  # fmt: skip
_NOBODY: tuple[Reader, ...] = ()

READERS: dict[str, tuple[Reader, ...]] = {
    **dict.fromkeys(_FOLDED, (FOLDS,)),
    **dict.fromkeys(("patients-linked", "patients-unlinked"), _NOBODY),
    **dict.fromkeys(("arrival-expected", "arrival-cancelled"), (FOLDS,)),
    **dict.fromkeys(("assigned", *_names(BENEFITS)), _NOBODY),
    **dict.fromkeys(_names(ANNOUNCEMENTS), _NOBODY),
    **dict.fromkeys(_OF_SEARCHES, (SEARCHES,)),
    **dict.fromkeys(_OF_SEATS, (SEATS,)),
    **dict.fromkeys(("placed", "placement-cancelled"), (FOLDS, SEARCHES)),
    **dict.fromkeys(_OF_THE_DESK, (LISTS,)),
    **dict.fromkeys(_names(FOLLOW_UPS), (PLANS, Reader("placement", "for `next_due`"))),
    **dict.fromkeys(_names(AFTERCARE), (PLANS,)),
    **dict.fromkeys(("aftercare-started", "aftercare-closed"), (PLANS, Reader("placement", "for the episode's state"))),
    **dict.fromkeys(_names(CONSENTS), (GATE,)),
}
"""Name of a fact → its readers; its writer is among them where it reads its own facts."""


def others(name: str) -> frozenset[str]:
    """The services that read a type and are not its only writer."""
    writers = frozenset(next(fact.WRITERS for fact in CARE_FACTS.values() if name == fact.TYPE))
    return frozenset(reader.service for reader in READERS[name] if writers != {reader.service})


def in_words(name: str) -> str:
    """The readers of a type in words, for docs/events.md."""
    found = [str(reader) for reader in READERS[name]]
    return "; ".join(found if others(name) else [*found, OUTSIDE])
