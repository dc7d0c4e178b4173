"""What every part of a story file has in common: names in plain words, nothing unknown, clock times and days."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict

ZONE = ZoneInfo("America/New_York")
"""Day 0 begins here, whichever facility the patient comes to."""
AFTER_WHAT_WAS_DONE = timedelta(seconds=2)
"""HL7 times have seconds."""


class Told(BaseModel):
    """Something that a story says; what is not known is refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=True,
    )


def _clock(told: Any) -> Any:
    """YAML 1.1 reads a bare 10:30 as a number to the base 60."""
    return f"{told // 60:02}:{told % 60:02}" if isinstance(told, int) else told


Clock = Annotated[time, BeforeValidator(_clock)]


class At(Told):
    """An instant of the story: a day, counted from day 0, and the clock of the zone; `now` is after what was done."""

    day: int | Literal["now"]
    at: Clock = time(10)


class Calendar:
    """Days of a story as dates and back."""

    def __init__(self, day_0: date) -> None:
        self.day_0 = day_0

    def date(self, day: int) -> date:
        """The date of a day."""
        return self.day_0 + timedelta(days=day)

    def iso(self, day: int) -> str:
        """The date of a day as text."""
        return self.date(day).isoformat()

    def instant(self, told: At) -> datetime:
        """The instant of a day and a clock time."""
        if told.day == "now":
            return datetime.now(ZONE) + AFTER_WHAT_WAS_DONE
        return datetime.combine(self.date(told.day), told.at, ZONE)

    def day(self, iso: str | None) -> int | None:
        """The day of a date."""
        return (date.fromisoformat(iso[:10]) - self.day_0).days if iso else None


def long_ago(today: date, days: int = 120) -> date:
    """Day 0: a Monday at least so long ago; by default no step of a story lies in the future, and every window is
    over."""
    then = today - timedelta(days=days)
    return then - timedelta(days=then.weekday())
