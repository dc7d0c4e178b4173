"""What a desk's page is made of: lists, their counts, their rows, and sections of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.web.forms import Form
from shared.web.marks import NO_MARK, EntryMark
from shared.web.tables import PLACEMENT, PLAIN, Badge, Cell, Table


@dataclass(frozen=True, slots=True)
class Listing:
    """One list: its `name` in addresses, its title, a hint, a sentence for when it is `empty`, and `of`: its service's
    own description of the entries.

    `urgent`: the word for entries whose time is over, shown in this `tone` (see Badge). `first`: also shown on the page
    of all lists. `also`: older names in addresses. `group`: whose work it is. `table`: its columns, filters and order.
    `bulk`: addresses of what can be done with many rows at once; empty: rows cannot be marked. `counted`: False where
    the number of its rows says nothing. `page`: an address in this service that the rail leads to instead of the list.
    """

    name: str
    title: str
    hint: str
    empty: str
    of: Any
    urgent: str = "overdue"
    tone: str = "late"
    first: bool = True
    also: tuple[str, ...] = ()
    group: str = PLACEMENT
    table: Table = PLAIN
    bulk: tuple[str, ...] = ()
    counted: bool = True
    page: str = ""


class Counted(NamedTuple):
    """How many entries a list has, and how many of them are urgent. Of the list that is shown also: how many `found` by
    the filters (None: no filter was asked for), and how many of those stand `ahead` of the page's place."""

    total: int
    late: int
    found: int | None = None
    ahead: int = 0


NONE = Counted(0, 0)


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as the page shows it: about a patient, whose name the browser asks intake for, or about something that
    has a `name`.

    `cells`: column → what it shows; `what`, `badge`, `details`, `points` and `taken` are those of the columns `what`
    and `waiting` where `cells` does not have them. `link`: (address in this service, words), the likeliest thing to do;
    where the row `answers` somebody, its first form is, and the link is what is read before. `key`: what names the
    entry where many are marked; `mark`: who has it; `list`: the list in which it is taken, on other pages. `page`: an
    address in this service that is opened instead of the patient's page.
    """

    what: str
    badge: Badge
    facility: str
    patient_id: str = ""
    name: str = ""
    details: tuple[str, ...] = ()
    points: tuple[tuple[bool, str], ...] = ()
    taken: tuple[int, int] | None = None
    link: tuple[str, str] | None = None
    answers: bool = False
    forms: tuple[Form, ...] = ()
    key: str = ""
    page: str = ""
    mark: EntryMark = NO_MARK
    list: str = ""
    cells: Mapping[str, Cell] = field(default_factory=dict)

    def cell(self, column: str) -> Cell:
        """What a column shows of the row."""
        if column in self.cells:
            return self.cells[column]
        if column == "what":
            return Cell(self.what, self.details, points=self.points, taken=self.taken)
        return Cell(badge=self.badge) if column == "waiting" else Cell()


class Section(NamedTuple):
    """A list with the rows that the page shows of it. `total`: how many it has; `skipped`: how many come before these
    rows; `next` and `back`: the parameters of the pages after and before this one, empty where there is none;
    `many`: the form that is about the rows that are ticked, sent to /many as the act `offer`."""

    listing: Listing
    rows: Sequence[Row]
    total: int
    skipped: int | None = 0
    next: Mapping[str, str] = {}
    back: Mapping[str, str] = {}
    many: Form | None = None
