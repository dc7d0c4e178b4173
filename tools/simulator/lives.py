"""Draws lives: who a patient is, and what truly happens to the patient in the half-year; the same for the same seed."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from shared.events.levels import ROUND_THE_CLOCK, Level
from tools.simulator.chances import Chance, HospitalProfile, Hospitals, Journeys, Range
from tools.simulator.messages import Person
from tools.simulator.truth import ELSEWHERE, LEVELS, SUBSTANCE_USE, UNITS, Away, Life, Mishap, Stay, Where

FAMILY = ("Alder", "Birch", "Cedar", "Elm", "Fern", "Hazel", "Juniper", "Larch", "Maple", "Pine", "Rowan", "Willow")
GIVEN = ("Amber", "Beryl", "Coral", "Flint", "Garnet", "Jade", "Jasper", "Opal", "Pearl", "Ruby", "Slate", "Topaz")
ANOTHER_EPISODE = 45
"""Days without a stay before a next episode begins. The contract's limit is 30 (3.6 rule 12); the rest is for messages
that arrive late."""
CRISIS: Range = (3, 6)
"""Days (fewest, most) of an inpatient stay during which a program's stay is suspended."""


def life(mrn: str, chance: Chance, chances: tuple[Journeys, Hospitals], until: date, zone: tzinfo) -> Life:
    """One patient's life, up to the end of the day `until` in `zone`; it does not depend on the other patients."""
    journeys, hospitals = chances
    by_feed = {one.feed: one for one in hospitals.hospitals}
    hospital = by_feed[chance.one_of({one.feed: one.patients for one in hospitals.hospitals})]
    return _Drawn(chance, journeys, hospitals, until, zone).life(mrn, hospital)


