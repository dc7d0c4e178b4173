"""Where a visit is and was, and when the patient was away: Encounter.location, classHistory and statusHistory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.intake.fhir import codes
from services.intake.fhir.model import Clockwork, ResourceRules, ToldResource
from services.intake.fhir.resources import Encounter, EncounterLocation, LocationResource, NamedResource
from services.intake.hl7 import model
from services.intake.hl7.fields import short
from services.intake.hl7.model import NOWHERE, LeaveTold, Moment, PlaceTold
from shared.fhir.bundles import Found
from shared.fhir.elements import Identifier, Reference
from shared.fhir.reading import read_or_none

_DEEPEST = 5
"""How many places within places are followed (Location.partOf)."""
_TO_COME = frozenset({"planned", "reserved"})


def names_of(reference: Reference | None, told: ToldResource) -> Iterator[str]:
    """What the organization that is referred to may be called: its numbers, then its names."""
    if reference is None:
        return
    found = told.resources.resolve(reference, told.resource.raw)
    known = read_or_none(NamedResource, found.raw) if found else None
    yield from _values([reference.identifier] if reference.identifier else [])
    yield from _values(known.identifier if known else ())
    if known and isinstance(known.name, str):
        yield known.name
    yield from filter(None, (reference.display, *(known.alias if known else ())))
    yield from _last_part(reference)


def _values(identifiers: Sequence[Identifier]) -> list[str]:
    return [one.value for one in identifiers if one.value]


def _last_part(reference: Reference) -> Iterator[str]:
    """The id in a reference to a resource that did not come with it: `Location/3W`."""
    text = reference.reference or ""
    if text and not text.startswith(("urn:", "#")) and "/" in text:
        yield text.partition("/_history/")[0].rpartition("/")[2]


class _Chain:
    """A place, and the places that it is part of, from the narrowest on."""

    def __init__(self, reference: Reference, told: ToldResource) -> None:
        self.reference, self.within = reference, list[tuple[Found, LocationResource]]()
        now: Reference | None = reference
        while now is not None and len(self.within) < _DEEPEST:
            found = told.resources.resolve(now, told.resource.raw)
            known = read_or_none(LocationResource, found.raw) if found else None
            if found is None or known is None or found.kind != "Location":
                break
            self.within.append((found, known))
            now = known.part_of

    def names(self, kind: str = "") -> list[list[str]]:
        """The names of each place of this physical type (`ro` room, `bd` bed), "" for those that are neither."""
        found = [
            [*_values(one.identifier), *([one.name] if one.name else []), *filter(None, one.alias)]
            for _, one in self.within
            if (kind and codes.has(one.physical_type, kind))
            or (not kind and not codes.has(one.physical_type, "ro", "bd"))
        ]
        if kind or found:
            return found
        own = self.reference
        numbers = [own.identifier.value] if own.identifier and own.identifier.value else []
        return [[*numbers, *filter(None, [own.display]), *_last_part(own)]]


def location_of(entry: EncounterLocation, told: ToldResource, facility: str, rules: ResourceRules) -> model.Location:
    """The unit that an Encounter's location is or lies in, by the first of its names that the site has; else by its
    first name. Room and bed, where they are told."""
    if entry.location is None:
        return NOWHERE
    chain = _Chain(entry.location, told)
    every = [name for names in chain.names() for name in names]
    unit = next((name for name in every if rules.has_unit(facility, name)), next(iter(every), None))
    room, bed = (next((names[0] for names in chain.names(kind) if names), None) for kind in ("ro", "bd"))
    return model.Location(_short(unit), _short(room), _short(bed), None)


def _short(text: str | None) -> str | None:
    return short(text) if text else None


def organizations_of_places(encounter: Encounter, told: ToldResource) -> Iterator[str]:
    """What the organizations that run the visit's places may be called."""
    for entry in encounter.location:
        if entry.location is not None:
            for _, one in _Chain(entry.location, told).within:
                yield from names_of(one.managing_organization, told)


