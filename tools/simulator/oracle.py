"""What each episode must be in the end, counted day by day from what truly happened: without a fold and any message.

Sources: contract 3.6 (rules 4, 10 and 12) and 4 (days). It shares no code with intake or placement, so that neither
hides the other's mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from tools.simulator.hospital_messages import payer_at
from tools.simulator.truth import Life, Stay, Where

RANKS = ("inpatient", "residential", "php", "iop", "outpatient")
INSIDE = frozenset({"inpatient", "residential"})
GAP_DAYS = 30
"""More days than this without a stay begin another episode (contract 3.6 rule 12)."""
Json = dict[str, Any]


def expected(life: Life, zone: tzinfo, *, begun: bool = True) -> list[Json]:
    """The episodes of a life in the order of their beginning: `{"mrn","state","level"?,"periods":[…]}`.

    `begun` False: a cancel arrived before the admission that it cancels, so that there is no episode at all.
    """
    if life.oddity in {"unknown-unit", "discharge-alone"}:
        return []
    if life.oddity == "admission-cancelled":
        return [] if not begun else [{"mrn": life.person.mrn, "state": "void", "periods": []}]
    return [_Counted(life, stays, zone).as_json() for stays in _episodes(life)]


def _episodes(life: Life) -> list[list[Stay]]:
    """The stays that really were, by episode: one that begins more than GAP_DAYS after all before it is of another."""
    found: list[list[Stay]] = []
    last: date | None = None
    for stay in sorted((one for one in life.stays if not one.never), key=lambda one: one.began):
        if not found or (last is not None and (stay.began.date() - last).days > GAP_DAYS):
            found.append([])
        found[-1].append(stay)
        ends = [one.ended.date() if one.ended else None for one in found[-1]]
        last = None if None in ends else max(end for end in ends if end)
    return found


@dataclass(frozen=True, slots=True)
class _Counted:
    """One episode: the life, its stays, and the zone in which days are counted."""

    life: Life
    stays: list[Stay]
    zone: tzinfo

    def as_json(self) -> Json:
        """The episode as `expected` has it."""
        standing = [stay for stay in self.stays if not self._never_began(stay)]
        open_now = [stay for stay in standing if stay.ended is None]
        levels = sorted((stay for stay in open_now if stay.level), key=lambda one: RANKS.index(one.level or ""))
        left = max((one for one in standing if one.ended and one.level), key=_end, default=None)
        found: Json = {"mrn": self.life.person.mrn, "state": self._state(open_now, levels, left)}
        if levels:
            found["level"] = levels[0].level
        periods = [period for stay in standing for period in self._periods(stay)]
        return found | {"periods": sorted(periods, key=lambda one: (one["start_date"], one["level"]))}

    def _state(self, open_now: list[Stay], levels: list[Stay], left: Stay | None) -> str:
        """The episode's state. At the sample site aftercare follows the least intensive level; after any other a search
        stays open (`between`)."""
        if levels:
            return "on-leave" if any(away.back is None for away in levels[0].aways) else "active"
        if open_now:
            return "active"
        if any(stay.how == "deceased" for stay in self.stays):
            return "closed"
        followed = left is not None and left.level == RANKS[-1] and left.how != "transfer"
        return "aftercare" if followed else "between"

    def _never_began(self, stay: Stay) -> bool:
        """True for a program's start on a day that lies wholly inside a 24-hour stay (rule 10); no simulated patient
        attends on such a day."""
        return stay.level not in INSIDE and stay.level is not None and self._inside_all_day(stay.began.date(), stay)

    def _inside_all_day(self, day: date, but: Stay) -> bool:
        begins, ends = self._midnight(day), self._midnight(day + timedelta(days=1))
        return any(self._inside_since(one, begins) and self._inside_since(one, ends) for one in self._others(but))

    def _others(self, but: Stay) -> Iterator[Stay]:
        return (one for one in self.stays if one is not but)

    def _inside_since(self, stay: Stay, at: datetime) -> bool:
        """True where the patient was at a 24-hour level of this stay at an instant."""
        there = _place(stay, at)
        return there is not None and there.level in INSIDE

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone)

    def _periods(self, stay: Stay) -> list[Json]:
        """The service periods of a stay: runs of counted days with the same level, unit and payer."""
        found: list[Json] = []
        before: tuple[date, object] | None = None
        for day in self._days(stay):
            about = self._about(stay, day)
            if about is None:
                continue
            if before is None or before != (day - timedelta(days=1), about):
                found.append({"level": about[0], "start_date": day.isoformat()})
            found[-1]["end_date"] = (day + timedelta(days=1)).isoformat()
            before = (day, about)
        if stay.ended is None and before is not None and before[0] == self._today(stay):
            del found[-1]["end_date"]
        return found

    def _days(self, stay: Stay) -> Iterator[date]:
        last = stay.ended.date() if stay.ended else self._today(stay)
        for number in range((last - stay.began.date()).days + 1):
            yield stay.began.date() + timedelta(days=number)

    def _today(self, stay: Stay) -> date:
        """The day after everything that happened, up to which the days of an open stay are counted."""
        every = [at for one in self.stays for at in (one.began, one.ended or one.began, one.places[-1].at)]
        changes = [since for one in self.stays for since, _ in one.payers]
        return max([*(at.date() for at in every), *changes, stay.began.date()]) + timedelta(days=1)

    def _about(self, stay: Stay, day: date) -> tuple[str, str, str] | None:
        """(level, unit, payer) that the day counts for; None where it does not count."""
        place = [where for where in stay.places if where.at.date() <= day][-1]
        if place.level is None:
            return None
        leaving = stay.ended is not None and stay.ended.date() == day
        if leaving and place.level in INSIDE and stay.began.date() != day:
            return None
        night = self._midnight(day + timedelta(days=1))
        if place.level not in INSIDE and any(self._inside_since(one, night) for one in self._others(stay)):
            return None
        return place.level, place.unit, payer_at(self.life, day)


def _end(stay: Stay) -> datetime:
    return stay.ended or stay.began


def _place(stay: Stay, at: datetime) -> Where | None:
    """Where the patient was in a stay just before an instant; None outside of it."""
    if stay.ended is not None and stay.ended < at:
        return None
    there = [where for where in stay.places if where.at < at]
    return there[-1] if there else None
