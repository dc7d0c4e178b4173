"""The legal bases of a disclosure, and whether one holds for a recipient, these labels and this day. Pure.

Sources: 42 CFR 2.31 (what a consent names), 2.33 (treatment, payment, operations), 2.51 (emergency), 2.53 (audit),
2.61-2.67 (court order), 2.11 and 2.12(c)(4) (service agreement); contract 5.7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Literal

from shared.events.disclosures import BasisKind
from shared.values import value_object

NoBasisReason = Literal[
    "no-consent", "other-discloser", "other-purpose", "cancelled", "revoked", "expired", "not-begun", "not-in-scope"
]
"""Why no basis holds. Each reason is checked only after those before it."""
ORDER: tuple[NoBasisReason, ...] = (
    "no-consent",
    "other-discloser",
    "other-purpose",
    "cancelled",
    "revoked",
    "expired",
    "not-begun",
    "not-in-scope",
)
PREFERRED: tuple[BasisKind, ...] = ("service-agreement", "consent", "court-order", "audit", "emergency")
"""Of several that hold, the one that asks least of the patient."""
ALL_PURPOSES = {"tpo": frozenset({"treatment", "payment", "operations"})}
"""One consent for all three (42 CFR 2.33(a), 45 CFR 164.501)."""
Over = Literal["revoked", "expired", "cancelled", "replaced"]
"""How a consent ended."""


@value_object
class DisclosureRequest:
    """What would be disclosed: to whom, for which purpose, from which facility, with which labels."""

    recipient: str
    recipient_class: str
    purpose: str
    facility: str
    labels: frozenset[str]


@value_object
class Basis:
    """One legal basis for disclosing. `discloser` or `purpose` None: any.

    `scope`: every label of what goes out has to be in it; content without labels needs none. `begins` and `ends`: first
    and last day in the facility's zone. `fact_id`: the ce_id of the consent-recorded behind it. `over`: why it no
    longer holds.
    """

    kind: BasisKind
    id: str
    scope: frozenset[str]
    begins: date
    ends: date | None = None
    recipient: str | None = None
    recipient_class: str | None = None
    discloser: str | None = None
    purpose: str | None = None
    fact_id: str | None = None
    over: Over | None = None


Discloses = Callable[[str, str], bool]
"""Whether a discloser, as a consent names it, is this facility."""


def obstacle(basis: Basis, asked: DisclosureRequest, day: date, discloses: Discloses) -> NoBasisReason | None:
    """Why this basis does not hold for this request on this day; None: it holds."""
    if not _names(basis, asked):
        return "no-consent"
    if basis.discloser is not None and not discloses(basis.discloser, asked.facility):
        return "other-discloser"
    if basis.purpose is not None and asked.purpose not in ALL_PURPOSES.get(basis.purpose, {basis.purpose}):
        return "other-purpose"
    return _time(basis, day) or (None if asked.labels <= basis.scope else "not-in-scope")


def _time(basis: Basis, day: date) -> NoBasisReason | None:
    if basis.over is not None:
        return "cancelled" if basis.over == "replaced" else basis.over
    if basis.ends is not None and day > basis.ends:
        return "expired"
    return "not-begun" if day < basis.begins else None


def _names(basis: Basis, asked: DisclosureRequest) -> bool:
    if basis.recipient is not None:
        return basis.recipient == asked.recipient
    return basis.recipient_class is not None and basis.recipient_class == asked.recipient_class


def basis_for(
    agreed: Iterable[Basis], told: Iterable[Basis], asked: DisclosureRequest, day: date, discloses: Discloses
) -> Basis | NoBasisReason:
    """The basis that holds on that day; where none does, the reason for the consent that came nearest (`ORDER`).

    `agreed`: the recipient's agreements in site config; `told`: the patient's consents, and other recorded bases.
    """
    valid = [each for each in agreed if obstacle(each, asked, day, discloses) is None]
    reasons: list[NoBasisReason] = ["no-consent"]
    for each in told:
        reason = obstacle(each, asked, day, discloses)
        if reason is None:
            valid.append(each)
        else:
            reasons.append(reason)
    if valid:
        return min(valid, key=lambda each: (PREFERRED.index(each.kind), each.begins, each.id))
    return max(reasons, key=ORDER.index)
