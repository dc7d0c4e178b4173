"""List entries of steps up that a referral or an assessment proposes while a stay is open (contract 3.7.1). Pure.

An entry goes when somebody accepts it (a search for that level), when the patient declines that level, comes to it, or
leaves, and with the referral or assessment itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.placement.continuum.model import Folded
from services.placement.search.ahead import AskedLevel, open_stay, proposed, waiting_placements
from services.placement.search.entry import ListEntry, known
from services.placement.search.searches import DeskFacts
from services.placement.search.states import BY_A_PERSON, SearchState
from services.placement.worklists.leaving import payer_of
from shared.events.placing import PatientDeclined


def entries_of_proposals(folded: Folded, own: DeskFacts) -> Iterator[ListEntry]:
    """One entry for each level that is proposed and that nobody has answered."""
    stay = open_stay(folded)
    found = proposed(folded)
    if stay is None or not found:
        return
    placed = {one.level for one in waiting_placements(folded)}
    for one in found:
        if one.level in placed or _answered(one, own):
            continue
        content = known(
            {
                "stay": {"kind": stay.kind, "id": stay.id},
                "level": stay.level,
                "proposed": one.level,
                "by": one.by,
                "instrument": folded.assessment.instrument if folded.assessment and one.by == "assessment" else None,
                "payer": payer_of(folded),
            }
        )
        besides = tuple({one.facility} - {stay.facility, ""})
        yield ListEntry(
            "proposal", f"{folded.episode_id}/{one.root}", stay.facility, stay.program, "open", one.at, None, content,
            besides,
        )  # fmt: skip


def _answered(one: AskedLevel, own: DeskFacts) -> bool:
    """Whether somebody looks for that level, or did because of this beside a stay or closed it, or the patient declined
    it since. A search that went by itself when the patient came to another level answers nothing."""
    for search in own.searches:
        is_open = search.state is SearchState.OPEN and search.recommended_level == one.level
        by_somebody = search.stay is not None or search.reason in BY_A_PERSON
        if is_open or (search.trigger == one.root and by_somebody):
            return True
    said = [told for fact in own if fact.id not in own.fallen and isinstance(told := fact.value, PatientDeclined)]
    return any(told.level == one.level and told.occurred_at >= one.at for told in said)
