"""Inpatient days before a hospital changed the stay to outpatient in the same bed (A07; condition code 44 on a bill).

What they are is the payer's row (contract 4): void from the start, as if the patient had been an outpatient all along,
or billed up to the change. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.placement.billing.payer_rules import PayerRules
from services.placement.billing.stretches import BilledStretch
from services.placement.continuum.model import StayState
from shared.events.levels import ACUTE


def without_changed(found: Sequence[BilledStretch], stay: StayState, rules: PayerRules) -> list[BilledStretch]:
    """The stretches of a stay that are billed, without those that such a change makes void for their payer."""
    changed = _changed(stay)
    if not changed:
        return list(found)
    return [one for one in found if one.segment.root not in changed or not rules.voids_changed(one.cover.payer)]


def _changed(stay: StayState) -> set[str]:
    """The roots of the inpatient segments that ended by a change to outpatient in the same bed, with all of their
    unbroken presence."""
    found: set[str] = set()
    run: list[str] = []
    for segment, following in zip(stay.segments, [*stay.segments[1:], None], strict=True):
        if segment.level not in ACUTE:
            run = []
            continue
        run.append(segment.root)
        if following is not None and following.level is None and following.unit == segment.unit:
            found.update(run)
    return found
