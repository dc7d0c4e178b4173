"""Makes one stay of the visits at a program whose hospital opens an account for each day or month: its first day, the
days attended, and its end, as facts of placement that follow from the visits (contract 6, What class). Pure.

Intake states each account as a visit without a level. Visits that begin while one is open, or within the program's days
after, are one stay. What the desk told stands before what follows from visits: a stay that it began is taken over, a
session that it recorded is not told again, and its end is the end. Decision 0205.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import structs

from services.placement.continuum.model import BY_VISIT, Folded, StayState
from services.placement.continuum.order import day_of, leaving_day, midnight
from services.placement.programs.attendance import DiscontinuationReason, StayProvenance
from services.placement.rules import Rules
from services.placement.search.searches import DeskFacts
from shared.events.base import Admission, CareFact
from shared.events.placing import Placed, PlacementCancelled
from shared.events.stays import Attended, Completed, Discontinued, Service, Started, StayFact
from shared.events.taking_back import taken_back
from shared.site.units import OneStay
from shared.site.values import Program
from shared.values import value_object

DAY = "program-day"
"""The kind of service that a visit tells: how long the patient was there."""
_WHOLE_DAY = 24 * 60
NO_FURTHER_VISIT = "no-further-visit"
"""The reason of a completion that is concluded from the days without a visit."""
OPEN = date.max
"""The last day of a visit that has not ended."""
FactOfStay = tuple[str, str]
"""(type, stay or session): what a fact is among those that follow from visits."""
_REASONS: dict[str, DiscontinuationReason] = {
    "against-advice": "against-advice",
    "elopement": "lost-contact",
    "transfer": "transferred-out",
    "custody": "incarcerated",
    "deceased": "deceased",
}
"""Kind of disposition → reason of a discontinuation; `home` is a completion, any other is `other`."""


@value_object
class Visit:
    """One visit at such a program: its first and last day there (OPEN while it has not ended). `fact` is the root of
    what brought the patient there."""

    stay: StayState
    program: Program
    rule: OneStay
    fact: str
    since: datetime
    first: date
    last: date

    @property
    def session_id(self) -> str:
        """The session that the visit tells, where each visit is a day attended."""
        return BY_VISIT + self.stay.id

    @property
    def unit(self) -> str | None:
        """Where it is."""
        return self.stay.segments[-1].unit

    @property
    def services(self) -> tuple[Service, ...]:
        """The time that the patient was there, where the visit ended on its day with a time told."""
        ended = self.stay.ended
        minutes = int((ended.at - self.since) / timedelta(minutes=1)) if ended and self.last == self.first else 0
        return (Service(kind=DAY, minutes=minutes),) if 0 < minutes < _WHOLE_DAY else ()

    @property
    def ends_stay(self) -> bool:
        """Whether its disposition is one with which the program's stays end."""
        told = self.stay.ended.disposition if self.stay.ended else None
        return told is not None and told.kind in self.rule.ends_by


@dataclass(slots=True)
class VisitRun:
    """Visits that are one stay, by their first days. `begun`: the start that stands of it; `stay`: its id, if any yet;
    `followed`: another stay at the program came after it."""

    visits: list[Visit]
    begun: StartTold | None = None
    stay: str | None = None
    followed: bool = False

    @property
    def program(self) -> Program:
        """Where."""
        return self.visits[0].program

    @property
    def rule(self) -> OneStay:
        """What makes visits there one stay."""
        return self.visits[0].rule

    @property
    def first(self) -> date:
        """The first day of the first visit."""
        return self.visits[0].first

    @property
    def last(self) -> date:
        """The last day of all visits; OPEN while one has not ended."""
        return max(visit.last for visit in self.visits)


class End(NamedTuple):
    """How a stay ended by its visits: on which day, by which fact, and why; `discontinued` None: it was completed."""

    day: date
    fact: str
    reason: str
    discontinued: DiscontinuationReason | None = None


class StartTold(NamedTuple):
    """A first day that was stated and stands."""

    id: str
    value: Started


