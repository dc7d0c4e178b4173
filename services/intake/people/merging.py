"""Who is whom at each facility, and whose a visit is: what merges, links and moves mean together. Pure.

What counts is the set of statements, in the order in which they were said, never that in which they came (contract
3.6 rule 11). A statement of a facility concerns its own records alone (contract 5.10).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

RecordKind = Literal[
    "merge", "unmerge", "link", "unlink", "rename-patient", "move-ids", "move-account", "move-visit"
]  # fmt: skip
"""What is said of two patients. A number that is changed (A47) or moved (A43) makes one of two patients, too: of the
one whom it led to, and the one whom it leads to from then on."""
_MERGES = frozenset({"merge", "rename-patient", "move-ids"})
SAYS_ONE = _MERGES | {"link"}
"""What says that two patients are one person."""
_KEEPS_NUMBER = frozenset({"move-ids"})
"""Merges after which the retired patient's number goes on as it was."""
Effect = tuple[Literal["applied", "no-effect", "taken-back", "waiting"], str | None]
ALREADY, OTHERWISE, SAME, NONE = "already-told", "told-otherwise-later", "one-patient-already", "nothing-to-part"
"""Why a statement has no effect: it is so already, a later one says otherwise, both sides are one patient, there is
nothing that it could take back."""
_DIGITS = re.compile(r"(.*?)(\d{1,18})", re.DOTALL)


class RecordStatement(Struct, frozen=True, kw_only=True, gc=False):
    """One statement about two patients, said by a facility: `other` goes to `patient`. It is stored as JSON.

    `account` and `visit` are what moves; `mrn` and `authority` the record number of `patient`, as it was told.
    """

    statement_id: str
    facility: str
    kind: RecordKind
    patient: str
    other: str
    stated_at: datetime
    sent_at: datetime
    occurred_at: datetime
    control_id: str = ""
    nth: int = 0
    by: Literal["message", "person"] = "message"
    said_by: str = ""
    """Id of the message, or of the decision."""
    mrn: str | None = None
    authority: str | None = None
    account: str | None = None
    visit: str | None = None
    number_deleted: bool = False
    """`mrn` was deleted, since the facility left: facts that were stated with it keep it."""
    to_account: str | None = None
    """The account that a visit is moved to."""
    by_account: bool = False
    """Only a visit's account says whose it was: `other` is the patient whom that is, as far as it is known, else
    empty; or `patient`, whose the visit is already."""

    def __repr__(self) -> str:
        return f"<RecordStatement {self.kind}>"


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(RecordStatement).decode


def as_said(statements: Iterable[RecordStatement]) -> list[RecordStatement]:
    """In the order said: by time, of one instant by the numbers that the control ids end in."""
    return sorted({each.statement_id: each for each in statements}.values(), key=_order)


def _order(one: RecordStatement) -> tuple[datetime, datetime, str, int, int, str, str]:
    found = _DIGITS.fullmatch(one.control_id)
    before, number = (found[1], int(found[2])) if found else (one.control_id, 0)
    return one.stated_at, one.sent_at, before, number, one.nth, one.kind, one.mrn or ""


class Retired(NamedTuple):
    """Into whom a patient is merged, and by which statement."""

    into: str
    by: RecordStatement


@dataclass(slots=True)
class FacilityPatients:
    """Who is whom among one facility's records. `retired`: patient → the one it was merged into last; `linked`: pairs
    that are told to be one person; `effects`: statement → what became of it."""

    retired: dict[str, Retired] = field(default_factory=dict)
    linked: dict[frozenset[str], RecordStatement] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)

    def root(self, patient: str) -> str:
        """The patient who stays of those whom this one is merged with."""
        while patient in self.retired:
            patient = self.retired[patient].into
        return patient

    def number_of(self, patient: str) -> RecordStatement | None:
        """The statement that tells the record number of the patient who stays; None where the own one goes on."""
        found: RecordStatement | None = None
        while patient in self.retired:
            patient, by = self.retired[patient]
            found = by if by.kind not in _KEEPS_NUMBER else found
        return found

    def say(self, one: RecordStatement) -> None:
        """Take the next statement into account."""
        if one.patient == one.other:
            self.effects[one.statement_id] = "no-effect", SAME
        elif one.kind in _MERGES:
            self._merge(one)
        elif one.kind == "link":
            self._link(one)
        elif one.kind in {"unmerge", "unlink"}:
            self._part(one)

    def _merge(self, one: RecordStatement) -> None:
        """`other` goes to `patient`. Where `patient` was merged into `other`, this turns it round."""
        before = self.retired.get(one.other)
        if before is not None and before.into == one.patient:
            self.effects[one.statement_id] = "no-effect", ALREADY
            return
        if self._leads(one.patient, one.other):
            self._drop(one.patient, ("no-effect", OTHERWISE))
        self._drop(one.other, ("no-effect", OTHERWISE))
        self.retired[one.other] = Retired(one.patient, one)
        self.effects[one.statement_id] = "applied", None

    def _link(self, one: RecordStatement) -> None:
        pair = frozenset((one.patient, one.other))
        self.effects[one.statement_id] = ("no-effect", ALREADY) if pair in self.linked else ("applied", None)
        self.linked.setdefault(pair, one)

    def _part(self, one: RecordStatement) -> None:
        """The two are told to be two people: what had made them one is taken back."""
        link = self.linked.pop(frozenset((one.patient, one.other)), None)
        if link is not None:
            self.effects[link.statement_id] = "taken-back", None
        gone = next((a for a, b in ((one.other, one.patient), (one.patient, one.other)) if self._leads(a, b)), None)
        if gone is not None:
            self._drop(gone, ("taken-back", None))
        self.effects[one.statement_id] = ("no-effect", NONE) if link is None and gone is None else ("applied", None)

    def _leads(self, patient: str, to: str) -> bool:
        """Whether a patient is merged into another, directly or by way of others."""
        while patient in self.retired:
            patient = self.retired[patient].into
            if patient == to:
                return True
        return False

    def _drop(self, patient: str, became: Effect) -> None:
        before = self.retired.pop(patient, None)
        if before is not None:
            self.effects[before.by.statement_id] = became


