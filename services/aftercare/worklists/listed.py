"""List entries and follow-up windows as they are read from their tables, with their episode's sequence. Types only."""

from __future__ import annotations

from datetime import date, datetime

from services.aftercare.decisions.windows import State
from services.aftercare.worklists.entries import EntryValue, Kind
from shared.values import value_object
from shared.web.marks import NO_MARK, Mark


@value_object
class ListedEntry:
    """A row of `entries`. `sort_at`: when the entry is due, else when it happened, in UTC; `sequence`: how many facts
    aftercare has stated in the episode; `mark`: who has it."""

    id: str
    kind: Kind
    episode_id: str
    patient_id: str
    facility: str
    state: str
    sort_at: datetime
    value: EntryValue
    sequence: int
    mark: Mark = NO_MARK


@value_object
class ListedWindow:
    """A row of `follow_ups`. A visit counts from day `due_from` to day `due_to`, both included; `kept_at`: when the one
    that kept the window was; `by_fact`: the ce_id of the fact that shows it; `reason`: why the window is excluded."""

    follow_up_id: str
    episode_id: str
    patient_id: str
    facility: str
    measure: str
    discharge: str
    due_from: date
    due_to: date
    state: State
    kept_at: datetime | None
    by_fact: str | None
    reason: str | None
    sequence: int
    mark: Mark = NO_MARK

    @property
    def id(self) -> str:
        """The window's id, under the name that an entry has for its own."""
        return self.follow_up_id


ListedRow = ListedEntry | ListedWindow
