"""The table of worklists: each row makes a list in the API, in its counts and on the follow-up desk. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from services.aftercare.decisions.windows import State
from services.aftercare.referrals import referrals
from services.aftercare.worklists.entries import Kind
from shared.web.tables import AFTER, PLAIN, Column, Table
from shared.web.wording import SOON


class EntriesOf(NamedTuple):
    """A worklist of the entries of one kind in some states, sorted by when they are due. `has`: only those with this
    field in their value."""

    kind: Kind
    states: tuple[str, ...]
    has: str | None = None


class WindowsOf(NamedTuple):
    """A worklist of follow-up windows in one state, sorted by their last day."""

    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """One worklist: its `name` in addresses, its `title`, and the entries that it is `of`.

    `hint` and `empty` are sentences on the page. An entry is urgent once `late` has passed since its time (None:
    never); the page says `urgent`, in this `tone`. `first`: shown on the first page too. `table`: its columns, filters
    and order on the page, `group`: whose work it is. desk/rows.py draws the lines.
    """

    name: str
    title: str
    hint: str
    empty: str
    of: EntriesOf | WindowsOf
    late: timedelta | None = None
    urgent: str = "overdue"
    tone: str = "late"
    first: bool = True
    group: str = AFTER
    table: Table = PLAIN


_WHAT: Final = Column("what", "What stands", wide=True)
_FACILITY: Final = Column("facility", "Facility", shown=False)
_CALLED: Final = Table(
    (Column("waiting", "Call", "due"), _WHAT, Column("left", "Left"), _FACILITY), ("overdue",), "due"
)
_RAISED: Final = Table((_WHAT, Column("waiting", "Since", "due"), _FACILITY), (), "due")
_WINDOWS: Final = Table(
    (Column("waiting", "Last day", "due"), _WHAT, Column("window", "A visit counts"), _FACILITY), ("overdue",), "due"
)
_REFERRED: Final = Table(
    (Column("waiting", "To be settled", "due"), _WHAT, Column("to", "To"), _FACILITY), ("overdue",), "due"
)
_AGREED: Final = Table((Column("waiting", "When", "due"), _WHAT, _FACILITY), ("overdue",), "due")


def _never_late(table: Table) -> Table:
    """The same for a list in which nothing is ever urgent: there is nothing to narrow it to."""
    return table._replace(filters=())


OPEN: Final = tuple(state.value for state in referrals.State if state not in referrals.ENDS)
WORKLISTS: Final[tuple[Worklist, ...]] = (
    Worklist(
        name="contacts",
        title="Contacts to make",
        hint="Calls after every leave for home, whether a program is looked for or not; the longest overdue first.",
        empty="Nobody is to be called now.",
        of=EntriesOf("plan", ("active",), has="contact_due"),
        late=timedelta(0),
        table=_CALLED,
    ),
    Worklist(
        name="risks",
        title="Risks of relapse",
        hint="Raised by contacts missed in a row or a readmission, until somebody judges that it is over.",
        empty="No risk is raised.",
        of=EntriesOf("risk", ("raised",)),
        table=_RAISED,
    ),
    Worklist(
        name="follow-ups",
        title="Follow-ups due",
        hint="Windows after inpatient discharges in which a visit counts for the measure.",
        empty="No follow-up is due.",
        of=WindowsOf("due"),
        late=-SOON,
        urgent="soon over",
        tone="soon",
        table=_WINDOWS,
    ),
    Worklist(
        name="referrals",
        title="Referrals waiting",
        hint="Until the provider has accepted, seen the patient, or said no.",
        empty="No referral is waiting.",
        of=EntriesOf("referral", OPEN),
        late=timedelta(days=1),
        table=_REFERRED,
    ),
    Worklist(
        name="declined",
        title="Referrals that came to nothing",
        hint="Declined or cancelled, and nobody else was asked yet.",
        empty="Every referral that came to nothing has another in its place.",
        of=EntriesOf("referral", ("declined", "cancelled"), has="unreplaced"),
        table=_never_late(_REFERRED),
    ),
    Worklist(
        name="appointments",
        title="Appointments",
        hint="Those that are past wait for what came of them.",
        empty="There is no appointment.",
        of=EntriesOf("appointment", ("scheduled",)),
        late=timedelta(0),
        urgent="past",
        table=_AGREED,
    ),
    Worklist(
        name="missed",
        title="Follow-ups missed",
        hint="No visit that counts was told by the last day.",
        empty="No follow-up was missed.",
        of=WindowsOf("missed"),
        first=False,
        table=_never_late(_WINDOWS),
    ),
    Worklist(
        name="excluded",
        title="Follow-ups that do not count",
        hint="Discharges that no measure counts, and why.",
        empty="Every discharge counts.",
        of=WindowsOf("excluded"),
        first=False,
        table=_never_late(_WINDOWS),
    ),
    Worklist(
        name="plans",
        title="Plans",
        hint="Everybody who left for home or is in aftercare.",
        empty="Nobody left for home, and nobody is in aftercare.",
        of=EntriesOf("plan", ("active",)),
        first=False,
        table=_never_late(_CALLED),
    ),
    Worklist(
        name="leftovers",
        title="Left by a merge",
        hint="Recorded while two records were one, and hanging on neither now: say whose it is.",
        empty="No merge left anything.",
        of=EntriesOf("leftover", ("open",)),
        first=False,
        table=_RAISED,
    ),
    Worklist(
        name="recorded",
        title="Contacts recorded",
        hint="What was recorded in error can be taken back.",
        empty="No contact was recorded.",
        of=EntriesOf("contact", ("kept", "missed", "other")),
        first=False,
        table=_never_late(_AGREED),
    ),
)