class _Drawn:
    """Draws one life. A `day` is a number, counted from 0 for the half-year's first day."""

    def __init__(self, chance: Chance, journeys: Journeys, hospitals: Hospitals, until: date, zone: tzinfo) -> None:
        self.chance, self.journeys, self.wrong, self.zone = chance, journeys, hospitals.stays, zone
        self.odd = hospitals.patients
        self.last = journeys.half_year_days
        self.first_day = until - timedelta(days=self.last)
        self.minute = chance.between(0, 50)
        self.end = self.at(self.last, 23)
        self.stays: list[Stay] = []
        self.once = False
        self._left: Level | None = None

    def at(self, day: int, hour: int) -> datetime:
        """That hour of a day, at the patient's own minute, so that not everything happens on the hour."""
        return datetime.combine(self.first_day + timedelta(days=day), time(hour, self.minute), self.zone)

    def life(self, mrn: str, hospital: HospitalProfile) -> Life:
        """Draw the whole life."""
        person = self._person(mrn)
        self.acute = "DTX" if person.diagnosis.startswith(SUBSTANCE_USE) else "3W"
        self.emergency, self.payer = hospital.emergency, person.payer
        day = self.chance.between(0, self.last - 1)
        oddity = self._oddity()
        if oddity:
            self._alone(oddity, day)
        else:
            self._episodes(day)
        return Life(person, hospital, self.stays, oddity)

    def _person(self, mrn: str) -> Person:
        chance = self.chance
        return Person(
            mrn=mrn,
            family=FAMILY[chance.between(0, len(FAMILY) - 1)],
            given=GIVEN[chance.between(0, len(GIVEN) - 1)],
            born=date(1950, 1, 1) + timedelta(days=chance.between(0, 19_999)),
            sex="FM"[chance.between(0, 1)],
            payer=chance.one_of(self.journeys.payers),
            diagnosis=chance.one_of(self.journeys.diagnoses),
        )

    def _oddity(self) -> str | None:
        for name, share in self.odd.model_dump(by_alias=True).items():
            if self.chance.happens(share):
                return str(name)
        return None

    def _alone(self, oddity: str, day: int) -> None:
        stay = self._new("7NORTH" if oddity == "unknown-unit" else "3W", self.at(day, 10))
        if oddity == "discharge-alone":
            stay.ended = min(self.at(day + 3, 11), self.end)
        if oddity == "admission-cancelled":
            stay.never = True
            stay.mishaps.append(Mishap("registration", stay.began, stay.began + timedelta(hours=1)))

    def _new(self, unit: str, at: datetime) -> Stay:
        stay = Stay(len(self.stays) + 1, [Where(unit, at)])
        self.stays.append(stay)
        return stay

    def _episodes(self, day: int) -> None:
        over = self._episode(day)
        while over is not None and not self.once and self.chance.happens(self.journeys.comes_back_later):
            day = over + ANOTHER_EPISODE + self.chance.between(0, 30)
            over = self._episode(day) if day < self.last else None

    def _episode(self, day: int) -> int | None:
        """Draw one episode that begins on `day`; the day of its end, None where nothing can follow."""
        begin = self.chance.one_of(self.journeys.begins)
        if begin in {"emergency", "observation"}:
            if not self.emergency:
                begin = "inpatient"
            elif self.chance.happens(self.journeys.home_from_emergency):
                stay = self._new("ED" if begin == "emergency" else "OBS", self.at(day, 2))
                stay.ended = self.at(day, 8)
                return day
        came_by = {"emergency": "ED", "observation": "OBS"}.get(begin)
        return self._goes_on(Level.INPATIENT if came_by else Level(begin), day, came_by)

    def _goes_on(self, level: Level, day: int, came_by: str | None) -> int | None:
        """Draw the stays of an episode, level after level; the day of its end, None where nothing can follow.
        `came_by`: the unit (emergency, observation) before the first."""
        while True:
            over = self._stay(level, day, came_by)
            if over is None:
                return None
            following = self.chance.one_of(self.journeys.then[self._left or level])
            day = over + self.chance.between(*self.journeys.days_between)
            if following == "nowhere" or day > self.last:
                return over
            level, came_by = Level(following), None
            if self._did_not_come(level, day):
                day += 1

    def _did_not_come(self, level: Level, day: int) -> bool:
        """Perhaps a registration at a program that is cancelled an hour later; True where it was drawn."""
        told = self.at(day, 9)
        if level in ROUND_THE_CLOCK or day >= self.last or not self.chance.happens(self.wrong.registration_cancelled):
            return False
        stay = self._new(UNITS[level], told)
        stay.never = True
        stay.mishaps.append(Mishap("registration", told, told + timedelta(hours=1)))
        return True

    def _stay(self, level: Level, day: int, came_by: str | None) -> int | None:
        """Draw one stay; the day of its end, None where the half-year ends first, or nothing can follow."""
        days = self.chance.between(*self.journeys.days[level])
        inside = level in ROUND_THE_CLOCK
        unit = self.acute if level is Level.INPATIENT else UNITS[level]
        self._left = None
        stay = self._new(came_by or unit, self.at(day, 2 if came_by else 9))
        if came_by:
            stay.places.append(Where(unit, self.at(day, 7)))
        over = day + days
        self._other_payer(stay, day, over)
        if inside:
            self._inside(stay, day, over)
        elif days >= 14 and self.chance.happens(self.journeys.crisis_meanwhile):
            self._crisis(day)
        return self._ends(stay, day, over, inside=inside)

    def _ends(self, stay: Stay, day: int, over: int, *, inside: bool) -> int | None:
        if over > self.last:
            self._still_there(stay, day)
            return None
        stay.how = self.chance.one_of(self.journeys.leaves)
        stay.ended = self.at(over, 11 if inside else 15)
        if inside:
            self._discharge_told_wrong(stay, day, over)
        too_early = inside and over - day >= 9 and self.chance.happens(self.wrong.program_began_too_early)
        if too_early and not stay.mishaps and not stay.aways and len(stay.places) == 1 and over < self.last:
            self._began_too_early(stay, over)
        return None if stay.how == "deceased" else over

    def _still_there(self, stay: Stay, day: int) -> None:
        """Some of the patients in residential care are on leave as the half-year ends; nothing else of theirs lies in
        its last days."""
        quiet = self.last - day >= 10 and stay.level == "residential" and len(stay.places) == 1
        if quiet and not stay.aways and self.chance.happens(self.journeys.away_at_the_end):
            stay.aways.append(Away(self.at(self.last - 1, 16), None))

    def _other_payer(self, stay: Stay, day: int, over: int) -> None:
        if over - day >= 4 and day + 3 < self.last and self.chance.happens(self.journeys.another_payer):
            others = {name: weight for name, weight in self.journeys.payers.items() if name != self.payer}
            self.payer = self.chance.one_of(others)
            stay.payers.append(((self.first_day + timedelta(days=day + 3)), self.payer))

    def _inside(self, stay: Stay, day: int, over: int) -> None:
        """What happens on a unit, each on days of its own: a transfer sent in error, a real transfer, a leave."""
        long = over - day >= 8 and day + 7 <= self.last
        if over - day >= 3 and day + 1 < self.last and self.chance.happens(self.wrong.transfer_cancelled):
            told = self.at(day + 1, 13)
            stay.mishaps.append(Mishap("transfer", told, told + timedelta(hours=2)))
        if long and self.chance.happens(self.journeys.moved_to_another_unit):
            stay.places.append(Where(ELSEWHERE[stay.places[-1].unit], self.at(day + 2, 14)))
            self._left = Level(LEVELS[stay.places[-1].unit])
            stay.late_transfer = over < self.last and self.chance.happens(self.wrong.transfer_told_late)
        if long and self.chance.happens(self.journeys.away_for_some_days):
            stay.aways.append(Away(self.at(day + 3, 16), self.at(day + 5, 17)))

    def _discharge_told_wrong(self, stay: Stay, day: int, over: int) -> None:
        """Perhaps a discharge that is cancelled, or one whose time is corrected by a day; not both."""
        if over - day >= 8 and self.chance.happens(self.wrong.discharge_cancelled):
            told = self.at(day + 6, 11)
            stay.mishaps.append(Mishap("discharge", told, told + timedelta(hours=3)))
        elif over - day >= 8 and over < self.last and self.chance.happens(self.wrong.discharge_corrected):
            assert stay.ended is not None  # noqa: S101
            stay.mishaps.append(Mishap("discharge-time", stay.ended - timedelta(days=1), self.at(over, 17)))

    def _began_too_early(self, stay: Stay, over: int) -> None:
        """A discharge, a program's start two days later, and then the cancel of the discharge: the patient had not
        left.

        Nothing ends that start, so it is the patient's last episode: a later one could not be told from it.
        """
        stay.how, self.once = "home", True
        stay.mishaps.append(Mishap("discharge", self.at(over - 5, 11), self.at(over - 1, 9)))
        self._new(UNITS["php"], self.at(over - 3, 9))

    def _crisis(self, day: int) -> None:
        """An inpatient stay of some days, during which the program's stay is suspended; it ends before that."""
        begun = day + 4
        if begun >= self.last:
            return
        stay = self._new(self.acute, self.at(begun, 22))
        over = begun + self.chance.between(*CRISIS)
        if over <= self.last:
            stay.ended = self.at(over, 11)
