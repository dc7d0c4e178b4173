"""The continuum of an episode as a picture over time: lanes and bars, from the folded state. Pure.

drawing.py says where they stand.

One lane a level of care that the episode has, in the order of the table of levels, then visits without a level, then
one an authorization. Bars are half-open [since, until); `until` None: it goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Literal

from services.placement.continuum.model import Folded, Segment, StayState
from services.placement.continuum.order import day_of, midnight
from services.placement.desk.showing import voided
from services.placement.programs.seats import Claim, claims
from services.placement.rules import Rules
from services.placement.search.searches import DeskFacts
from services.placement.worklists.entries import stay_of
from services.placement.worklists.wording import words_of
from shared.events.levels import RANK, WORDS, Level
from shared.facts.envelope import Fact
from shared.facts.places import places_of
from shared.values import value_object
from shared.web.wording import dated, day, measure, moment, spoken
from shared.web.words import say, say_count

BarKind = Literal["stay", "leave", "suspended", "expected", "to-come", "seat", "authorized", "follow-up", "taken-back"]
VISITS = "visit"
"""The lane of visits without a level of care."""
FOLLOW_UPS = "follow-up"
"""The lane of the last days of follow-up windows."""


@value_object
class Bar:
    """Something that lasts. `lane`: a level of care, VISITS, FOLLOW_UPS, or the id of an authorization; `of`: the fact
    that it is by; `words`: what it is, in a sentence; `label`: a few words to stand beside it.

    `part`: how much of an authorization with a limit is used, 0 to 1; `late`: used up, or missed.
    """

    kind: BarKind
    lane: str
    since: datetime
    until: datetime | None
    of: str
    words: str
    label: str = ""
    level: Level | None = None
    part: float | None = None
    late: bool = False


@value_object
class Continuum:
    """The picture: lanes from top to bottom as (name, title), bars in the order in which they are drawn, the instant
    that counts as today, and the times of deaths."""

    lanes: tuple[tuple[str, str], ...]
    bars: tuple[Bar, ...]
    today: datetime
    deaths: tuple[datetime, ...] = ()

    @property
    def stands(self) -> tuple[Bar, ...]:
        """The bars without what was taken back."""
        return tuple(bar for bar in self.bars if bar.kind != "taken-back")


@value_object
class PictureOf:
    """What a picture is made of: the fold, all facts in sight, and auth_id → (units used, units allowed or None)."""

    folded: Folded
    facts: Sequence[Fact]
    rules: Rules
    today: datetime
    used: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)


def picture(of: PictureOf) -> Continuum:
    """The continuum as bars. The bars of kind `stay` are the segments of the folded stays, each once."""
    bars = [
        *(bar for stay in of.folded.stays for bar in _of_stay(stay, of)),
        *_to_come(of),
        *_follow_ups(of),
        *_authorized(of),
        *_taken_back(of),
    ]
    there = {bar.lane for bar in bars}
    lanes = [(level.value, say(short(level))) for level in Level if level.value in there]
    lanes += [(VISITS, say("Visit"))] if VISITS in there else []
    lanes += [(FOLLOW_UPS, say("Follow-up"))] if FOLLOW_UPS in there else []
    lanes += [(one.auth_id, say("Authorized")) for one in of.folded.authorizations if one.auth_id in there]
    return Continuum(tuple(lanes), tuple(bars), of.today, tuple(sorted({one.at for one in of.folded.deaths})))


def short(level: Level) -> str:
    """The short name of a level where its words have one in brackets: `PHP`; else its words."""
    words = WORDS[level]
    return words[words.index("(") + 1 : -1] if words.endswith(")") else words


def segments_of(stay: StayState) -> Iterator[tuple[Segment, datetime | None]]:
    """The segments of a stay, each with its end; None: it goes on."""
    yield from ((one, following.since) for one, following in pairwise(stay.segments))
    yield stay.segments[-1], stay.ended.at if stay.ended else None


def lane_of(level: Level | None) -> str:
    """The name of the lane of a level; VISITS for None."""
    return level.value if level else VISITS


def _of_stay(stay: StayState, of: PictureOf) -> Iterator[Bar]:
    zone = of.rules.zone_of(stay.facility)
    for segment, until in segments_of(stay):
        last = until is not None and segment is stay.segments[-1]
        where, how = _place(segment, stay, of.rules), _how(stay) if last else ""
        words = f"{where}: {_lasting(segment.since, until, zone, of.today)}" + (f", {how}" if how else "")
        label, level = how if last else where, segment.level
        yield Bar("stay", lane_of(level), segment.since, until, segment.fact, words, label, level)
    for away in stay.away:
        back = away.until or (stay.ended.at if stay.ended else None)
        kind = say("on leave ({kind})", kind=spoken(away.kind))
        words = f"{kind}: {_lasting(away.since, away.until, zone, of.today)}"
        yield Bar("leave", _lane_at(stay, away.since), away.since, back, away.fact, words)
    for span in stay.suspended:
        words = f"{say('suspended')}: {_lasting(span.since, span.until, zone, of.today)}"
        yield Bar("suspended", _lane_at(stay, span.since), span.since, span.until, stay.segments[0].fact, words)
    if stay.open and stay.expected_end is not None and stay.expected_end > of.today:
        label = say("expected end {day}", day=day(day_of(stay.expected_end, zone)))
        since, fact = max(of.today, stay.begun), stay.segments[-1].fact
        yield Bar("expected", lane_of(stay.level), since, stay.expected_end, fact, label, label, stay.level)


def _lasting(since: datetime, until: datetime | None, zone: tzinfo, today: datetime) -> str:
    """From when to when, with the year where it is not today's."""

    def at(one: datetime) -> str:
        local = one.astimezone(zone)
        return f"{dated(local.date(), today.astimezone(zone).date())}, {local:%H:%M} {local:%Z}"

    return (
        say("since {since}", since=at(since))
        if until is None
        else say("{since} to {until}", since=at(since), until=at(until))
    )


