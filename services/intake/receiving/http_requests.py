"""What intake's doors ask of a request besides shared/web/requests.py: media type, parameters (400), how often.

No answer of it repeats anything that was sent.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from http import HTTPStatus

from starlette.requests import Request

from shared.site.values import Limits
from shared.web.app import Problem
from shared.web.auth import Caller
from shared.web.requests import invalid


def parameters(request: Request, known: Collection[str]) -> dict[str, str]:
    """The query's parameters. Raises 400 for one that is not known, told twice, or no text."""
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    if unknown := set(names) - set(known):
        raise invalid(f"{len(unknown)} parameters are not known here; known are {', '.join(sorted(known))}")
    if len(set(names)) < len(names):
        raise invalid("a parameter is given twice")
    if any("\0" in value for _, value in given):
        raise invalid("a parameter has a character that no text has")
    return dict(given)


def limit(text: str | None, usual: int, most: int) -> int:
    """How long a page may be."""
    if text is None:
        return usual
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise invalid(f"limit is a whole number from 1 to {most}")
    return int(text)


def cursor(last: str) -> str:
    """Where the next page begins."""
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def behind(given: str | None) -> str:
    """The way back of `cursor`; "" for the first page."""
    try:
        raw = (given or "").encode("ascii")
        last = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        last = "\0"
    if "\0" in last:  # PostgreSQL has no text with it
        raise invalid("cursor is not one that a page before gave")
    return last


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
