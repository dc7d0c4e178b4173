"""Says which messages of a patient at a facility are of one visit, by the numbers and times that they tell.

Pure, and the same in whatever order the messages came. Contract 6, Which visit: PV1-19 decides where it is told; PID-18
names a visit only where PV1-19 is empty, since an account may hold several; a message with neither is of the visit that
began at its PV1-44. A number told later adopts the visit that was known by less, if exactly one fits; MRG-5 is an
earlier number of the visit, MRG-3 of the account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from services.intake.hl7.model import Adt, Moment, VisitMessage
from services.intake.hl7.triggers import TRIGGERS
from services.intake.visits.order import as_said
from services.intake.visits.unnamed import visit_by_time

Kind = Literal["number", "account", "time"]
_LESS: dict[Kind, tuple[Kind, ...]] = {"number": ("account", "time"), "account": ("time",), "time": ()}
"""What a visit that was told by less may be known by."""


class Name(NamedTuple):
    """One name of a visit: its number (of `authority`, "" for the first one that gave it), an account, or a time."""

    kind: Kind
    value: str
    authority: str = ""

    @property
    def key(self) -> str:
        """The name as the key of a visit."""
        return f"{self.value}^{self.authority}" if self.authority else self.value


@dataclass(slots=True, eq=False)
class _Visit:
    """The messages that are known to be of one visit, in the order said, and the names that they gave it."""

    names: list[Name]
    messages: list[VisitMessage] = field(default_factory=list)
    begins: list[Moment] = field(default_factory=list)
    """When it began, by PV1-44 and by its starts."""

    def add(self, said: VisitMessage) -> None:
        """Add the message that was said next."""
        self.messages.append(said)
        if (at := begin_told(said.adt)) is not None:
            self.begins.append(at)

    def known_by(self, kind: Kind) -> bool:
        """Whether it has a name of this kind."""
        return any(name.kind == kind for name in self.names)

    @property
    def accounts(self) -> set[str]:
        """The accounts that its messages tell, and their earlier numbers."""
        told = {account for said in self.messages for account in (said.adt.account, said.adt.earlier_account)}
        return {account for account in told if account} | {name.value for name in self.names if name.kind == "account"}

    def began_at(self, times: Collection[Moment]) -> bool:
        """Whether it is told to have begun at one of these times."""
        return any(_agree(one, other) for one in self.begins for other in times)

    def open_at(self, at: datetime) -> bool:
        """Whether it had begun and not ended then, by the messages alone."""
        begun = min((one.start for one in self.begins), default=None)
        if begun is None or begun > at:
            return False
        ended: datetime | None = None
        for said in self.messages:
            means = said.adt.means
            if said.adt.whole is not None:
                ended = _told_end(said.adt) if said.adt.whole.state == "ended" else None
            elif means.states == "end":
                ended = said.adt.occurred.end
            elif means.cancels in TRIGGERS and TRIGGERS[means.cancels].states == "end":
                ended = None
        return ended is None or at <= ended


def names_visit_alone(adt: Adt) -> bool:
    """Whether a message names its visit by PV1-19 and by nothing else: which visit it is of needs no other message."""
    return bool(adt.visit_number) and not (adt.by_account or adt.earlier_number or adt.earlier_account)


def visit_keys(messages: Iterable[VisitMessage], held: Collection[str] = ()) -> dict[str, str]:
    """Message id → key of the visit that it is of, of all messages of a patient at a facility that name one.

    The key of a visit is the name that it was first said by. `held`: numbers that are another patient's; messages with
    one of them are of a visit of their own.
    """
    found = _Visits(as_said(messages), frozenset(held))
    found.join_earlier_numbers()
    found.join_own_ids()
    found.adopt_accounts()
    found.adopt_times()
    found.adopt_by_what_was_open()
    return found.keys()


def begin_told(adt: Adt) -> Moment | None:
    """When a message says that its visit began: PV1-44, else a start's own time."""
    if isinstance(adt.admitted, Moment):
        return adt.admitted
    return adt.occurred if adt.means.states == "start" else None


