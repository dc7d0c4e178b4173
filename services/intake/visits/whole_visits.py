"""Makes statements of a message that tells a visit whole, as FHIR's Encounter does: what it says is compared with what
was said before it, and only what differs is stated, moved or taken back. Pure.

Such a message says how the visit stands, an HL7 event what happened: an Encounter in progress after a discharge takes
the discharge back, one at another place is a transfer, one whose history lacks a transfer takes that back. What is told
without a time leaves what stands where it is the same.

Sources: FHIR R4 Encounter (status, classHistory, statusHistory, location, period); contract 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import structs

from services.intake.hl7.model import NOWHERE, Adt, Location, Moment, PlaceTold, SiteMap, VisitMessage, WholeVisit
from services.intake.hl7.triggers import ENCOUNTER_PART, TELLING, TO_INPATIENT, TO_OUTPATIENT, StatementKind
from services.intake.visits.moves import CLINICAL, place_of, statement, walk
from services.intake.visits.stays import Statement

_TRIGGERS: dict[StatementKind, str] = {
    "start": TELLING["admitted"],
    "move": TELLING["transferred"],
    "leave": TELLING["leave-started"],
    "back": TELLING["leave-ended"],
    "end": TELLING["discharged"],
}
"""Kind of a statement → the event that says the same."""
_TO = {"I": TO_INPATIENT, "O": TO_OUTPATIENT}
"""Class (HL7 table 0004) that a visit changes to → the event that says so."""
_AWAY = frozenset({"leave", "back"})


class Compared(NamedTuple):
    """What a message that tells a visit whole comes to: the statements that it makes, and the turns of those said
    before that it takes back."""

    new: tuple[Statement, ...]
    gone: frozenset[int]


def expanded(said: Sequence[VisitMessage]) -> list[VisitMessage]:
    """The messages with room for what each that tells a visit whole may state: a message for each of these, before it,
    so that every statement has a turn of its own."""
    found: list[VisitMessage] = []
    for one in said:
        if one.adt.whole is not None:
            found += _parts(one, one.adt.whole)
        found.append(one)
    return found


def _parts(message: VisitMessage, whole: WholeVisit) -> Iterator[VisitMessage]:
    """As many messages as statements may be made of this one; which of them are used is found in `compared`."""
    adt = structs.replace(message.adt, trigger=ENCOUNTER_PART, whole=None, diagnoses=None, coverage=None)
    part = message._replace(adt=adt)
    return iter([part] * (len(whole.places) + 2 * len(whole.leaves or ()) + 3))


def compared(message: VisitMessage, live: Sequence[Statement], turn: int, site: SiteMap) -> Compared:
    """Compare a message with the statements `live` that were said before it. Its own statements have the turns before
    `turn`, which is the message's."""
    whole = message.adt.whole
    if whole is None:
        return Compared((), frozenset())
    first = turn - len(list(_parts(message, whole)))
    return _Comparison(message, whole, live, first, site).result()


