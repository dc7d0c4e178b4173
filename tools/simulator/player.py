"""One patient's steps in virtual time: what the hospital sends, and what the desk, programs and aftercare do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from tools.simulator import desk, following
from tools.simulator.course import Course
from tools.simulator.noise import Sent
from tools.simulator.truth import Stay

SESSION_EVERY = 3
"""Days between the sessions that are recorded."""
EPISODE = timedelta(days=30)
"""A stay that begins later than this after the one before is of another episode (contract 3.6 rule 12)."""
PLANNED_OF = 2
"""The next program of one patient in so many is arranged before the end of the hospital's stay."""
Act = Callable[[], Awaitable[object]]
MINUTE = timedelta(minutes=1)


class Step(NamedTuple):
    """Something to do at a virtual instant: a hospital's message, or else an act of the desk, a program or
    aftercare."""

    at: datetime
    does: Act
    message: bool = False


@dataclass(frozen=True, slots=True)
class Player:
    """A patient to be played: the course, the hospital's messages, and the stays that are entered at the desk
    (`own`)."""

    course: Course
    sent: tuple[Sent, ...]
    own: tuple[Stay, ...]
    at_the_desk: bool = True

    def steps(self, says: Callable[[Course, Sent], Awaitable[None]]) -> list[Step]:
        """All steps in virtual order. `says` sends a message. Once the course is lost, only messages are still sent."""
        found = [Step(one.at, _once(says, self.course, one), message=True) for one in self.sent]
        for stay in self.own:
            found += self._at_the_desk(stay)
        if self.at_the_desk and not self.course.life.oddity:
            found += self._after_the_unit()
        return sorted(found, key=lambda each: each.at)

    def _at_the_desk(self, stay: Stay) -> Iterator[Step]:
        course, known = self.course, self._known(stay)
        before = self._before(stay)
        if self._asks(stay):
            yield Step(stay.began - timedelta(days=2), _once(desk.is_referred, course, stay))
        if before is not None and (ahead := self._ahead(before)) is not None:
            yield Step(ahead, _once(desk.is_placed_ahead, course, stay, before))
        yield Step(known, _once(desk.is_placed, course, stay, before))
        if course.chance.happens(course.care.does_not_come):
            yield Step(known + MINUTE, _once(desk.does_not_come, course))
            return
        yield Step(known + MINUTE, _once(desk.starts, course, stay))
        for at in self._session_days(stay):
            yield Step(max(at, known + 2 * MINUTE), _once(desk.has_a_session, course, at.date()))
        if stay.ended:
            yield Step(max(stay.ended, known + 3 * MINUTE), _once(desk.ends, course, stay))
            yield from self._last(stay, stay.ended, stay.ended)

    def _last(self, stay: Stay, ended: datetime, known: datetime) -> Iterator[Step]:
        """The steps after the last stay of an episode: the search is closed, and aftercare follows."""
        course, before = self.course, None if stay in self.own else stay
        going_on = any(ended <= other.began <= ended + EPISODE for other in self._others(stay))
        if not going_on and ended + timedelta(days=6) < self.course.until:
            yield Step(max(ended + timedelta(days=1), known), _once(desk.stops_looking, course, stay, before))
            yield Step(max(ended + timedelta(days=4), known + MINUTE), _once(following.is_followed, course, ended))

    def _known(self, stay: Stay) -> datetime:
        """When the desk places the patient: an hour before the first day, and after the arrival of every message
        recorded before it."""
        before = [one.at for one in self.sent if one.said < stay.began]
        return max([stay.began - timedelta(hours=1), *(at + MINUTE for at in before)])

    def _ahead(self, before: Stay) -> datetime | None:
        """When the desk plans the end of the hospital's stay and arranges what follows: a day before the end, of every
        PLANNED_OF-th patient, where all that was told by then has arrived and nothing told of the end is wrong."""
        mrn = self.course.life.person.mrn
        wrong = any(one.kind.startswith("discharge") for one in before.mishaps)
        if before.ended is None or wrong or sum(map(ord, mrn)) % PLANNED_OF:
            return None
        at = before.ended - timedelta(days=1)
        lately = at - timedelta(days=2)
        going_on = [one for one in self.own if one.began < before.ended and (one.ended or at) >= lately]
        arrived = max([at, *(one.at for one in self.sent if one.said < at)])
        if going_on or before.began >= at or arrived >= before.ended - timedelta(hours=2):
            return None
        return arrived + MINUTE

    def _others(self, stay: Stay) -> list[Stay]:
        return [one for one in (*self.course.life.stays, *self.own) if one is not stay]

    def _asks(self, stay: Stay) -> bool:
        """True where the patient has had no other stay for EPISODE before this one, and so begins with a referral."""
        before = [one for one in self._others(stay) if one.began < stay.began]
        return all(one.ended is not None and stay.began - one.ended > EPISODE for one in before)

    def _before(self, stay: Stay) -> Stay | None:
        """The hospital's latest stay before this one in the same episode."""
        if self._asks(stay):
            return None
        before = [one for one in self.course.life.stays if one.began < stay.began]
        return max(before, key=lambda one: one.began, default=None)

    def _session_days(self, stay: Stay) -> list[datetime]:
        """The days of a stay on which a session is recorded; none of them while the patient is in hospital."""
        end = stay.ended or self.course.until
        days = [stay.began + timedelta(days=n) for n in range(1, (end - stay.began).days, SESSION_EVERY)]
        away = [(one.began.date(), (one.ended or end).date()) for one in self.course.life.stays]
        free = [day for day in days if not any(since <= day.date() <= until for since, until in away)]
        return free[: self.course.chance.between(*self.course.care.sessions)]

    def _after_the_unit(self) -> Iterator[Step]:
        """The steps after each of the hospital's stays: perhaps a visit to a therapist, and the end of an episode."""
        course = self.course
        for stay in course.life.stays:
            if stay.ended is None or stay.level is None or stay.how in {"deceased", "transfer"}:
                continue
            known = max((one.at for one in self.sent if one.said <= stay.ended), default=stay.ended) + MINUTE
            yield from self._last(stay, stay.ended, known)
            at = stay.ended + timedelta(days=course.chance.between(*course.care.contact_days))
            if at < course.until and course.chance.happens(course.care.contact_after_discharge):
                yield Step(max(at, known), _once(following.is_seen, course, stay, at))


def _once(does: Callable[..., Awaitable[object]], *about: object) -> Act:
    return lambda: does(*about)
