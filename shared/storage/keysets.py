"""Pages of a long list by keyset: the next page begins after the last row's sort key, whatever was added meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True)
class Keyset:
    """The order of a list: by one column, and by id where that is equal. `down`: the greatest first."""

    by: sa.ColumnElement[Any]
    id: sa.ColumnElement[Any]
    down: bool = False

    def beyond(self, place: tuple[Any, Any], *, back: bool = False) -> sa.ColumnElement[bool]:
        """Rows after the one with this sort key; `back`: rows before it."""
        own = sa.tuple_(self.by, self.id)
        other = sa.tuple_(sa.literal(place[0], self.by.type), sa.literal(place[1], self.id.type))
        return own < other if self.down != back else own > other

    def order(self, *, back: bool = False) -> Sequence[sa.ColumnElement[Any]]:
        """What to order by; `back`: from the end."""
        return (self.by.desc(), self.id.desc()) if self.down != back else (self.by, self.id)
