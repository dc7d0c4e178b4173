"""How often one caller may ask, or say, who a patient is over HTTP."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus

from shared.site.limits import Limits
from shared.web.app import Problem
from shared.web.auth import Caller


class RateLimits:
    """The site's limits for a minute: one for people, and a higher one for machines; reads and posts count alike."""

    def __init__(self, limits: Limits) -> None:
        self._people, self._machines = (
            RateLimit(limits.identity_questions, 60.0),
            RateLimit(limits.machine_identity_questions, 60.0),
        )

    def take(self, who: Caller) -> None:
        """Count one question. Raises a Problem (429) while the caller is over the limit."""
        (self._machines if who.roles == MACHINES else self._people).take(who.subject)


MACHINES = frozenset({"hospital"})
"""The roles of a machine's token."""


class RateLimit:
    """Each caller may ask `most` times in `seconds`, as this process counts.

    It slows down a caller who reads out all patients; it is no defence against many callers.
    """

    def __init__(self, most: int, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._now = most, seconds, now
        self._asked: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, subject: str) -> None:
        """Count one question of a caller. Raises a Problem (429, with the seconds to wait) over the limit."""
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
