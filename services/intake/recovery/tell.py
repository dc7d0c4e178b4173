"""Tells again what intake stated and care.events lacks, under the same ids and numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from services.intake.hl7.mapping import FacilityMap
from services.intake.recovery import store
from services.intake.recovery.rebuilt import told_again
from shared.facts.envelope import to_record
from shared.messaging import outbox
from shared.messaging.spool import Applied
from shared.storage.database import Connection


async def tell_facts(
    connection: Connection, episodes: Sequence[str], places: FacilityMap, elsewhere: Applied
) -> Counter[str]:
    """Tell again the facts of these episodes that care.events lacks."""
    stated = await store.facts_of(connection, episodes)
    asked = [(one.episode_id, "intake", one.sequence) for each in stated.values() for one in each if one.untold]
    kept = {fact.id: fact for fact in (await elsewhere.at(asked)).values()}
    found = [fact for each in stated.values() for fact in told_again(each, kept, places)]
    await outbox.send_first(connection, [to_record(fact, "care.events") for fact in found])
    return Counter({"facts": len(found)})
