"""Checks across parts of a site config: names given twice, names of things that do not exist. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from shared.events.levels import Level
from shared.events.open_lists import DispositionKind
from shared.site.marked_yaml import Location
from shared.site.names import norm, norm_code
from shared.site.needs import YES
from shared.site.recipients import Recipient, unknown_parts
from shared.site.sign_in import ANY_FACILITY
from shared.site.units import ByClass, Facility, Unit
from shared.site.values import Program

if TYPE_CHECKING:
    from shared.site.config import Site

ENDS_AT_THE_DESK = (
    "completed", "against-advice", "lost-contact", "administrative", "transferred-out", "incarcerated", "deceased",
    "other",
)  # fmt: skip
"""Words with which a program stay ends (contract 3.1)."""


def contradictions(site: Site) -> Iterator[tuple[Location, str]]:
    """(where, sentence) for each problem that no part can see alone: names given twice, names of things that do not
    exist, levels that differ."""
    yield from _twice([(("programs", n, "id"), each.id) for n, each in enumerate(site.programs)])
    yield from _twice([(at, name) for at, name in _payer_names(site)])
    for n, clock in enumerate(site.clocks):
        if site.payer(clock.payer) is None:
            yield ("clocks", n, "payer"), f"there is no payer `{clock.payer}`"
    yield from _twice([(("clocks", n), f"{each.payer} {each.level}") for n, each in enumerate(site.clocks)])
    for table, codes in (("admission_types", site.admission_types), ("admission_sources", site.admission_sources)):
        yield from _twice([((table, code, n), sent) for code, texts in codes.items() for n, sent in _sent(code, texts)])
    yield from _unused_words_of_ends(site)
    yield from _twice([(("needs", n, "key"), each.key) for n, each in enumerate(site.needs)])
    yield from _twice([(("follow_ups", n, "measure"), each.measure) for n, each in enumerate(site.follow_ups)])
    yield from _twice([(("recommendations", n, "name"), each.name) for n, each in enumerate(site.recommendations)])
    if not site.recommendations[-1].always_fits:
        at: Location = ("recommendations", len(site.recommendations) - 1)
        yield at, "the last rule must have no condition and name a level: a level is always recommended"
    templates = site.aftercare.templates
    yield from _twice([(("aftercare", "templates", n, "name"), each.name) for n, each in enumerate(templates)])
    yield from _twice([(at, name) for at, name in _facility_names(site)])
    yield from _twice([(at, name) for at, name in _authority_names(site)])
    yield from _unknown_facilities(site)
    yield from _twice(_codes(("dispositions",), site.dispositions))
    yield from _twice([(("recipients", n, "id"), each.id) for n, each in enumerate(site.recipients)])
    for n, recipient in enumerate(site.recipients):
        yield from _recipient_contradictions(site, ("recipients", n), recipient)
    for n, program in enumerate(site.programs):
        yield from _program_contradictions(site, ("programs", n), program)
    for n, facility in enumerate(site.facilities):
        yield from _facility_contradictions(site, ("facilities", n), facility)


def _unknown_facilities(site: Site) -> Iterator[tuple[Location, str]]:
    """Facilities that authorities and the table of sign-in name, and the site does not have."""
    named: list[tuple[Location, str | None]] = [
        (("authorities", n, "facility"), each.facility) for n, each in enumerate(site.authorities)
    ]
    for value, names in site.sign_in.facilities.items():
        named += [(("sign_in", "facilities", value, n), name) for n, name in enumerate(names) if name != ANY_FACILITY]
    named += [(("silent_after", "facilities", name), name) for name in site.silent_after.facilities]
    for at, name in named:
        if name and site.facility(name) is None:
            yield at, f"there is no facility `{name}`"


def _facility_names(site: Site) -> Iterator[tuple[Location, str]]:
    for n, facility in enumerate(site.facilities):
        yield ("facilities", n, "name"), facility.name
        yield from ((("facilities", n, "sent_as", m), name) for m, name in enumerate(facility.sent_as))


def _payer_names(site: Site) -> Iterator[tuple[Location, str]]:
    for n, payer in enumerate(site.payers):
        yield ("payers", n, "id"), payer.id
        yield from ((("payers", n, "sent_as", m), name) for m, name in enumerate(payer.sent_as))


def _sent(code: str, texts: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    yield from enumerate((code, *(text for text in texts if norm(text) != norm(code))))


def _unused_words_of_ends(site: Site) -> Iterator[tuple[Location, str]]:
    """Words of `patient_status` and `what_follows` for ends that no stay can have, so that they are never used."""
    tables = [site.dispositions, *(each.dispositions for each in site.facilities)]
    known = {norm_code(code) for table in tables for codes in table.values() for code in codes}
    known |= {*get_args(DispositionKind), *ENDS_AT_THE_DESK}
    for table, words in (("patient_status", site.patient_status), ("what_follows", site.what_follows)):
        for word in words:
            if norm_code(word) not in known:
                yield (table, word), f"no stay ends with `{word}`: it is no disposition, kind or end at the desk"


def _authority_names(site: Site) -> Iterator[tuple[Location, str]]:
    for n, authority in enumerate(site.authorities):
        yield from ((("authorities", n, "names", m), name) for m, name in enumerate(authority.names))


def _codes(at: Location, table: dict[DispositionKind, tuple[str, ...]]) -> list[tuple[Location, str]]:
    return [((*at, kind, n), norm_code(code)) for kind, codes in table.items() for n, code in enumerate(codes)]


def _twice(named: list[tuple[Location, str]]) -> Iterator[tuple[Location, str]]:
    counts = Counter(norm(name) for _, name in named)
    seen = set()
    for at, name in named:
        if counts[norm(name)] > 1 and norm(name) in seen:
            yield at, f"`{name}` is given twice"
        seen.add(norm(name))


def _program_contradictions(site: Site, at: Location, program: Program) -> Iterator[tuple[Location, str]]:
    facility = site.facility(program.facility)
    if facility is None:
        yield (*at, "facility"), f"there is no facility `{program.facility}`"
    elif program.billing is None and program.level not in facility.billing:
        yield at, f"neither the program nor its facility says how `{program.level}` is billed"
    known = {norm(payer.id) for payer in site.payers}
    for n, payer in enumerate(program.payers):
        if norm(payer) not in known:
            yield (*at, "payers", n), f"there is no payer `{payer}`"
    yield from _twice([((*at, "groups", n, "id"), group.id) for n, group in enumerate(program.groups)])
    for key, said in program.answers.items():
        if (text := _unfit_answer(site, key, said)) is not None:
            yield (*at, "answers", key), text


def _unfit_answer(site: Site, key: str, said: tuple[str, ...]) -> str | None:
    """Why a program's answer to a need says nothing; None where it does."""
    need = site.need(key)
    if need is None or need.answered_by != "answers" or need.referral:
        return f"no need `{key}` is answered by what programs say"
    known = need.values or YES
    return next((f"the need `{key}` has no value `{value}`" for value in said if value not in known), None)


