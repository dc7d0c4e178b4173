"""The tables of the desk's lists: which columns each has, what it may be filtered by, and how it is sorted first."""

from __future__ import annotations

from typing import Final

from shared.web.tables import Column, Table

WHAT: Final = Column("what", "What stands", wide=True)
STANDS: Final = Column("stands", "What stands", wide=True)
"""The same without what has a column of its own."""
FACILITY: Final = Column("facility", "Facility", shown=False)
LEVEL: Final = Column("levels", "Level")
PROGRAM: Final = Column("program", "Program")
DUE: Final = Column("waiting", "Due", "due")
PAYER: Final = Column("payer", "Payer", shown=False)
TO_PLACE: Final = Table(
    (Column("levels", "From → to"), Column("waiting", "Waiting", "waiting"), STANDS, PAYER, FACILITY),
    ("level", "payer", "overdue"),
    "waiting",
)
SOUGHT: Final = Table(
    (Column("levels", "From → to"), Column("waiting", "What came of it", "waiting"), STANDS, PAYER, FACILITY),
    ("level", "payer"),
    "waiting",
)
OFFERED: Final = Table(
    (PROGRAM, LEVEL, Column("waiting", "Answer", "due"), Column("day", "First day"),
     Column("since", "Sent", "waiting"), STANDS, FACILITY),
    ("level", "program", "overdue"),
    "due",
)  # fmt: skip
PLACED: Final = Table(
    (PROGRAM, LEVEL, Column("waiting", "First day", "due"), STANDS, FACILITY),
    ("level", "program", "overdue"),
    "due",
)
THERE: Final = Table(
    (PROGRAM, LEVEL, Column("since", "Since", "waiting"), Column("waiting", "State"), STANDS, FACILITY),
    ("level", "program"),
    "waiting",
)
IN_LINE: Final = Table(
    (PROGRAM, Column("waiting", "Place"), Column("since", "Since", "waiting"), FACILITY),
    ("program",),
    "waiting",
)
ALLOWED: Final = Table(
    (LEVEL, Column("waiting", "Left", "due"), WHAT, Column("payer", "Payer"), FACILITY),
    ("level", "payer"),
    "due",
)
OF_A_PAYER: Final = Table(
    (LEVEL, DUE, WHAT, Column("payer", "Payer"), Column("used", "Used"), Column("next", "Next review"),
     Column("reference", "Reference", shown=False), PROGRAM, FACILITY),
    ("level", "payer", "overdue"),
    "due",
)  # fmt: skip
COVERED: Final = Table(
    (LEVEL, Column("waiting", "Last covered day", "waiting"), Column("payer", "Payer"), Column("used", "Used"),
     Column("left", "Left"), Column("next", "Next review"), Column("number", "Payer's number"), PROGRAM, FACILITY),
    ("level", "payer", "overdue"),
    "waiting",
)  # fmt: skip
SIGNED: Final = Table(
    (LEVEL, DUE, WHAT, Column("payer", "Payer"), Column("since", "Here since"), PROGRAM, FACILITY),
    ("level", "payer", "overdue"),
    "due",
)
DOSES: Final = Table((DUE, WHAT, FACILITY), ("overdue",), "due")
EXPECTED: Final = Table(
    (PROGRAM, LEVEL, Column("waiting", "Expected", "due"), Column("stands", "Unit", wide=True),
     Column("since", "Told", "waiting"), FACILITY),
    ("level", "program", "overdue"),
    "due",
)  # fmt: skip
LEAVING: Final = Table(
    (LEVEL, Column("waiting", "Leaves", "due"), STANDS, PAYER, FACILITY), ("level", "payer", "overdue"), "due"
)
READY: Final = Table(
    (LEVEL, Column("waiting", "Waiting", "waiting"), Column("stands", "Waits for", wide=True),
     Column("payer", "Payer"), FACILITY),
    ("level", "payer"),
    "waiting",
)  # fmt: skip
TOLD: Final = Table((WHAT, Column("waiting", "State"), Column("since", "Since", "waiting"), FACILITY), (), "waiting")
WITHHELD: Final = Table((WHAT, Column("waiting", "Why"), FACILITY))
SEATS: Final = Table((LEVEL, Column("waiting", "Now"), Column("seats", "Seats"), WHAT, FACILITY))