def _agree(one: Moment, other: Moment) -> bool:
    """Whether two times are of one minute, or one of them is a day that has the other in it."""
    if one.start.replace(second=0, microsecond=0) == other.start.replace(second=0, microsecond=0):
        return True
    return one.start <= other.start < one.end or other.start <= one.start < other.end


class _Visits:
    """The visits found so far; two that turn out to be one are joined."""

    def __init__(self, said: list[VisitMessage], held: frozenset[str]) -> None:
        self._held = held
        self._turn = {each.message_id: turn for turn, each in enumerate(said)}
        self._of: dict[Name, _Visit] = {}
        self._named: dict[str, Name] = {}
        self._unnamed: set[str] = set()
        authorities = _authorities(said)
        for each in said:
            name = _name(each.adt, authorities)
            if name is not None:
                self._named[each.message_id] = name
                self._visit(name).add(each)

    def keys(self) -> dict[str, str]:
        """Message id → key, of the messages that name a visit."""
        found: dict[str, str] = {}
        taken: dict[str, _Visit] = {}
        for visit in sorted(self._visits(), key=self._first):
            first = self._named[visit.messages[0].message_id]
            key = (first if first in visit.names else visit.names[0]).key
            if taken.setdefault(key, visit) is not visit:
                key = f"{key}^account"
            found |= dict.fromkeys([each.message_id for each in visit.messages], key)
        return {message_id: key for message_id, key in found.items() if message_id not in self._unnamed}

    def join_earlier_numbers(self) -> None:
        """MRG-5 is an earlier number of the visit, MRG-3 of the account that it is known by."""
        for name, visit in list(self._of.items()):
            if name.value in self._held:
                continue
            for said in list(visit.messages):
                if (number := said.adt.earlier_number) and number not in self._held:
                    self._join(name, Name("number", number))
                if (account := said.adt.earlier_account) and name.kind == "account":
                    self._join(name, Name("account", account))

    def join_own_ids(self) -> None:
        """What one sender keeps under one id (WholeVisit.id) is one visit, where no two numbers say otherwise."""
        first: dict[tuple[str, str], Name] = {}
        for said, name in [(said, name) for name, visit in self._of.items() for said in visit.messages]:
            if said.adt.whole is None or said.adt.whole.id is None:
                continue
            there = first.setdefault((said.adt.sending_app, said.adt.whole.id), name)
            if "time" in {there.kind, name.kind}:
                self._join(there, name)

    def adopt_accounts(self) -> None:
        """A visit known by its account alone is the one numbered visit of that account that fits. Where several do, its
        messages go to the visit that began when they say, or to the one that was open then."""
        for visit in self._visits():
            if not visit.known_by("account") or visit.known_by("number"):
                continue
            of_account = [one for one in self._visits() if self._is_of(one, visit.accounts)]
            begins = visit.begins
            fitting = [one for one in of_account if not begins or not one.begins or one.began_at(begins)]
            if len(fitting) == 1:
                self._join(visit.names[0], fitting[0].names[0])
            elif len(of_account) > 1:
                self._share_out(visit, of_account)

    def _is_of(self, one: _Visit, accounts: set[str]) -> bool:
        """Whether a visit has a number, which is no other patient's, and one of these accounts, or is called so."""
        numbers = {name.value for name in one.names if name.kind == "number"}
        return bool(numbers) and self._ours(one) and bool((one.accounts | numbers) & accounts)

    def _ours(self, one: _Visit) -> bool:
        """Whether its number is no other patient's."""
        return not any(name.kind == "number" and name.value in self._held for name in one.names)

    def _share_out(self, visit: _Visit, among: list[_Visit]) -> None:
        """Give messages that name an account of several visits each to the one that it fits; one that tells no time is
        left to be found by what was open."""
        for said in list(visit.messages):
            told = begin_told(said.adt)
            if told is None:
                self._unnamed.add(said.message_id)
                continue
            fitting = [one for one in among if one.began_at([told])]
            if len(fitting) == 1:
                visit.messages.remove(said)
                self._fill(fitting[0], [*fitting[0].messages, said])

    def adopt_times(self) -> None:
        """A visit known by its begin alone is the one other visit that began then."""
        for visit in self._visits():
            if visit.known_by("number") or visit.known_by("account"):
                continue
            begins = visit.begins
            others = [one for one in self._visits() if one is not visit and self._ours(one) and one.began_at(begins)]
            named = [one for one in others if one.known_by("number") or one.known_by("account")]
            if len(named or others) == 1:
                self._join(visit.names[0], (named or others)[0].names[0])

    def adopt_by_what_was_open(self) -> None:
        """A number that is told without a begin is of the one visit, known by less until then, that was open."""
        for kind in ("number", "account"):
            for visit in sorted(self._visits(), key=self._first):
                if not visit.known_by(kind) or visit.begins or visit.names[0].value in self._held:
                    continue
                at = visit.messages[0].adt.event.start
                fitting = [one for one in self._visits() if _may_adopt(visit, kind, one) and one.open_at(at)]
                if len(fitting) == 1:
                    self._join(visit.names[0], fitting[0].names[0])

    def _visit(self, name: Name) -> _Visit:
        if name not in self._of:
            self._of[name] = _Visit([name])
        return self._of[name]

    def _visits(self) -> list[_Visit]:
        """Those with messages, each once."""
        found = {id(visit): visit for visit in self._of.values() if visit.messages}
        return list(found.values())

    def _first(self, visit: _Visit) -> int:
        return self._turn[visit.messages[0].message_id]

    def _fill(self, visit: _Visit, messages: Iterable[VisitMessage]) -> None:
        """Give a visit these messages alone."""
        visit.messages, visit.begins = [], []
        for said in sorted(messages, key=lambda each: self._turn[each.message_id]):
            visit.add(said)

    def _join(self, one: Name, other: Name) -> None:
        """Make one visit of two."""
        into, gone = self._visit(one), self._visit(other)
        if into is gone:
            return
        self._fill(into, [*into.messages, *gone.messages])
        into.names += gone.names
        for name in gone.names:
            self._of[name] = into
        gone.names, gone.messages, gone.begins = [], [], []


