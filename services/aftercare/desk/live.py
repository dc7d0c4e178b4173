"""Which of aftercare's lists a change may be in, for a reader who may see it (contract promise 9). No SQL, no I/O."""

from __future__ import annotations

from services.aftercare.desk.follow_ups import READERS
from services.aftercare.worklists.lists import WORKLISTS, WindowsOf, Worklist
from shared.storage.changes import Change
from shared.storage.database import Database
from shared.web.auth import Caller
from shared.web.live import Heard, LivePages


def live_pages(database: Database) -> LivePages:
    """The open pages of the follow-up desk."""
    return LivePages("aftercare", database, READERS, heard)


def heard(who: Caller, change: Change) -> Heard | None:
    """The lists that the change may be in, and whose rows changed; None where the reader may not see it."""
    if not change.facilities or not who.scope.has_all(change.facilities):
        return None
    lists = frozenset(one.name for one in WORKLISTS if _holds(one, change))
    return Heard(lists, change.patients)


def _holds(one: Worklist, change: Change) -> bool:
    """True where a row of this kind and state may be in the list, or may take another out of it."""
    of = one.of
    if isinstance(of, WindowsOf):
        return change.kind == "window" and change.state == of.state
    return change.kind == of.kind and change.state in of.states