def _lane_at(stay: StayState, at: datetime) -> str:
    """The lane of a stay at an instant."""
    begun = [segment for segment in stay.segments if segment.since <= at]
    return lane_of((begun or stay.segments)[-1].level)


def _place(segment: Segment, stay: StayState, rules: Rules) -> str:
    program = rules.site.program(segment.program) if segment.program else None
    if program is not None:
        return program.title
    facility = rules.site.facility(stay.facility)
    return ", ".join(filter(None, (segment.unit, facility.title if facility else stay.facility)))


def _how(stay: StayState) -> str:
    """How a stay ended, in words: `discharged: home`."""
    ended = stay.ended
    if ended is None:
        return ""
    kind = ended.disposition.kind if ended.disposition and ended.disposition.kind != "unknown" else ended.reason
    return spoken(ended.how) + (f": {spoken(kind)}" if kind else "")


def _to_come(of: PictureOf) -> Iterator[Bar]:
    """Placements that have not begun, and seats that are kept without a placement and not over."""
    held = {claim.placement_id for claim in _claims(of.facts)}
    for one in of.folded.placements:
        if stay_of(of.folded, one.placement_id) is not None:
            continue
        program = of.rules.site.program(one.program)
        facility = program.facility if program else of.folded.facility
        title = program.title if program else one.program
        label = say("first day {day}", day=day(one.start_date))
        seat = say("seat held") if one.placement_id in held else say("no seat")
        words, label = f"{title}: {label}, {seat}", f"{label}, {seat}"
        since = midnight(one.start_date, of.rules.zone_of(facility))
        yield Bar("to-come", one.level.value, since, None, one.fact, words, label, one.level)
    for claim in _claims(of.facts):
        program = of.rules.site.program(claim.program)
        if claim.placement_id is None and program is not None and (claim.until is None or claim.until > of.today):
            zone = of.rules.zone_of(program.facility)
            until = say("until {at}", at=moment(claim.until, zone)) if claim.until else ""
            words = say("{program}: a seat is kept {until}", program=program.title, until=until).strip()
            level = Level(program.level)
            yield Bar("seat", level.value, claim.since, claim.until, claim.seat_id, words, say("seat kept"), level)


