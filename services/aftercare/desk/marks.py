"""Which entries of aftercare's lists can be taken, and by whom (shared/web/marking.py, `Lists`). No SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.aftercare.desk import views
from services.aftercare.desk.follow_ups import READERS
from services.aftercare.desk.writes import WRITERS
from services.aftercare.engine.apply import Rules
from services.aftercare.engine.views import WINDOW
from services.aftercare.worklists.listed import ListedRow, ListedWindow
from services.aftercare.worklists.lists import Worklist
from shared.storage.database import Connection
from shared.storage.entry_marks import Marked
from shared.web import requests
from shared.web.auth import Caller
from shared.web.marking import Entry


class AftercareLists:
    """Every worklist."""

    takers: Sequence[str] = WRITERS

    def __init__(self, rules: Rules, lists: Sequence[Worklist]) -> None:
        self._rules = rules
        self._known = {one.name: one for one in lists}

    async def named(
        self, connection: Connection, name: str, who: Caller, ids: Sequence[str], now: datetime,  # noqa: ARG002
    ) -> Sequence[Entry]:  # fmt: skip
        """See `Lists`."""
        if (one := self._known.get(name)) is None:
            raise requests.missing()
        requests.one_of_roles(who, READERS)
        return [self._entry(row) for row in await views.named(connection, one.of, ids, who.scope)]

    def _entry(self, row: ListedRow) -> Entry:
        kind = WINDOW if isinstance(row, ListedWindow) else row.kind
        zone = self._rules.site.zone(row.facility)
        return Entry(Marked(kind, row.id, row.state), row.episode_id, row.patient_id, ((row.facility,),), zone)
