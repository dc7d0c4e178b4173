"""Which of placement's lists a change may be in, for a reader who may see it (contract promise 9). No SQL, no I/O."""

from __future__ import annotations

from services.placement.desk.frame import Parts, whose_of
from services.placement.worklists.lists import READERS, REVIEWING, WORKLISTS, Worklist
from services.placement.worklists.work import EntriesOf, WithheldFacts
from shared.site.config import Site
from shared.storage.changes import Change
from shared.web.auth import Caller
from shared.web.desk import may
from shared.web.live import Heard, LivePages


def live_pages(parts: Parts) -> LivePages:
    """The open pages of the coordinators' desk."""
    site = parts.rules.site
    return LivePages("placement", parts.database, READERS, lambda who, change: heard(who, change, site))


def heard(who: Caller, change: Change, site: Site) -> Heard | None:
    """The lists of this reader that the change may be in, and whose rows changed, for those who may open a patient's
    page; None where the reader may not see it."""
    if not _sees(who, change, site):
        return None
    lists = frozenset(one.name for one in WORKLISTS if _holds(one, change) and may(who, one.on_page or one.readers))
    known = change.patients if may(who, REVIEWING) else ()
    if not lists and (change.kind != "episode" or known == ()):
        return None
    return Heard(lists, known)


def _sees(who: Caller, change: Change, site: Site) -> bool:
    """As views.Whose says of a line; of an episode, who may see all that have it. A change that names no facility is
    for who may see everything."""
    whose = whose_of(who, who.scope)
    program = site.program(change.program) if change.program else None
    facilities = (program.facility,) if program else change.facilities
    if not facilities:
        return whose.scope.facilities is None
    asked = whose.asking and change.asked_by is not None and whose.scope.has(change.asked_by)
    return asked or whose.scope.has_all(facilities)


def _holds(one: Worklist, change: Change) -> bool:
    match one.of:
        case EntriesOf(kind=kind, states=states, also=also):
            return change.kind in {kind, *also} and (not states or change.state in states)
        case WithheldFacts():
            return change.kind == "withheld"
        case _:
            return change.kind == "seat"
