"""Lists in pages: how long one may be, and where the next one begins; a cursor is the last row's place, made opaque."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from shared.web.app import Problem
from shared.web.requests import unfit

MOST, USUAL = 200, 50
PARAMETERS = frozenset({"limit", "cursor"})
Row = TypeVar("Row")


def limit(given: dict[str, str], usual: int = USUAL, most: int = MOST) -> int:
    """How long a page may be. Raises 422."""
    text = given.get("limit", str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= most):
        raise unfit("limit", f"limit is a number from 1 to {most}")
    return int(text)


def page(found: Sequence[Row], limit: int, place: Callable[[Row], Sequence[str]]) -> tuple[Sequence[Row], str | None]:
    """Of up to `limit` + 1 rows: those of this page, and the cursor of the next one, None where there is none."""
    rows = found[:limit]
    return rows, cursor(*place(rows[-1])) if len(found) > limit else None


def cursor(*last: str) -> str:
    """Where the next page begins: behind the row with this place."""
    return base64.urlsafe_b64encode("|".join(last).encode()).decode().rstrip("=")


def behind(given: dict[str, str], parts: int) -> Sequence[str] | None:
    """The place that `cursor` was made of; None for the first page. Raises 422."""
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
    """A part of a place that is an instant. Raises 422."""
    try:
        found = datetime.fromisoformat(place)
    except ValueError:
        raise no_cursor() from None
    if found.tzinfo is None:
        raise no_cursor()
    return found


def at(instant: datetime) -> str:
    """The way back of `instant`."""
    return instant.astimezone(UTC).isoformat()


def no_cursor() -> Problem:
    """A cursor of somebody's own."""
    return unfit("cursor", "the cursor is not one that a page before gave")
