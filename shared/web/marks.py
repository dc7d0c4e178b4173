"""Who has an entry of a list, and until when it is out of sight, as pages and the API say it; the commands for it.
Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from typing import Annotated, Final, Literal, NamedTuple, NotRequired

from pydantic import AwareDatetime, Field
from typing_extensions import TypedDict

from shared.web.commands import Command
from shared.web.tables import Badge, Cell
from shared.web.wording import day, moment
from shared.web.words import say

Subject = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
SnoozeReason = Literal[
    "waiting-for-family", "waiting-for-payer", "waiting-for-program", "called-back-later", "other"
]  # fmt: skip
REASONS: Final[Mapping[SnoozeReason, str]] = {
    "waiting-for-family": "waiting for the family",
    "waiting-for-payer": "waiting for the payer",
    "waiting-for-program": "waiting for the program",
    "called-back-later": "called back later",
    "other": "other",
}
"""Why an entry is out of sight for a time, with the words for it; a fixed list, so that nobody writes of a patient."""
LONGEST_SNOOZE = 90
"""Days that an entry may be out of sight."""
ACTS: Final = ("take", "hand", "give-back", "snooze", "wake")
"""What can be done with many entries of a list at once."""


class Mark(NamedTuple):
    """A mark that counts: the subject of who has the entry, since when; when it comes back to the list, and the word
    for why it is out of sight until then."""

    taken_by: str | None = None
    taken_at: datetime | None = None
    snoozed_until: datetime | None = None
    snooze_reason: str | None = None

    def is_snoozed(self, now: datetime) -> bool:
        """True while the entry is out of sight."""
        return self.snoozed_until is not None and now < self.snoozed_until


NO_MARK = Mark()


class Take(Command):
    """Somebody works on it: the asker, or the colleague whom `to` names by their subject."""

    to: Subject | None = None


class GiveBack(Command):
    """Nobody works on it any more."""


class Snooze(Command):
    """Out of sight until a day begins at the entry's facility."""

    until: date
    reason: SnoozeReason


class Wake(Command):
    """In sight again."""


class MarkFields(TypedDict):
    """Who has an entry, in an answer of the API; what is absent is not so."""

    taken_by: Annotated[NotRequired[str], Field(description="subject of who works on it")]
    taken_at: NotRequired[AwareDatetime]
    snoozed_until: Annotated[NotRequired[AwareDatetime], Field(description="out of sight on pages until then")]
    snooze_reason: NotRequired[SnoozeReason]


class MarkShown(MarkFields):
    """An entry, and who has it."""

    id: str


def shown(mark: Mark, now: datetime) -> dict[str, str]:
    """The fields of MarkFields; a snooze that is over is not told."""
    found: dict[str, str] = {}
    if mark.taken_by is not None and mark.taken_at is not None:
        found |= {"taken_by": mark.taken_by, "taken_at": mark.taken_at.isoformat()}
    if mark.is_snoozed(now):
        found |= {"snoozed_until": str(mark.snoozed_until and mark.snoozed_until.isoformat())}
        found |= {"snooze_reason": str(mark.snooze_reason)}
    return found


class Team(NamedTuple):
    """Who reads, by their subject, and what others are called: subject → name."""

    me: str
    called: Mapping[str, str]

    def name(self, subject: str) -> str:
        """What somebody is called: `you` for the reader."""
        return say("you") if subject == self.me else self.called.get(subject, subject)


def who_cell(mark: Mark, team: Team, now: datetime, zones: tuple[tzinfo, tzinfo]) -> Cell:
    """The column of who has an entry. `zones`: the one in which instants are told, and the facility's, for days."""
    reading, own = zones
    name, more = "", []
    if mark.taken_by is not None and mark.taken_at is not None:
        name, more = team.name(mark.taken_by), [say("since {when}", when=moment(mark.taken_at, reading))]
    if mark.snoozed_until is None or not mark.is_snoozed(now):
        return Cell(name, more)
    words = next((text for code, text in REASONS.items() if code == mark.snooze_reason), "")
    until = say("snoozed until {day}", day=day(mark.snoozed_until.astimezone(own).date()))
    return Cell(name, (*more, say(words)), Badge(until))