class DayTold(NamedTuple):
    """A day attended that was stated and stands."""

    id: str
    value: Attended


class EndTold(NamedTuple):
    """An end that was stated and stands."""

    id: str
    value: Completed | Discontinued


@value_object
class Told:
    """Placement's facts of program stays that stand, and which of them follow from visits."""

    started: tuple[StartTold, ...]
    attended: tuple[DayTold, ...]
    ended: tuple[EndTold, ...]
    placed: tuple[Placed, ...]

    @classmethod
    def of(cls, own: DeskFacts) -> Told:
        """Read from placement's facts of an episode."""
        stand = [fact for fact in own if fact.id not in own.fallen]
        off = {one.value.placement_id for one in stand if isinstance(one.value, PlacementCancelled)}
        placed = [one.value for one in stand if isinstance(one.value, Placed) and one.value.placement_id not in off]
        return cls(
            tuple([StartTold(one.id, one.value) for one in stand if isinstance(one.value, Started)]),
            tuple([DayTold(one.id, one.value) for one in stand if isinstance(one.value, Attended)]),
            tuple([EndTold(one.id, one.value) for one in stand if isinstance(one.value, Completed | Discontinued)]),
            tuple(placed),
        )

    def last_day(self, stay: str, zone: ZoneInfo) -> date:
        """The last day of a stay by its end; OPEN where none is told."""
        days = [leaving_day(one.value.occurred_at, zone) for one in self.ended if _stay(one.value) == stay]
        return max(days, default=OPEN)

    def ended_at_the_desk(self, stay: str) -> bool:
        """Whether somebody said that the stay ended."""
        return any(not one.value.derived_from and _stay(one.value) == stay for one in self.ended)

    def ended_by_visits(self, stay: str) -> EndTold | None:
        """The end that followed from its visits."""
        return next((one for one in self.ended if one.value.derived_from and _stay(one.value) == stay), None)


def concerns(folded: Folded, rules: Rules) -> bool:
    """Whether the episode has a visit at such a program."""
    return bool(rules.one_stay) and any(True for _ in _visits(folded, rules))


def stated(
    folded: Folded, own: DeskFacts, rules: Rules, now: datetime, ids: Callable[[], str], *, over: bool = False
) -> tuple[CareFact, ...]:
    """The facts to state and to cancel so that the program stays are what the visits say; called again with these among
    the others it asks for nothing more. `over`: a stay without a visit for the program's days is ended now."""
    if not rules.one_stay:
        return ()
    begun = any(isinstance(one.value, Started) and one.value.derived_from for one in own)
    if not begun and not concerns(folded, rules):
        return ()
    told = Told.of(own)
    wanted: dict[FactOfStay, StayFact] = {}
    for run in _placed_runs(folded, told, rules):
        saying = StayProvenance(folded, run.program.facility, rules.zone_of(run.program.facility), now)
        wanted |= _of_run(run, run.stay or ids(), told, saying, over=over or run.followed)
    return tuple(_difference(wanted, told, now))


def due(folded: Folded, own: DeskFacts, rules: Rules) -> Iterator[tuple[str, Program, datetime]]:
    """(stay, program, when) of the open stays that end for want of a visit, unless one follows before."""
    if not concerns(folded, rules):
        return
    told = Told.of(own)
    ended = {_stay(one.value) for one in told.ended}
    for run in _placed_runs(folded, told, rules):
        if run.begun is not None and run.last != OPEN and run.stay and run.stay not in ended:
            last = run.last + timedelta(days=run.rule.gap_days + 1)
            yield run.stay, run.program, midnight(last, rules.zone_of(run.program.facility))


def _visits(folded: Folded, rules: Rules) -> Iterator[Visit]:
    """The visits at programs of this kind, whatever class and number they have."""
    for stay in folded.stays:
        for segment in stay.segments if stay.kind == "visit" else ():
            found = rules.one_stay.get((stay.facility, segment.unit)) if segment.unit and not segment.level else None
            if found is not None:
                zone = rules.zone_of(stay.facility)
                first, last = day_of(segment.since, zone), leaving_day(stay.ended.at, zone) if stay.ended else OPEN
                yield Visit(stay, *found, segment.root or segment.fact, segment.since, first, max(first, last))
                break


