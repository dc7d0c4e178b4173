"""The clock as a value that is passed in: outside this module no code asks the machine for the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A function that returns the current time as an aware datetime."""

    def __call__(self) -> datetime: ...


def system_clock() -> datetime:
    """The machine's time, in UTC."""
    return datetime.now(UTC)


class SetClock:
    """A clock that stands still until it is moved: virtual time for tests and the simulator."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, by: timedelta) -> None:
        """Move the clock on by this duration."""
        self.at += by
