"""The receipt of a handover: the program confirms that the patient came and that it read the packet. Pure.

A first day that the program itself told confirms the arrival already; one that only a hospital told by ADT does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import structs

from services.placement.continuum.model import Folded
from services.placement.search.placements import stay_of
from shared.errors import Rejected
from shared.events.base import CareFact, LabelledHeading
from shared.events.placing import HandoverReceived
from shared.events.stays import Started
from shared.events.taking_back import FactCancelled, taken_back
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts
from shared.values import value_object


@value_object
class Receipt:
    """What of a handover is confirmed. `fact`: the program's word for it, where there is one."""

    arrived: bool = False
    plan_read: bool = False
    fact: Fact | None = None

    @property
    def whole(self) -> bool:
        """True where nothing is open."""
        return self.arrived and self.plan_read


def receipt_of(own: OwnFacts, placement_id: str) -> Receipt:
    """What is confirmed of a placement's handover."""
    told, started = None, False
    for fact in own:
        if fact.id in own.fallen:
            continue
        if isinstance(fact.value, HandoverReceived) and fact.value.placement_id == placement_id:
            told = fact
        started |= isinstance(fact.value, Started) and fact.value.placement_id == placement_id
    if told is None or not isinstance(told.value, HandoverReceived):
        return Receipt(started, plan_read=False)
    return Receipt(started or told.value.arrived, told.value.plan_read, told)


def received(
    folded: Folded, own: OwnFacts, heading: LabelledHeading, which: str, *, plan_read: bool
) -> HandoverReceived:
    """The program confirms the handover: that the patient is there, where the stay has begun, and that it read the
    packet. `heading`: with the program's facility.

    Raises Rejected: `cancelled`, `nothing-to-confirm` (no stay has begun and the packet was not read),
    `already-confirmed`.
    """
    if which not in {one.placement_id for one in folded.placements}:
        raise Rejected("cancelled", "the placement was cancelled")
    before, arrived = receipt_of(own, which), stay_of(which, folded) is not None
    plan_read = plan_read or before.plan_read
    if not arrived and not plan_read:
        text = "the patient has not come yet, and the packet was not read"
        raise Rejected("nothing-to-confirm", text, possible=("started", "start-missed"))
    if before.fact is not None and (before.arrived, before.plan_read) == (arrived, plan_read):
        raise Rejected("already-confirmed", "the program has confirmed this already", possible=("received-withdrawn",))
    replaces = before.fact.id if before.fact else None
    return HandoverReceived(
        **heading, placement_id=which, arrived=arrived, plan_read=plan_read,
        replaces=replaces,
    )  # fmt: skip


def withdrawn(own: OwnFacts, which: str, reason: str, now: datetime) -> FactCancelled:
    """The program did not confirm it. Raises Rejected `not-confirmed`."""
    found = receipt_of(own, which).fact
    if found is None:
        raise Rejected("not-confirmed", "the program has confirmed nothing", possible=("received",))
    return taken_back(found.value, found.id, reason=reason, now=now)


def fallen(folded: Folded, own: OwnFacts, now: datetime, cause: tuple[str, ...]) -> Iterable[CareFact]:
    """What follows for receipts: one of a cancelled placement is taken back; one that says that the patient is there
    says so no more once the first day was taken back. `cause`: ce_ids of what changed."""
    stand = {one.placement_id for one in folded.placements}
    for fact in own:
        told = fact.value
        if not isinstance(told, HandoverReceived) or fact.id in own.fallen:
            continue
        gone = told.arrived and stay_of(told.placement_id, folded) is None
        if told.placement_id not in stand or (gone and not told.plan_read):
            reason = "start-taken-back" if told.placement_id in stand else "placement-cancelled"
            yield taken_back(told, fact.id, reason=reason, now=now, derived_from=cause)
        elif gone:
            yield structs.replace(
                told, recorded_at=now, occurred_at=now, arrived=False, replaces=fact.id, derived_from=cause
            )