def _placed_runs(folded: Folded, told: Told, rules: Rules) -> list[VisitRun]:
    """The runs of visits, each with the stay that it is, as far as one was begun or agreed."""
    visits = sorted(_visits(folded, rules), key=lambda one: (one.program.id, one.first, one.since, one.stay.key))
    found: list[VisitRun] = []
    for visit in visits:
        if not found or found[-1].program is not visit.program or _apart(found[-1], visit, told, rules):
            if found and found[-1].program is visit.program:
                found[-1].followed = True
            found.append(VisitRun([]))
        found[-1].visits.append(visit)
    used: set[str] = set()
    for run in found:
        run.begun = _begun(run, told, rules.zone_of(run.program.facility), used)
        run.stay = _stay(run.begun.value) if run.begun else _agreed(run, told, used)
        used.add(run.stay or "")
    return found


def _apart(run: VisitRun, visit: Visit, told: Told, rules: Rules) -> bool:
    """Whether a visit begins another stay: after the program's days, or after the stay had ended otherwise."""
    if run.last != OPEN and (visit.first - run.last).days > run.rule.gap_days:
        return True
    if any(one.ends_stay and one.last < visit.first for one in run.visits):
        return True
    before = run.visits[-1].first
    return any(before <= day < visit.first for day in _ends_at_the_desk(run.program, told, rules))


def _ends_at_the_desk(program: Program, told: Told, rules: Rules) -> list[date]:
    """The last days of the stays at the program that the desk ended."""
    here = {_stay(one.value) for one in told.started if one.value.program == program.id}
    ends = [one.value for one in told.ended if not one.value.derived_from and _stay(one.value) in here]
    zone = rules.zone_of(program.facility) if ends else None
    return [leaving_day(end.occurred_at, zone) for end in ends] if zone else []


def _begun(run: VisitRun, told: Told, zone: ZoneInfo, used: set[str]) -> StartTold | None:
    """The standing start of the run's stay: the one that names a visit of it; else the desk's, if its stay lasts into
    the run; else the nearest that followed from visits."""
    here = [one for one in told.started if one.value.program == run.program.id and _stay(one.value) not in used]
    facts = {visit.fact for visit in run.visits}
    near: list[tuple[int, str, StartTold]] = []
    for one in here:
        begun = day_of(one.value.occurred_at, zone)
        if facts.intersection(one.value.derived_from):
            return one
        if one.value.derived_from:
            away = abs((begun - run.first).days)
            if away <= run.rule.gap_days:
                near.append((away, one.id, one))
        elif begun <= run.last and told.last_day(_stay(one.value), zone) >= run.first:
            near.append((-1, one.id, one))
    return min(near)[2] if near else None


def _agreed(run: VisitRun, told: Told, used: set[str]) -> str | None:
    """The placement at the program that has no first day yet."""
    begun = {_stay(one.value) for one in told.started} | used
    free = (one.placement_id for one in told.placed if one.program == run.program.id and one.placement_id not in begun)
    return next(free, None)


def _of_run(run: VisitRun, stay: str, told: Told, saying: StayProvenance, *, over: bool) -> dict[FactOfStay, StayFact]:
    """What should stand of a stay because of its visits."""
    found: dict[FactOfStay, StayFact] = {}
    first = run.visits[0]
    if run.begun is None or run.begun.value.derived_from:
        agreed = next((one.placement_id for one in told.placed if one.placement_id == stay), None)
        codes = [one.stay.admission for one in run.visits if one.stay.admission != Admission()]
        found[Started.TYPE, stay] = Started(
            **saying.fields(stay, midnight(run.first, saying.zone)),
            placement_id=agreed,
            level=run.program.level,
            program=run.program.id,
            unit=first.unit,
            admission=codes[0] if codes else Admission(),
            derived_from=(first.fact,),
        )
    if run.rule.day_attended:
        found |= _days(run, stay, told, saying)
    if told.ended_at_the_desk(stay):
        return found
    if (end := _end(run, told.ended_by_visits(stay), saying, over=over)) is not None:
        heading = saying.fields(stay, midnight(end.day + timedelta(days=1), saying.zone))
        level, derived_from = run.program.level, (end.fact,)
        if end.discontinued is None:
            found["ended", stay] = Completed(**heading, level=level, reason=end.reason, derived_from=derived_from)
        else:
            found["ended", stay] = Discontinued(
                **heading, level=level, reason=end.discontinued, derived_from=derived_from
            )
    return found


