"""Which entries of aftercare's lists can be taken, and by whom (shared/web/marking.py, `Lists`). No SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.aftercare.desk import views
from services.aftercare.desk.follow_ups import READERS
from services.aftercare.desk.showing import seen_entry
from services.aftercare.desk.writes import WRITERS
from services.aftercare.engine.apply import Rules
from services.aftercare.worklists.lists import Worklist
from shared.storage.database import Connection
from shared.web import requests
from shared.web.auth import Caller
from shared.web.marking import SeenEntry


class AftercareLists:
    """Every worklist."""

    takers: Sequence[str] = WRITERS

    def __init__(self, rules: Rules, lists: Sequence[Worklist]) -> None:
        self._rules = rules
        self._known = {one.name: one for one in lists}

    async def named(
        self, connection: Connection, name: str, who: Caller, ids: Sequence[str], now: datetime,  # noqa: ARG002
    ) -> Sequence[SeenEntry]:  # fmt: skip
        """See `Lists`."""
        if (one := self._known.get(name)) is None:
            raise requests.missing()
        requests.one_of_roles(who, READERS)
        return [seen_entry(row, self._rules) for row in await views.named(connection, one.of, ids, who.scope)]
