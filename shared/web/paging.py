"""Lists in pages: how long a page may be, and where the next one begins. A cursor is the sort key (`place`) of a page's
last row, base64 so that callers do not build on it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from shared.web.app import Problem
from shared.web.requests import unfit

MOST, USUAL = 200, 50
"""Rows of a page: at most, and where the caller does not say."""
PARAMETERS = frozenset({"limit", "cursor"})
Row = TypeVar("Row")


def limit(given: dict[str, str], usual: int = USUAL, most: int = MOST) -> int:
    """How many rows a page may have, by the parameter `limit`. Raises a 422 Problem for what is no number in range."""
    text = given.get("limit", str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= most):
        raise unfit("limit", f"limit is a number from 1 to {most}")
    return int(text)


def page(found: Sequence[Row], limit: int, place: Callable[[Row], Sequence[str]]) -> tuple[Sequence[Row], str | None]:
    """(The rows of this page, the cursor of the next one or None), from up to `limit` + 1 rows that were found."""
    rows = found[:limit]
    return rows, cursor(*place(rows[-1])) if len(found) > limit else None


def cursor(*last: str) -> str:
    """The cursor of the page that begins after the row with this place."""
    return base64.urlsafe_b64encode("|".join(last).encode()).decode().rstrip("=")


def behind(given: Mapping[str, str], parts: int) -> Sequence[str] | None:
    """The place that the parameter `cursor` was made of, in this many parts; None for the first page. Raises a 422
    Problem for a cursor that is none."""
    text = given.get("cursor")
    if text is None:
        return None
    try:
        raw = text.encode("ascii").rstrip(b"=")
        last = (
            base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True).decode().split("|", parts - 1)
        )
    except (ValueError, binascii.Error):
        last = []
    if len(last) != parts or any("\0" in part for part in last):  # PostgreSQL has no text with it
        raise no_cursor()
    return last


def instant(place: str) -> datetime:
    """A part of a place as an instant. Raises a 422 Problem where it is none."""
    try:
        found = datetime.fromisoformat(place)
    except ValueError:
        raise no_cursor() from None
    if found.tzinfo is None:
        raise no_cursor()
    return found


def after(given: Mapping[str, str]) -> tuple[datetime, str] | None:
    """The place (instant, id) behind which a page begins, by the parameter `cursor`; None for the first page. Raises a
    422 Problem for a cursor that is none."""
    last = behind(given, 2)
    return (instant(last[0]), last[1]) if last else None


def at(instant: datetime) -> str:
    """An instant as a part of a place; `instant` reads it."""
    return instant.astimezone(UTC).isoformat()


def no_cursor() -> Problem:
    """The 422 Problem for a cursor that no page gave."""
    return unfit("cursor", "the cursor is not one that a page before gave")
