"""Whether a packet may go to a program of another legal entity, by the rules of a record of `out.<recipient>`. Pure.

A consent names the entity, or the class of who gives treatment; a site may have an agreement with a recipient of that
name. What is not covered whole is not told at all (contract 3.7.6).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final, NamedTuple

from services.placement.gate.bases import Basis, DisclosureRequest, NoBasisReason, basis_for
from services.placement.gate.consents import Consent
from services.placement.gate.recipients import GateRules
from shared.site.config import TREATS

PURPOSE: Final = "treatment"


class PacketRequest(NamedTuple):
    """What would be told: to which entity, from which facility, with which labels."""

    entity: str
    facility: str
    labels: frozenset[str]


class PacketRow(NamedTuple):
    """A row of the ledger of packets, its columns in order."""

    disclosure_id: str
    offer_id: str
    program: str
    step: str
    read_by: str
    recipient: str
    episode_id: str
    patient_id: str
    facility: str
    labels: list[str]
    fields: list[str]
    notice: bool
    basis: str
    basis_id: str
    basis_fact: str | None
    basis_scope: list[str]
    basis_from: date
    basis_to: date | None
    purpose: str
    disclosed_at: datetime
    config: str


def decide(asked: PacketRequest, told: Iterable[Consent], rules: GateRules, at: datetime) -> Basis | NoBasisReason:
    """The basis that holds at an instant, else why none does. `told`: the consents of the episode."""
    outsider = rules.outsiders.get(asked.entity)
    request = DisclosureRequest(asked.entity, TREATS, PURPOSE, asked.facility, asked.labels)
    agreed = outsider.agreements if outsider else ()
    bases = [one.basis for one in told]
    return basis_for(agreed, bases, request, rules.day(asked.facility, at), rules.discloses)
