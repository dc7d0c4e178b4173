"""How a stay ended by a site's tables, and what follows it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from shared.events.open_lists import DispositionKind


class DispositionRow(NamedTuple):
    """A discharge disposition by the site's tables: the code as written there, and what it means."""

    code: str
    kind: DispositionKind


UNKNOWN = "unknown"
"""What a code that is in no table of the site goes on as (contract 2)."""
NOT_IN_TABLE = DispositionRow(UNKNOWN, "unknown")
Follows = Literal["search", "plan"]
NOTHING_FOLLOWS: dict[str, tuple[Follows, ...]] = dict.fromkeys(
    ("transfer", "hospice", "custody", "deceased", "transferred-out", "incarcerated"), ()
)
"""Ends after which the patient is in other hands, where a site's `what_follows` says nothing else; after all other ends
both begin."""