class _Comparison:
    """One comparison: `mine` are the statements of the stay that the message tells of."""

    def __init__(
        self, message: VisitMessage, whole: WholeVisit, live: Sequence[Statement], turn: int, site: SiteMap
    ) -> None:
        self.message, self.whole, self.site = message, whole, site
        self.adt, self.turn = message.adt, turn
        self.begun = self.adt.admitted if isinstance(self.adt.admitted, Moment) else None
        self.mine = sorted(_of_this_stay(live, self.begun), key=CLINICAL)
        self.new: list[Statement] = []
        self.gone: set[int] = set()

    def result(self) -> Compared:
        """What is stated, and what taken back: beginning and places, then leaves, then the end."""
        end = self._end()
        self._places(end)
        self._leaves()
        if end is not None:
            self._state("end", end, self.adt.location, self.adt.patient_class)
        return Compared(tuple(self.new), frozenset(self.gone))

    def _end(self) -> Moment | None:
        """When the stay ended, where that is news. An open visit takes back every end that was said of the stay."""
        ends = [one for one in self.mine if one.kind == "end"]
        if self.whole.state != "ended":
            self.gone |= {one.turn for one in ends}
            return None
        told = self.adt.discharged if isinstance(self.adt.discharged, Moment) else None
        if ends:
            return None  # told before; another time of it is an update's, as PV1-45 of A08 is
        return told or self.adt.event

    def _places(self, end: Moment | None) -> None:
        timed = [one for one in self.whole.places if one.since is not None]
        starts = [one for one in self.mine if one.kind == "start"]
        known = starts or [one for one in self.mine if one.kind == "move"]
        places = list(self.whole.places)
        if not known:
            first = places.pop(0) if places else PlaceTold(NOWHERE, self.adt.patient_class, None)
            self._state("start", self.begun or first.since or self.adt.event, first.location, first.patient_class)
        elif timed and self._from_the_start(timed[0], known[0]):
            places.remove(timed[0])
            if starts and not self._is(starts[0], timed[0]):
                self.gone.add(starts[0].turn)
                self._state("start", self.begun or _told_at(starts[0]), timed[0].location, timed[0].patient_class)
        self._histories(places, timed)
        for one in places:
            if one.since is None and one is places[-1]:
                self._now(one, end)

    def _from_the_start(self, first: PlaceTold, start: Statement) -> bool:
        """Whether the first place is the one in which the stay began."""
        begun = self.begun.start if self.begun else start.at
        return first.since is not None and (first.since.start <= begun or _same_time(first.since, start.at))

    def _histories(self, places: Sequence[PlaceTold], timed: Sequence[PlaceTold]) -> None:
        """Transfers by a history: from its first time on it has them all, until the message was said."""
        if not timed or timed[0].since is None:
            return
        since = timed[0].since.start
        begin = next((one for one in self.mine if one.kind in {"start", "move"}), None)
        before = [
            one
            for one in self.mine
            if one.kind in {"start", "move"} and one is not begin and since <= one.at <= self.adt.stated_at
        ]
        kept: set[int] = set()
        for one in places:
            if one.since is None:
                continue
            same = next((each for each in before if self._is(each, one) and _same_time(one.since, each.at)), None)
            if same is None:
                self._state("move", one.since, one.location, one.patient_class)
            else:
                kept.add(same.turn)
        self.gone |= {one.turn for one in before} - kept

    def _now(self, place: PlaceTold, end: Moment | None) -> None:
        """The place where the patient is, told without a time: a transfer where it is another than the one in force. It
        happened when the message says that it was so, at the end of the period that it tells at the latest."""
        told = self.adt.discharged if isinstance(self.adt.discharged, Moment) else end
        latest = min(self.adt.event.start, told.end) if told else self.adt.event.start
        if self.whole.state == "ended":
            self.gone |= {one.turn for one in self.mine if one.kind == "move" and one.at > latest}
        here = self._in_force(latest)
        if here is None or not place.location.unit or self._is(here, place):
            return
        self._state("move", Moment(latest, latest), place.location, place.patient_class)

    def _in_force(self, at: datetime) -> Statement | None:
        stands = [one for one in [*self.mine, *self.new] if one.turn not in self.gone and one.kind in {"start", "move"}]
        found: Statement | None = None
        for stay in walk(stands).stays:
            for step in stay.steps:
                if step.at <= at:
                    found = step.statement
        return found

    def _is(self, one: Statement, place: PlaceTold) -> bool:
        """Whether a statement went to this place, in this class."""
        unit = place.location.unit or ""
        if one.unit.casefold() != unit.casefold():
            return False
        return one.mapped == place_of(_at_place(self.adt, place.location, place.patient_class), unit, self.site)

    def _leaves(self) -> None:
        away = sorted([one for one in self.mine if one.kind in _AWAY], key=lambda one: (one.at, one.turn))
        if self.whole.leaves is not None:
            self._leaves_by_history(away)
            return
        on_leave = bool(away) and away[-1].kind == "leave"
        if self.whole.state == "on-leave" and not on_leave:
            self._state("leave", self.adt.event, self.adt.location, self.adt.patient_class)
        elif self.whole.state == "open" and on_leave:
            self._state("back", self.adt.event, self.adt.location, self.adt.patient_class)

    def _leaves_by_history(self, away: Sequence[Statement]) -> None:
        told: list[tuple[StatementKind, Moment]] = []
        for leave in self.whole.leaves or ():
            told.append(("leave", leave.begun))
            if leave.ended is not None:
                told.append(("back", leave.ended))
        kept: set[int] = set()
        for kind, at in told:
            same = next((one for one in away if one.kind == kind and _same_time(at, one.at)), None)
            if same is None:
                self._state(kind, at, self.adt.location, self.adt.patient_class)
            else:
                kept.add(same.turn)
        self.gone |= {one.turn for one in away if one.at <= self.adt.stated_at} - kept

    def _state(self, kind: StatementKind, at: Moment, location: Location, patient_class: str | None) -> None:
        """State this under the next turn."""
        trigger = _TRIGGERS[kind]
        if kind == "move" and patient_class in _TO and self._changes_class(at, patient_class):
            trigger = _TO[patient_class]
        adt = structs.replace(
            _at_place(self.adt, location, patient_class),
            trigger=trigger, occurred=at, event=at, diagnoses=None, coverage=None,
            admitted=at if kind == "start" else None, discharged=at if kind == "end" else None,
        )  # fmt: skip
        self.new.append(statement(self.message._replace(adt=adt), kind, self.turn, self.site))
        self.turn += 1

    def _changes_class(self, at: Moment, patient_class: str | None) -> bool:
        here = self._in_force(at.start)
        return here is not None and here.said.adt.patient_class not in {None, patient_class}


def _of_this_stay(live: Iterable[Statement], begun: Moment | None) -> list[Statement]:
    """The statements of the stay that the message tells of: of several, those after the last end before it began."""
    ends = [one.at for one in live if one.kind == "end"]
    if begun is None:
        ends = sorted(ends)[:-1]
        after = max(ends, default=None)
    else:
        after = max((at for at in ends if at <= begun.start and any(one.at < at for one in live)), default=None)
    return [one for one in live if after is None or one.at > after or (one.at == after and one.kind == "start")]


def _at_place(adt: Adt, location: Location, patient_class: str | None) -> Adt:
    return structs.replace(adt, whole=None, location=location, patient_class=patient_class)


def _told_at(one: Statement) -> Moment:
    return Moment(one.at, one.at)


def _same_time(told: Moment, at: datetime) -> bool:
    """Whether a time is the one told: of one minute, or within the day that is told."""
    if told.day_only:
        return told.start <= at <= told.end
    return told.start.timestamp() // 60 == at.timestamp() // 60