def _told_end(adt: Adt) -> datetime:
    """When a visit that is told whole as ended ended."""
    return adt.discharged.end if isinstance(adt.discharged, Moment) else adt.event.end


def _may_adopt(visit: _Visit, kind: Kind, other: _Visit) -> bool:
    """Whether the other one is known by less than `kind` alone, and by no other account."""
    less = all(name.kind in _LESS[kind] for name in other.names)
    return less and (not visit.accounts or not other.accounts or bool(visit.accounts & other.accounts))


class _Authorities(NamedTuple):
    """Of numbers that several authorities gave: the authorities in the order said, and when each one's visit began."""

    given_by: dict[str, list[str]]
    begins: dict[tuple[str, str], list[Moment]]


def _authorities(said: Iterable[VisitMessage]) -> _Authorities:
    """Who gave the visit numbers of these messages, of numbers that more than one authority gave."""
    given: dict[str, list[str]] = defaultdict(list)
    begins: dict[tuple[str, str], list[Moment]] = defaultdict(list)
    for adt in (each.adt for each in said):
        number, by = adt.visit_number, adt.visit_authority
        if number and by and not adt.by_account:
            if by not in given[number]:
                given[number].append(by)
            if (at := begin_told(adt)) is not None:
                begins[number, by].append(at)
    return _Authorities({number: by for number, by in given.items() if len(by) > 1}, begins)


def _name(adt: Adt, authorities: _Authorities) -> Name | None:
    """The name by which a message names its visit."""
    if not adt.visit_number:
        by_time = visit_by_time(adt)
        return Name("time", by_time) if by_time else None
    if adt.by_account:
        return Name("account", adt.visit_number)
    return Name("number", adt.visit_number, _authority(adt, authorities))


def _authority(adt: Adt, authorities: _Authorities) -> str:
    """Whose number it is where several authorities gave the same: a message that does not say is of the visit that
    began when it says, else of the first one."""
    given = authorities.given_by.get(adt.visit_number or "")
    if given is None:
        return ""
    by, told = adt.visit_authority, begin_told(adt)
    if by is None and told is not None:
        fitting = [
            one for one in given if any(_agree(told, at) for at in authorities.begins[adt.visit_number or "", one])
        ]
        by = fitting[0] if len(fitting) == 1 else None
    return "" if by is None or by == given[0] else by
