"""How often who somebody is may be asked at intake's doors, by one caller; no answer repeats anything that was sent."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus

from shared.site.values import Limits
from shared.web.app import Problem
from shared.web.auth import Caller


class Paces:
    """How often who somebody is may be asked in a minute, by reading or by posting: people, and machines more often."""

    def __init__(self, limits: Limits) -> None:
        self._people, self._machines = (
            Pace(limits.identity_questions, 60.0),
            Pace(limits.machine_identity_questions, 60.0),
        )

    def take(self, who: Caller) -> None:
        """Count one question. Raises 429 until it is time again."""
        (self._machines if who.roles == MACHINES else self._people).take(who.subject)


MACHINES = frozenset({"hospital"})
"""The roles of a token that no person has."""


class Pace:
    """How often one caller may ask: `most` times in `seconds`, by one process's count; then 429 until it is time again.

    It slows down who reads out the register; it is no defence against many callers.
    """

    def __init__(self, most: int, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._now = most, seconds, now
        self._asked: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, subject: str) -> None:
        """Count one question of a caller."""
        now = self._now()
        since, number = self._asked.pop(subject, (now, 0))
        if now - since >= self._seconds:
            since, number = now, 0
        self._asked[subject] = (since, number + 1)
        if len(self._asked) > 10_000:
            self._asked.popitem(last=False)
        if number >= self._most:
            left = int(self._seconds - (now - since)) + 1
            text = f"{self._most} questions in {self._seconds:.0f} seconds are the most here"
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-often", text, retry_after=left)