@dataclass(slots=True)
class WhoIsWhom:
    """What all statements about some patients mean. `moves`: those that move a visit or an account, by facility, in the
    order said."""

    at: dict[str, FacilityPatients] = field(default_factory=lambda: defaultdict(FacilityPatients))
    moves: dict[str, list[RecordStatement]] = field(default_factory=lambda: defaultdict(list))

    def root(self, facility: str, patient: str) -> str:
        """The patient whose records those of this one are at a facility."""
        return self.at[facility].root(patient) if facility in self.at else patient

    def pairs(self) -> set[frozenset[str]]:
        """The pairs of patients who are told to be one person at any facility, merged or linked."""
        found: set[frozenset[str]] = set()
        for place in self.at.values():
            found |= place.linked.keys()
            groups: dict[str, set[str]] = defaultdict(set)
            for patient in place.retired:
                groups[place.root(patient)] |= {patient, place.root(patient)}
            found |= {frozenset((one, other)) for of in groups.values() for one in of for other in of if one < other}
        return found

    @property
    def effects(self) -> dict[str, Effect]:
        """Statement → what became of it; moves are not in it."""
        return {key: became for place in self.at.values() for key, became in place.effects.items()}


def who_is_whom(statements: Iterable[RecordStatement], *, unparted: bool = False) -> WhoIsWhom:
    """What these statements mean together. `unparted`: as if nothing had been taken back: what an unmerge tells."""
    found = WhoIsWhom()
    for one in as_said(statements):
        if one.kind in {"move-account", "move-visit"}:
            found.moves[one.facility].append(one)
        elif not (unparted and one.kind in {"unmerge", "unlink"}):
            found.at[one.facility].say(one)
    return found


# ── whose a visit is ──────────────────────────────────────────────────────────────────────────────────────────────────


class VisitName(NamedTuple):
    """By what a message names its visit: the patient whom its number leads to, the visit's key, and its account."""

    patient: str
    key: str
    account: str | None = None


def owner_of(name: VisitName, who: FacilityPatients, moves: Iterable[RecordStatement]) -> str:
    """The patient whose the visit is: the one whom the message names, unless a facility said that it is another's.

    `moves`: what the message's facility said of visits and accounts, in the order said. Patients who are merged are one
    here: the answer may be any of them.
    """
    by = moved_by(name, who, moves)
    return by.patient if by is not None else name.patient


def moved_by(name: VisitName, who: FacilityPatients, moves: Iterable[RecordStatement]) -> RecordStatement | None:
    """The statement by which a visit is another patient's than the one whom the message names; see `owner_of`."""
    owner, account, by = name.patient, name.account, None
    for one in moves:
        of_another = one.other and not one.by_account and who.root(one.other) != who.root(owner)
        if of_another or not _names(one, name.key, account):
            continue
        account = one.to_account or account
        if who.root(one.patient) != who.root(owner):
            owner, by = one.patient, one
    return by


def _names(one: RecordStatement, key: str, account: str | None) -> bool:
    """Whether a move is of the visit with this key that is in this account (None: it is not known) when it is said."""
    if one.kind == "move-account":
        return one.account in {account, key} - {None}
    return one.visit == key and (not one.by_account or account in {one.account, None})


def kin(statements: Iterable[RecordStatement]) -> dict[str, frozenset[str]]:
    """Patient → all patients whom any statements bring together with this one, this one among them."""
    found: dict[str, set[str]] = {}
    for one in statements:
        together = {one.patient} | found.get(one.patient, set())
        if one.other:
            together |= {one.other} | found.get(one.other, set())
        for patient in together:
            found[patient] = together
    return {patient: frozenset(together) for patient, together in found.items()}


def flattened(who: WhoIsWhom) -> Mapping[tuple[str, str], str]:
    """(retired patient, facility) → the patient who stays there."""
    return {(patient, name): place.root(patient) for name, place in who.at.items() for patient in place.retired}