def places_of(
    encounter: Encounter, told: ToldResource, facility: str, rules: ResourceRules, clock: Clockwork
) -> tuple[PlaceTold, ...]:
    """The places of a visit: those with times in their order, then those without, the one of now last; a change of
    class that classHistory tells is one more, at the place in force."""
    now = codes.code(encounter.class_, codes.CLASS)
    timed: list[PlaceTold] = []
    untimed: list[tuple[bool, PlaceTold]] = []
    for number, entry in enumerate(encounter.location):
        where = location_of(entry, told, facility, rules)
        if entry.status in _TO_COME or not where.unit:
            continue
        since = clock.moment(entry.period.start if entry.period else None, f"Encounter.location[{number}].period.start")
        if since is not None:
            timed.append(PlaceTold(where, now, since))
        else:
            untimed.append((entry.status == "active", PlaceTold(where, now, None)))
    timed.sort(key=lambda one: one.since.start if one.since else clock.arrived_at)
    untimed.sort(key=lambda one: one[0])
    return (*_with_classes(timed, _classes(encounter, clock)), *(one for _, one in untimed))


def _classes(encounter: Encounter, clock: Clockwork) -> list[tuple[Moment, str]]:
    """Since when the visit was of which class, by classHistory, in order."""
    found = []
    for number, one in enumerate(encounter.class_history):
        since = clock.moment(one.period.start if one.period else None, f"Encounter.classHistory[{number}].period.start")
        code = codes.code(one.class_, codes.CLASS)
        if since is not None and code is not None:
            found.append((since, code))
    return sorted(found, key=lambda one: one[0].start)


def _with_classes(timed: list[PlaceTold], classes: list[tuple[Moment, str]]) -> list[PlaceTold]:
    """The places, each in the class of then, and one more for each change of class at one of them."""
    if not classes or not timed:
        return timed
    found: list[PlaceTold] = []
    for place in timed:
        then = [code for since, code in classes if place.since and since.start <= place.since.start]
        found.append(place._replace(patient_class=then[-1] if then else classes[0][1]))
    for since, code in classes:
        here = [one for one in found if one.since and one.since.start <= since.start]
        if here and here[-1].patient_class != code:
            found.insert(found.index(here[-1]) + 1, PlaceTold(here[-1].location, code, since))
    return found


class _Status(NamedTuple):
    """A status of statusHistory."""

    since: Moment
    until: Moment | None
    state: str | None


def leaves_of(encounter: Encounter, clock: Clockwork) -> tuple[LeaveTold, ...] | None:
    """The leaves of a visit by statusHistory and status; None where there is no statusHistory with times. A leave lasts
    until the next status; one that the end of the visit ends has no end of its own."""
    told = _statuses(encounter, clock)
    if not told:
        return None
    now = codes.STATUS.get(encounter.status or "")
    ended = clock.moment(encounter.period.end if encounter.period else None, "Encounter.period.end")
    found: list[LeaveTold] = []
    for place, one in enumerate(told):
        if one.state == "on-leave":
            after = told[place + 1] if place + 1 < len(told) else None
            back = one.until or (after.since if after else None)
            by_end = now == "ended" and (back is None or (ended is not None and back.end >= ended.start))
            goes_on = (after is None and now == "on-leave") or (after is not None and after.state == "ended")
            found.append(LeaveTold(one.since, None if by_end or goes_on else back))
    if now == "on-leave" and told[-1].state != "on-leave":
        found.append(LeaveTold(told[-1].until or told[-1].since, None))
    return tuple(found)


def _statuses(encounter: Encounter, clock: Clockwork) -> list[_Status]:
    """The statuses that have times, in order."""
    found: list[_Status] = []
    for number, one in enumerate(encounter.status_history):
        at, period = f"Encounter.statusHistory[{number}].period", one.period
        since = clock.moment(period.start if period else None, f"{at}.start")
        if since is not None:
            until = clock.moment(period.end if period else None, f"{at}.end")
            found.append(_Status(since, until, codes.STATUS.get(one.status or "")))
    return sorted(found, key=lambda each: each.since.start)
