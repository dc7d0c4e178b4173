"""A list as a table: its columns and cells, what may be asked of it (columns, order, filters, which page), and whose
work it is. Types only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

COMMON = frozenset({"facility", "density", "open"})
"""Parameters of every page of a desk. `density`: how much room rows have; `open`: the open form's `place`."""
OF_A_LIST = frozenset({"list", "cursor", "before", "sort", "columns"})
OF_PEOPLE = ("mine", "unassigned", "snoozed")
"""Filters by who has an entry: the reader, nobody; and those that are out of sight for a time."""
FLAGS = ("overdue", *OF_PEOPLE)
"""Filters that are on (`yes`) or absent."""
NARROWING = ("level", "payer", "program", *FLAGS)
"""What a list may be filtered by, besides the facility; each list says which of them it has."""
PARAMETERS = COMMON | OF_A_LIST | frozenset(NARROWING)
DENSITIES = ("dense", "roomy")


class Badge(NamedTuple):
    """A few words about time or state. `tone`, which the style sheet colours: late, soon, good, or empty."""

    text: str
    tone: str = ""


NO_BADGE = Badge("")


class Cell(NamedTuple):
    """What a column shows of a row: a text, smaller lines below it, a badge before it, levels of care by their codes,
    `points` (True where it speaks for the row, words), `taken`: (how many there are, how many of them are taken), drawn
    as a bar, and a `patient` by id."""

    text: str = ""
    more: Sequence[str] = ()
    badge: Badge = NO_BADGE
    levels: Sequence[str] = ()
    points: Sequence[tuple[bool, str]] = ()
    taken: tuple[int, int] | None = None
    patient: str = ""


class Column(NamedTuple):
    """A column: its `name` in addresses and in a row's cells, its title; `sort`: the order that it can be sorted by,
    else empty; `shown`: False for one that is shown only where a reader chooses it; `wide`: it takes a whole line on a
    phone."""

    name: str
    title: str
    sort: str = ""
    shown: bool = True
    wide: bool = False


WHO = Column("who", "Who")
"""Who has the entry, since when, and until when it is out of sight."""
PATIENT = Column("patient", "Patient")
"""The first column of every table: whom or what a row is about. It cannot be hidden."""


@dataclass(frozen=True, slots=True)
class TableQuestion:
    """What an address asks of a list. `sort`: by which order, `down`: the other way round; `filters`: name → value;
    `cursor`: the page after this place, `before`: the page before that one; `columns`: names of those that are shown,
    empty: the list's own choice; `ids`: only these entries, empty: all."""

    sort: str = ""
    down: bool = False
    filters: Mapping[str, str] = field(default_factory=dict)
    cursor: str | None = None
    before: str | None = None
    columns: tuple[str, ...] = ()
    roomy: bool = False
    ids: tuple[str, ...] = ()


NOTHING_ASKED = TableQuestion()


class Table(NamedTuple):
    """What a list allows to be asked: its columns after the patient, the names of its filters, and its own order.
    `about`: the title of the first column where its rows are not about patients."""

    columns: Sequence[Column] = ()
    filters: Sequence[str] = ()
    sort: str = ""
    about: str = "Program"

    @property
    def sorts(self) -> tuple[str, ...]:
        """The orders that the list can be sorted by."""
        return tuple(dict.fromkeys(filter(None, (self.sort, *(each.sort for each in self.columns)))))

    def shown(self, asked: TableQuestion) -> Sequence[Column]:
        """The columns that are shown, in the table's order."""
        if asked.columns:
            return [each for each in self.columns if each.name in asked.columns]
        return [each for each in self.columns if each.shown]


def shared_work(table: Table) -> Table:
    """The table of a list whose entries people take: with who has each, and the filters by that."""
    return table._replace(columns=(*table.columns, WHO), filters=(*table.filters, *OF_PEOPLE))


PLAIN = Table((Column("what", "What stands", wide=True), Column("waiting", "State")))
"""The columns of a list that says nothing else."""
PLACEMENT, PAYER, AFTER, TO_BE_SETTLED = "Placement", "Payer", "After", "To be settled"
COMING_IN, MESSAGES = "Coming in", "Messages"
"""The groups of the rail: whose work a list is."""