def _claims(facts: Iterable[Fact]) -> tuple[Claim, ...]:
    return claims(DeskFacts.of([fact for fact in facts if fact.writer == "placement"]).seats)


def _follow_ups(of: PictureOf) -> Iterator[Bar]:
    """The last day of each follow-up window, and what came of it."""
    for one in of.folded.windows:
        zone = of.rules.zone_of(of.folded.facility)
        ends = midnight(one.due_to + timedelta(days=1), zone)
        late = one.outcome == "missed" or (one.outcome is None and ends <= of.today)
        told = say("kept in time") if one.outcome == "kept" else spoken(one.outcome or "")
        state = told if one.outcome else say("by {day}", day=day(one.due_to))
        label = f"{measure(one.measure, short=True)}: {state}"
        words = label if one.outcome is None else f"{label}, {say('by {day}', day=day(one.due_to))}"
        since = midnight(one.due_to, zone)
        yield Bar("follow-up", FOLLOW_UPS, since, ends, one.fact, words, label, late=late)


def _authorized(of: PictureOf) -> Iterator[Bar]:
    for one in of.folded.authorizations:
        zone = of.rules.zone_of(one.facility)
        payer = of.rules.site.payer(one.payer)
        used, units = of.used.get(one.auth_id, (0, one.units))
        days = say("{since} to {until}", since=day(one.begins), until=day(one.to))
        amount = _amount(used, units, one.unit) if one.in_force else spoken(one.status)
        words = f"{payer.title if payer else one.payer}, {say(WORDS[one.level])}: {amount}, {days}"
        since, until = midnight(one.begins, zone), midnight(one.to + timedelta(days=1), zone)
        part = min(1.0, used / units) if units else None
        late = units is not None and used >= units and one.in_force
        label = f"{amount}, {say('last day {day}', day=day(one.to))}"
        yield Bar("authorized", one.auth_id, since, until, one.fact, words, label, one.level, part, late)


def _amount(used: int, units: int | None, unit: str) -> str:
    if units is None:
        return say("{used} used, no limit", used=used)
    return say_count(*_AMOUNTS[unit], units, used=used)


_AMOUNTS = {
    "day": ("{used} of {count} day used", "{used} of {count} days used"),
    "session": ("{used} of {count} session used", "{used} of {count} sessions used"),
    "hour": ("{used} of {count} hour used", "{used} of {count} hours used"),
}


_DRAWN_BACK = frozenset(
    {"admitted", "started", "transferred", "discharged", "completed", "discontinued", "visit-started"}
)


def _taken_back(of: PictureOf) -> Iterator[Bar]:
    """What was said of stays and was taken back or told anew: a bar without length at its time."""
    gone = voided(of.facts, of.folded)
    level_of = {stay.key: stay.level for stay in of.folded.stays}
    for fact in of.facts:
        if fact.id not in gone or fact.name not in _DRAWN_BACK:
            continue
        stay, named = fact.value.stay, [place.level for place in places_of(fact) if place.level]
        level = named[-1] if named else level_of.get((stay.kind, stay.id)) if stay else None
        words = say("taken back: {what}", what=words_of(fact, of.rules).short())
        at = fact.value.occurred_at
        yield Bar("taken-back", lane_of(level), at, at, fact.id, words, level=level)


def in_words(found: Continuum) -> list[tuple[str, Bar]]:
    """The picture as a table: (title of the lane, bar), by lane and time."""
    titles, order = dict(found.lanes), {name: place for place, (name, _) in enumerate(found.lanes)}
    ordered = sorted(found.bars, key=lambda bar: (order[bar.lane], bar.since, RANK.get(bar.lane, 0)))
    return [(titles[bar.lane], bar) for bar in ordered]