def _recipient_contradictions(site: Site, at: Location, recipient: Recipient) -> Iterator[tuple[Location, str]]:
    for n, facility in enumerate(recipient.facilities):
        if site.facility(facility) is None:
            yield (*at, "facilities", n), f"there is no facility `{facility}`"
    yield from _twice([((*at, "receives", n, "type"), each.type) for n, each in enumerate(recipient.receives)])
    yield from _twice([((*at, "agreements", n, "id"), each.id) for n, each in enumerate(recipient.agreements)])
    yield from (((*at, *place), text) for place, text in unknown_parts(recipient))


def _facility_contradictions(site: Site, at: Location, facility: Facility) -> Iterator[tuple[Location, str]]:
    yield from _twice([((*at, "units", n, "code"), unit.code) for n, unit in enumerate(facility.units)])
    yield from _twice(_codes((*at, "dispositions"), facility.dispositions))
    for n, unit in enumerate(facility.units):
        here: Location = (*at, "units", n)
        yield from _unit_contradictions(site, here, facility, unit)


def _unit_contradictions(site: Site, here: Location, facility: Facility, unit: Unit) -> Iterator[tuple[Location, str]]:
    """What is wrong with the programs and levels of a unit, as it is and by its rows."""
    yield from _place_contradictions(site, here, facility, unit.program, unit.level)
    asked: list[ByClass] = []
    for n, row in enumerate(unit.by_class):
        place: Location = (*here, "by_class", n)
        if row.level is not None:
            yield from _place_contradictions(site, place, facility, row.program, row.level)
        if any(_covers(earlier, row) for earlier in asked):
            yield place, "an earlier row fits wherever this one does, so it is never used"
        asked.append(row)


def _covers(earlier: ByClass, later: ByClass) -> bool:
    """Whether the earlier row fits every visit that the later one fits."""
    for name in ("patient_class", "hospital_service", "patient_type"):
        asked, told = ({norm(each) for each in getattr(row, name)} for row in (earlier, later))
        if asked and not (told and told <= asked):
            return False
    return True


def _place_contradictions(
    site: Site, here: Location, facility: Facility, named: str | None, level: Level | None
) -> Iterator[tuple[Location, str]]:
    program = site.program(named) if named else None
    if named and program is None:
        yield (*here, "program"), f"there is no program `{named}`"
    elif program and (program.level, norm(program.facility)) != (level, norm(facility.name)):
        yield (*here, "program"), f"the program `{program.id}` is of another level or facility than the unit"
    if level and level not in facility.billing and not (program and program.billing):
        yield here, f"nothing says how `{level}` is billed here"
