"""Whether a packet passes: within the legal entity for treatment, to another entity on a basis that the gate finds; and
what is written of it before it is shown (contract 3.7.6, 5.7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.placement.continuum import codec
from services.placement.continuum.model import Folded
from services.placement.desk import views as own_views
from services.placement.desk.frame import Parts
from services.placement.gate import disclosing
from services.placement.gate.bases import Basis, NoBasisReason
from services.placement.gate.packets import PURPOSE, PacketRequest, PacketRow
from services.placement.gate.recipients import GateRules
from services.placement.gate.records import PART2
from services.placement.worklists.views import Line
from shared.site.config import Site
from shared.storage.database import Connection
from shared.storage.exits import Exit, leave
from shared.values import value_object
from shared.web.auth import Caller

NOT_DISCLOSED: Final = frozenset({"ask", "withheld", "notice", "basis", "whole"})
"""Parts of a packet that say nothing of the patient."""


@value_object
class Passing:
    """How a packet goes from `discloser`, the facility whose search it is, to the offer's program.

    `same`: they are of one legal entity. `basis`: the one that holds; `reason`: why none does; `at`: when that was
    looked at. `inside`: the reader sees the discloser's patients anyway.
    """

    discloser: str
    same: bool
    inside: bool
    labels: frozenset[str]
    at: datetime
    basis: Basis | None = None
    reason: NoBasisReason | None = None
    folded: Folded | None = field(default=None)

    @property
    def open(self) -> bool:
        """True where the program may be told more than a level, a first day and whom to ask."""
        return self.same or self.basis is not None

    @property
    def noticed(self) -> bool:
        """True where the notice of 42 CFR 2.32 goes with it."""
        return self.open and not self.same and PART2 in self.labels


class PacketReading(NamedTuple):
    """Who asks for the packet of which offer."""

    parts: Parts
    gate: GateRules
    who: Caller
    offer: Line


def one_entity(site: Site, facility: str, other: str) -> bool:
    """True of facilities of one legal entity."""
    return site.entity(facility) == site.entity(other)


def labels_of(site: Site, discloser: str, told: Iterable[str]) -> frozenset[str]:
    """What a packet of the facility is about: what the episode is, and Part 2 care where all of its care is."""
    facility = site.facility(discloser)
    return frozenset(told) | ({PART2} if facility and facility.part2 else set())


async def passing(connection: Connection, by: PacketReading, discloser: str) -> Passing:
    """How the packet of an offer goes to its program now. The labels are those of the whole episode: what is not
    covered whole is not told."""
    offer, site = by.offer, by.parts.rules.site
    told = (await own_views.attendances(connection, {offer.episode_id})).get(offer.episode_id)
    folded = codec.unpacked(told.fold) if told is not None else None
    labels = labels_of(site, discloser, folded.labels if folded else ())
    asked = PacketRequest(site.entity(offer.facility), discloser, labels)
    found, at = await disclosing.basis_of(connection, offer.episode_id, asked, by.gate, by.parts.clock)
    same, inside = one_entity(site, discloser, offer.facility), by.who.scope.has(discloser)
    if isinstance(found, Basis):
        return Passing(discloser, same, inside, labels, at, found, None, folded)
    return Passing(discloser, same, inside, labels, at, None, found, folded)


async def written(
    connection: Connection, by: PacketReading, how: Passing, packet: Mapping[str, Any], *, whole: bool
) -> None:
    """Write the ledgers, before anything is shown: of a packet that another entity's staff reads each reading, with its
    basis; of one within the entity that it was whole."""
    who, offer = by.who, by.offer
    if how.inside or how.same or how.basis is None:
        if whole:
            await leave(
                connection, Exit(who.subject, who.roles, "packet", 1, [offer.facility], "packet", PURPOSE), how.at
            )
        return
    out = Exit(who.subject, who.roles, "packet", 1, [how.discloser], "packet-out", PURPOSE, how.basis.kind)
    await leave(connection, out, how.at)
    await disclosing.noted(connection, _row(by, how, packet, whole=whole))


def _row(by: PacketReading, how: Passing, packet: Mapping[str, Any], *, whole: bool) -> PacketRow:
    basis, site, offer = how.basis, by.parts.rules.site, by.offer
    assert basis is not None  # noqa: S101 - what passes to another entity has one
    return PacketRow(
        disclosure_id=by.parts.ids(),
        offer_id=offer.id,
        program=str(offer.program),
        step="whole" if whole else "blind",
        read_by=by.who.subject,
        recipient=site.entity(offer.facility),
        episode_id=offer.episode_id,
        patient_id=offer.patient_id,
        facility=how.discloser,
        labels=sorted(how.labels),
        fields=sorted(packet.keys() - NOT_DISCLOSED),
        notice=how.noticed,
        basis=basis.kind,
        basis_id=basis.id,
        basis_fact=basis.fact_id,
        basis_scope=sorted(basis.scope),
        basis_from=basis.begins,
        basis_to=basis.ends,
        purpose=PURPOSE,
        disclosed_at=how.at,
        config=site.version,
    )
