"""Which entries of placement's lists can be taken, and by whom (shared/web/marking.py, `Lists`). No SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.placement.desk.frame import Parts, whose_of
from services.placement.worklists.lists import Worklist
from services.placement.worklists.views import Line
from services.placement.worklists.work import EntriesOf
from shared.storage.database import Connection
from shared.storage.entry_marks import Marked
from shared.web import requests
from shared.web.auth import Caller
from shared.web.marking import Entry

TAKERS = ("coordinator", "clinician", "billing", "program")


class PlacementLists:
    """Every list of entries, whether it is in the API or on the page."""

    takers: Sequence[str] = TAKERS

    def __init__(self, parts: Parts, lists: Sequence[Worklist]) -> None:
        self._parts = parts
        self._known = {one.name: one for one in lists}

    async def named(
        self, connection: Connection, name: str, who: Caller, ids: Sequence[str], now: datetime
    ) -> Sequence[Entry]:
        """See `Lists`."""
        one = self._known.get(name)
        if one is None or not isinstance(one.of, EntriesOf):
            raise requests.missing()
        requests.one_of_roles(who, (*one.readers, *one.on_page))
        found = await one.of.named(connection, whose_of(who, who.scope), ids, now)
        return [self._entry(line) for line in found]

    def _entry(self, line: Line) -> Entry:
        scopes = [(line.facility, *line.besides), *([(line.asked_by,)] if line.asked_by is not None else [])]
        zone = self._parts.rules.site.zone(line.facility)
        return Entry(Marked(line.kind, line.id, line.state), line.episode_id, line.patient_id, tuple(scopes), zone)