def _days(run: VisitRun, stay: str, told: Told, saying: StayProvenance) -> dict[FactOfStay, StayFact]:
    """A day attended for each day that a visit began on, but those on which the desk recorded a session."""
    recorded = {one.value.date for one in told.attended if not one.value.derived_from and _stay(one.value) == stay}
    begun = day_of(run.begun.value.occurred_at, saying.zone) if run.begun and not run.begun.value.derived_from else None
    found: dict[FactOfStay, StayFact] = {}
    for visit in run.visits:
        if visit.first in recorded or (begun is not None and visit.first < begun):
            continue
        recorded.add(visit.first)
        found[Attended.TYPE, visit.session_id] = Attended(
            **saying.fields(stay, midnight(visit.first, saying.zone)),
            session_id=visit.session_id,
            date=visit.first,
            services=visit.services,
            derived_from=(visit.fact,),
        )
    return found


def _end(run: VisitRun, before: EndTold | None, saying: StayProvenance, *, over: bool) -> End | None:
    """How the stay ended: by a disposition, or because no visit followed within the program's days. That is concluded
    by a timer, or by the next stay's visit; once stated it stands until a visit says otherwise."""
    for visit in run.visits:
        told = visit.stay.ended.disposition if visit.stay.ended and visit.ends_stay else None
        if told is not None and told.kind == "home":
            return End(run.last, visit.fact, told.kind)
        if told is not None:
            return End(run.last, visit.fact, told.kind, _REASONS.get(told.kind, "other"))
    if run.last == OPEN or run.last + timedelta(days=run.rule.gap_days) >= saying.today:
        return None
    if not over and before is None:
        return None
    means = run.rule.gap_means
    return End(run.last, run.visits[-1].fact, NO_FURTHER_VISIT, None if means == "completed" else means)


def _difference(wanted: dict[FactOfStay, StayFact], told: Told, now: datetime) -> Iterator[CareFact]:
    """What to state and to cancel so that what follows from visits is what stands: starts, days, then ends."""
    standing: dict[FactOfStay, StartTold | DayTold | EndTold] = {}
    every: list[StartTold | DayTold | EndTold] = [*told.started, *told.attended, *told.ended]
    for one in every:
        if one.value.derived_from:
            standing.setdefault(_key(one.value), one)
    gone = [one for key, one in standing.items() if key not in wanted]
    for one in gone:
        if not isinstance(one.value, Started):
            yield taken_back(one.value, one.id, reason="derived-away", now=now)
    for key, value in wanted.items():
        was = standing.get(key)
        if was is None:
            yield value
        elif not _alike(was.value, value):
            yield structs.replace(value, replaces=was.id)
    for one in gone:
        if isinstance(one.value, Started):
            yield taken_back(one.value, one.id, reason="derived-away", now=now)


def _key(value: CareFact) -> FactOfStay:
    """What a fact is among those that follow from visits."""
    if isinstance(value, Attended):
        return value.TYPE, value.session_id
    return Started.TYPE if isinstance(value, Started) else "ended", _stay(value)


def _alike(was: CareFact, now: CareFact) -> bool:
    """Whether a fact says what it said, whenever and from whichever fact that was concluded."""
    same = structs.replace(
        was, recorded_at=now.recorded_at, replaces=None, labels=now.labels, derived_from=now.derived_from,
        patient_id=now.patient_id, corroborates=None,
    )  # fmt: skip
    return type(was) is type(now) and same == now


def _stay(value: CareFact) -> str:
    return value.stay.id if value.stay else ""
