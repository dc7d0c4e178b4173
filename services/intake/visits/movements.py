"""Movements by their ids (segment ZBE): an update takes the place of the movement that it names, at the time that it
tells; `ADT^Z99` is one for a movement of any trigger. Pure.

Source: IHE PAM, historic movement management; contract 6, Events. A movement that a message inserts again under the
same id and trigger is told anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from services.intake.hl7.model import Adt, Moment, Movement, SiteMap, VisitMessage
from services.intake.visits.moves import statement
from services.intake.visits.stays import Statement


def same(one: Movement, other: Movement) -> bool:
    """Whether two messages are of one movement: they have an id in common."""
    return not set(one.ids).isdisjoint(other.ids)


def named(live: Iterable[Statement], movement: Movement) -> Statement | None:
    """The statement of this movement said last; None where none is known."""
    mine = [one for one in live if (of := one.said.adt.movement) is not None and same(of, movement)]
    return max(mine, key=lambda one: one.turn, default=None)


def at_its_time(message: VisitMessage, movement: Movement) -> VisitMessage:
    """The message with ZBE-2 as the time of its event. PV1-44 and PV1-45 are surer for a start and an end."""
    return message._replace(adt=_timed(message.adt, message.adt, movement)) if movement.at else message


def _timed(adt: Adt, told: Adt, movement: Movement) -> Adt:
    """The message of a movement at the time that `told` says: PV1-44 or PV1-45 of a start or an end, else ZBE-2."""
    own = {"PV1-44": told.admitted, "PV1-45": told.discharged}.get(adt.means.own_time or "")
    at = own if isinstance(own, Moment) else movement.at
    return structs.replace(adt, event=movement.at or adt.event, occurred=at or adt.occurred)


def updated(target: Statement, message: VisitMessage, movement: Movement, site: SiteMap) -> Statement:
    """The statement with what an update of its movement says of time, place and class; where it says nothing new, the
    statement as it was. It keeps its place in the order said."""
    new = message.adt
    told = {name: each for name in _TOLD if (each := getattr(new, name)) is not None}
    if new.location.unit:
        told["location"] = new.location
    adt = structs.replace(target.said.adt, stated_at=new.stated_at, movement=movement, **told)
    said = message._replace(adt=_timed(adt, new, movement))
    found = statement(said, target.kind, target.turn, site)
    return target if (found.at, found.unit, found.mapped) == (target.at, target.unit, target.mapped) else found


_TOLD = ("patient_class", "event_reason")
"""What of an update belongs to the movement itself, beside its unit and time; the rest amends the stay."""
