"""What a merge left behind over HTTP, in words, and a person's decision whose it is."""

from __future__ import annotations

from typing import Any

from services.placement.desk.answers import GoneShown, LeftoverShown
from services.placement.desk.commands import Nothing
from services.placement.desk.frame import Listing, Parts, Rule, Subject, of_entries, write
from services.placement.engine import views
from services.placement.engine.act import Decided, Situation
from services.placement.worklists.views import Line
from services.placement.worklists.wording import told
from shared.errors import Rejected
from shared.events.merging import LeftoverSettled
from shared.storage.database import Connection

SETTLING = ("coordinator", "clinician")


def stays(now: Situation, leftover_id: str, _: Nothing) -> Decided:
    """State that it is this patient's. Raises Rejected: `gone`, `settled`."""
    return _settled(now, leftover_id, back=False)


def goes_back(now: Situation, leftover_id: str, _: Nothing) -> Decided:
    """State that it is the other patient's, in whose episode it is stated instead. Raises Rejected: `gone`."""
    return _settled(now, leftover_id, back=True)


def _settled(now: Situation, leftover_id: str, *, back: bool) -> Decided:
    one = next((each for each in now.folded.leftovers if each.id == leftover_id), None)
    if one is None:
        raise Rejected("gone", "it is not what a merge left here: the merge stands again, or it was given back")
    if one.kept and not back:
        raise Rejected("settled", "it was said already that it stays", possible=("goes-back",), state="stays")
    heading = now.about(one.facility).heading(now.now)
    fact = LeftoverSettled(**heading, facts=one.facts, goes_to=one.retired if back else None)
    return Decided((fact,), (leftover_id,))


async def _in_words(connection: Connection, parts: Parts, found: list[Line]) -> list[dict[str, Any]]:
    facts = await views.facts_of(connection, list(dict.fromkeys(line.episode_id for line in found)))
    known = {fact.id: fact for group in facts.values() for fact in group}
    return [
        {"facts": [told(known[ce_id], parts.rules) for ce_id in line.content["facts"] if ce_id in known]}
        for line in found
    ]


SUBJECT = Subject(
    Listing(
        "leftovers",
        "What was stated while two records were one, and hangs on neither since they are two again",
        states=of_entries("leftover"),
        teller=_in_words,
    ),
    (
        write(
            "/api/leftovers/{id}/stays", Nothing, Rule(stays), action="leftover-kept", operation="keepLeftover",
            roles=SETTLING, summary="It is this patient's",
        ),
        write(
            "/api/leftovers/{id}/goes-back", Nothing, Rule(goes_back), action="leftover-given-back",
            operation="giveLeftoverBack", roles=SETTLING, told={"anyOf": [LeftoverShown, GoneShown]},
            summary="It is the other patient's, and is stated there instead",
        ),
    ),
)  # fmt: skip
