"""Searches, referrals, offers and first days → ServiceRequest, Task, Appointment. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from services.placement.continuum.order import midnight
from services.placement.fhir.codes import FIRST_DAY_STATUS, OFFER_STATUS, concept, instant, ours, part_id, to
from services.placement.fhir.covered import patient
from services.placement.fhir.episodes import SeenEpisode
from services.placement.fhir.site import facility_reference, program_reference
from services.placement.fhir.stays import referral_id
from services.placement.search.entry import ListEntry
from services.placement.search.searches import DeskFacts
from services.placement.worklists.entries import entries
from shared.events.levels import WORDS
from shared.fhir.elements import CodeableConcept, Identifier, Period, Reference
from shared.fhir.resources import Appointment, Attending, Restriction, ServiceRequest, Task


def entry_id(seen: SeenEpisode, kind: str, own_id: str) -> str:
    """The id of what an entry of the desk's lists is about."""
    return part_id(seen.episode_id, kind, own_id)


def _entries(seen: SeenEpisode, kind: str) -> Iterator[ListEntry]:
    """The entries of a kind that the reader may see: those of facilities in sight, and what their searches asked."""
    scope = seen.part.scope
    for one in entries(seen.part.folded, DeskFacts.of(seen.part.facts), seen.rules):
        if one.kind == kind and (scope.has_all((one.facility, *one.besides)) or _asked(seen, one)):
            yield one


def _asked(seen: SeenEpisode, one: ListEntry) -> bool:
    return one.asked_by is not None and seen.part.scope.has(one.asked_by)


def _own(kind: str, own_id: str) -> tuple[Identifier, ...]:
    return (Identifier(system=f"urn:stepdown:{kind}", value=own_id),)


def _level(level: Any) -> CodeableConcept | None:
    return concept(ours("level", str(level), WORDS.get(str(level)))) if level and str(level) in WORDS else None


# ── searches and referrals ────────────────────────────────────────────────────────────────────────────────────────────


def service_requests(seen: SeenEpisode) -> Iterator[ServiceRequest]:
    """A ServiceRequest of the referral, and one of each search for a program."""
    if seen.part.folded.referral:
        yield _referral(seen)
    for one in _entries(seen, "search"):
        content = one.content
        yield ServiceRequest(
            id=entry_id(seen, "search", one.id),
            identifier=_own("search", one.id),
            status=_search_status(one),
            intent="order",
            category=(concept(ours("request", "search")),),
            code=_level(content.get("recommended_level")),
            order_detail=tuple(_needs(content.get("needs", {}))),
            subject=patient(seen),
            authored_on=instant(datetime.fromisoformat(content["opened_at"])),
            requester=facility_reference(seen.rules.site, one.facility),
        )


def _search_status(one: ListEntry) -> str:
    if one.state == "open":
        return "active"
    return "completed" if one.content.get("reason") == "placed" else "revoked"


def _needs(needs: dict[str, Any]) -> Iterator[CodeableConcept]:
    """What is needed of a program, each as a code of ours; what says who the patient is (age) is left out."""
    for name in ("payer", "language", "track", "mode", "accreditation"):
        if value := needs.get(name):
            yield concept(ours(f"need:{name}", str(value)))
    for name, values in sorted((needs.get("also") or {}).items()):
        for value in values if isinstance(values, list | tuple) else [values]:
            yield concept(ours(f"need:{name}", str(value)))


def _referral(seen: SeenEpisode) -> ServiceRequest:
    told = seen.part.folded.referral
    if told is None:
        raise ValueError("the episode has no referral")
    return ServiceRequest(
        id=referral_id(seen),
        status="completed" if seen.part.folded.stays else "active",
        intent="order",
        category=(concept(ours("request", "referral")), concept(ours("referral-source", told.source))),
        code=_level(told.requested_level),
        order_detail=tuple(concept(ours("need", each)) for each in told.needs),
        subject=patient(seen),
        authored_on=instant(told.at),
        requester=facility_reference(seen.rules.site, told.facility),
    )


# ── offers and first days ─────────────────────────────────────────────────────────────────────────────────────────────


def tasks(seen: SeenEpisode) -> Iterator[Task]:
    """A Task of each offer: a program is asked to take the patient."""
    for one in _entries(seen, "offer"):
        content = one.content
        expires = content.get("expires_at")
        yield Task(
            id=entry_id(seen, "offer", one.id),
            identifier=_own("offer", one.id),
            based_on=(to("ServiceRequest", entry_id(seen, "search", content["search_id"])),),
            status=OFFER_STATUS[one.state],
            business_status=concept(ours("offer", one.state)),
            status_reason=concept(ours("reason", content["reason"])) if content.get("reason") else None,
            intent="order",
            code=concept(ours("task", "offer")),
            for_patient=patient(seen),
            authored_on=_instant(content.get("sent_at")),
            last_modified=instant(one.at),
            requester=facility_reference(seen.rules.site, one.asked_by),
            owner=program_reference(seen.rules.site, one.program or ""),
            restriction=Restriction(period=Period(end=_instant(expires))) if expires else None,
        )


def _instant(text: str | None) -> str | None:
    return instant(datetime.fromisoformat(text)) if text else None


def appointments(seen: SeenEpisode) -> Iterator[Appointment]:
    """An Appointment of each first day that was agreed with a program: that whole day, in the program's zone."""
    for one in _entries(seen, "placement"):
        on = date.fromisoformat(one.content["start_date"])
        zone = seen.rules.zone_of(one.facility)
        level = _level(one.content.get("level"))
        yield Appointment(
            id=entry_id(seen, "placement", one.id),
            identifier=_own("placement", one.id),
            status=FIRST_DAY_STATUS[one.state],
            service_type=(level,) if level else (),
            start=instant(midnight(on, zone)),
            end=instant(midnight(on + timedelta(days=1), zone)),
            based_on=_search_of(seen, one),
            participant=(_attending(patient(seen)), _attending(program_reference(seen.rules.site, one.program or ""))),
        )


def _search_of(seen: SeenEpisode, one: ListEntry) -> tuple[Reference, ...]:
    """The search whose offer was accepted."""
    offer = one.content.get("offer_id")
    found = (each for each in _entries(seen, "search") if offer and offer in each.content.get("offers", ()))
    return tuple(to("ServiceRequest", entry_id(seen, "search", each.id)) for each in found)


def _attending(actor: Reference) -> Attending:
    return Attending(actor=actor, status="accepted")
