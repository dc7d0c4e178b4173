"""Which of intake's lists a change may be in, for a reader who may see it (contract promise 9). No SQL, no I/O."""

from __future__ import annotations

from services.intake.api.matches import READERS as MATCHING
from services.intake.api.needs import READERS as UNKNOWN_NEEDS
from shared.storage.changes import Change
from shared.storage.database import Database
from shared.web.auth import Caller
from shared.web.desk import may
from shared.web.desks import DESKS
from shared.web.live import Heard, LivePages

READERS = tuple(DESKS["intake"])
"""Who may open intake's desk: who finds patients, and who has a list."""
INTERFACE = ("interface",)
"""Who is told of dead letters, which are of no facility: those of them who may see everything."""


def live_pages(database: Database) -> LivePages:
    """The open pages of intake; who has no list that changes hears nothing."""
    return LivePages("intake", database, READERS, heard)


def heard(who: Caller, change: Change) -> Heard | None:
    """The list that the change may be in, and whose rows changed; None where the reader may not see it."""
    if change.kind == "match" and may(who, MATCHING) and change.facilities and who.scope.has_all(change.facilities):
        return Heard(frozenset({"matches"}), change.patients)
    if change.kind == "unknown-need" and may(who, UNKNOWN_NEEDS) and who.scope.has_all(change.facilities):
        return Heard(frozenset({"need-unknown"}), change.patients)
    if change.kind == "dead-letter" and may(who, INTERFACE) and who.scope.facilities is None:
        return Heard(frozenset({"dead-letters"}), ())
    return None
