"""The active facts of an episode: those that were not cancelled, replaced or settled away, and that their writer may
state (contract 3.5, 3.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from services.placement.continuum.merges import destinations, merges_of
from services.placement.continuum.model import Merged, StayKey
from services.placement.continuum.order import OrderedFact, place
from services.placement.continuum.states import ABOUT_A_STAY, ENTRIES, MOVING, NoEffectReason
from shared.events import ANNOUNCEMENTS, AUTHORIZATIONS, CARE_FACTS, FOLLOW_UPS, REVIEWS, type_name
from shared.events.aftercare import AftercareClosed, AftercareStarted
from shared.events.assessments import Assessed
from shared.events.base import CareFact, StayKind, Writer
from shared.events.merging import LeftoverSettled, MergeEnded
from shared.events.placing import Placed, PlacementCancelled
from shared.events.planning import Certified, ConflictSettled, EpisodeEnded, PlanRecorded
from shared.events.stays import (
    ArrivalCancelled,
    ArrivalExpected,
    CoverageChanged,
    Merge,
    PatientDied,
    PatientsMerged,
    PatientsUnmerged,
    Referred,
    Started,
)
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact

READ: Final[frozenset[type[CareFact]]] = frozenset(
    (
        *(CARE_FACTS[type_name(name)] for name in ABOUT_A_STAY), *AUTHORIZATIONS, *FOLLOW_UPS, *REVIEWS,
        CoverageChanged, Referred, Assessed, Certified, PlanRecorded, Placed, PlacementCancelled, PatientDied,
        ArrivalExpected, ArrivalCancelled,
        AftercareStarted, AftercareClosed, EpisodeEnded, ConflictSettled, FactCancelled,
        PatientsMerged, PatientsUnmerged, MergeEnded, LeftoverSettled,
    )
)  # fmt: skip
"""The types of fact that the fold reads; facts of other types change nothing."""

_ABOUT_FACTS: Final = frozenset(
    {FactCancelled, ConflictSettled, PatientsMerged, PatientsUnmerged, MergeEnded, LeftoverSettled}
)
DERIVED: Final = frozenset(type_name(announcement.TYPE) for announcement in ANNOUNCEMENTS)
"""ce_types of announcements; the fold reads neither them nor what cancels them (contract 3.2)."""

SPEAKS_FOR: Final[dict[StayKind, Writer]] = {"visit": "intake", "placement": "placement"}
"""Kind of stay → the only writer whose facts move such a stay (contract 3.6 rule 3)."""


@dataclass(slots=True)
class ActiveFacts:
    """The active facts of an episode.

    `facts`: those to fold, in the order of contract 3.6 rule 7. `corroborating`: second starts of a stay that another
    start began already, each with the ce_id of that start (rule 2). `names`: from the key in a second start to the key
    of the first. `settled`: ids of settled conflicts. `awaited`: ce_ids that facts name and that have not come yet.
    `ineffective`: ce_id → why that fact has no effect.
    """

    facts: list[OrderedFact] = field(default_factory=list)
    corroborating: list[tuple[OrderedFact, str]] = field(default_factory=list)
    names: dict[StayKey, StayKey] = field(default_factory=dict)
    settled: tuple[str, ...] = ()
    awaited: tuple[str, ...] = ()
    disbelieved: tuple[str, ...] = ()
    """Facilities whose report of a death fell when a person settled a conflict."""
    ineffective: dict[str, str] = field(default_factory=dict)
    merges: tuple[Merged, ...] = ()
    """The merges that stand, those among them that only give the episode another patient too."""
    ended_merges: tuple[Fact, ...] = ()
    """Those that were taken back."""
    kept: frozenset[str] = frozenset()
    """ce_ids of which a person said that they stay here after that."""
    elsewhere: tuple[Fact, ...] = ()
    """The standing facts that count in another episode since a merge; they are in none of the other fields."""


def read(fact: Fact) -> bool:
    """True when the fold reads this fact."""
    value = fact.value
    if isinstance(value, FactCancelled):
        return fact.writer != "placement" or value.cancelled_type not in DERIVED
    return type(value) in READ


def speaks_out_of_turn(fact: Fact) -> bool:
    """True when this writer may not state this fact (the writers of contract 3.1; 3.6 rule 3).

    Attendance and diagnoses may name any stay, since they do not move it.
    """
    value = fact.value
    if fact.writer not in value.WRITERS:
        return True
    if value.stay is None or value.TYPE not in MOVING or (isinstance(value, Started) and value.corroborates):
        return False
    return SPEAKS_FOR[value.stay.kind] != fact.writer


def standing(facts: Iterable[Fact]) -> ActiveFacts:
    """The active facts among all facts of an episode, given in any order; a ce_id given again is the same fact."""
    known = {fact.id: fact for fact in facts}
    found = ActiveFacts()
    reading = [fact for fact in known.values() if read(fact)]
    if not any(names_another(fact) for fact in reading):
        return _each_by_itself(reading)
    cancelled = _cancelled(reading, known, found)
    roots, replaced = _replaced(reading, known, found)
    gone = cancelled | replaced
    left = [
        fact
        for fact in reading
        if not isinstance(fact.value, FactCancelled) and fact.id not in gone and fact.id not in found.ineffective
    ]
    left = _without_merged(left, roots, found)
    left = _without_settled(left, known, found)
    told = sorted(place(fact, roots.get(fact.id)) for fact in left)
    _corroborate(told, roots, found)
    found.awaited = tuple(sorted(_named(reading) - known.keys()))
    for ce_id in gone:
        found.ineffective.pop(ce_id, None)
    return found


def names_another(fact: Fact) -> bool:
    """True for a fact that says something of others: it cancels, replaces, corroborates, settles or merges."""
    value = fact.value
    return bool(value.replaces or value.corroborates) or type(value) in _ABOUT_FACTS


def _each_by_itself(reading: list[Fact]) -> ActiveFacts:
    """The active facts where none names another: all but those of a wrong writer. The usual case, at a third of the
    cost."""
    wrong = {fact.id: NoEffectReason.WRONG_WRITER.value for fact in reading if speaks_out_of_turn(fact)}
    told = sorted([place(fact) for fact in reading if fact.id not in wrong])
    return ActiveFacts(told, ineffective=wrong)


def _named(reading: list[Fact]) -> set[str]:
    """Every ce_id that these facts refer to."""
    named: set[str] = set()
    for fact in reading:
        value = fact.value
        named.update(one for one in (value.replaces, value.corroborates) if one)
        if isinstance(value, FactCancelled):
            named.add(value.cancels)
        elif isinstance(value, ConflictSettled):
            named.update(value.falls)
    return named


def _cancelled(reading: list[Fact], known: dict[str, Fact], found: ActiveFacts) -> set[str]:
    """The ce_ids that are cancelled; cancels without effect go to `found.ineffective`."""
    cancelled = set()
    for fact in reading:
        if not isinstance(fact.value, FactCancelled):
            continue
        target = known.get(fact.value.cancels)
        reason = _cancel_refused(fact, target)
        if reason is None and target is not None:
            cancelled.add(target.id)
        elif reason is not None:
            found.ineffective[fact.id] = reason.value
    return cancelled


def _cancel_refused(fact: Fact, target: Fact | None) -> NoEffectReason | None:
    """Why this cancel has no effect; None: it has one. `target`: what it cancels, if that has come."""
    if fact.writer not in fact.value.WRITERS:
        return NoEffectReason.WRONG_WRITER
    if target is None:
        return NoEffectReason.TARGET_UNKNOWN
    return _not_to_be_changed(fact, target)


def _not_to_be_changed(fact: Fact, target: Fact) -> NoEffectReason | None:
    """Why `fact` may not cancel or replace `target`; None: it may (contract 3.5, 3.6 rule 1)."""
    if isinstance(target.value, FactCancelled):
        return NoEffectReason.A_CANCEL_STAYS
    return NoEffectReason.NOT_ITS_WRITER if target.writer != fact.writer else None


def _replaced(reading: list[Fact], known: dict[str, Fact], found: ActiveFacts) -> tuple[dict[str, str], set[str]]:
    """(ce_id of each replacement → its root, ce_ids that are replaced). Refused ones go to `found.ineffective`.

    A replaced fact never returns, so a replacement counts even when it was cancelled itself. Of several replacements of
    one fact the one with the writer's highest sequence stands.
    """
    leads: dict[str, str] = {}
    for fact in reading:
        if isinstance(fact.value, FactCancelled):
            continue
        if (reason := _refused(fact, known)) is not None:
            found.ineffective[fact.id] = reason.value
        elif (target := fact.value.replaces) and target != fact.id:
            leads[fact.id] = target
    roots = {ce_id: root_of(ce_id, leads) for ce_id in leads}
    return roots, set(leads.values()) | outdone(roots, leads, known).keys()


def outdone(roots: Mapping[str, str], leads: Mapping[str, str], known: Mapping[str, Fact]) -> dict[str, str]:
    """From each replacement that another one of the same root outdoes to that one, by the writer's sequence."""
    found: dict[str, str] = {}
    latest: dict[str, str] = {}
    for ce_id in sorted(leads.keys() - set(leads.values()), key=lambda one: (known[one].sequence, one)):
        if (older := latest.get(roots[ce_id])) is not None:
            found[older] = ce_id
        latest[roots[ce_id]] = ce_id
    return found


def _refused(fact: Fact, known: dict[str, Fact]) -> NoEffectReason | None:
    """Why this fact, or what it replaces, may not be stated by its writer; None: it may."""
    if speaks_out_of_turn(fact):
        return NoEffectReason.WRONG_WRITER
    target = known.get(fact.value.replaces or "")
    return _not_to_be_changed(fact, target) if target is not None else None


def root_of(ce_id: str, leads: Mapping[str, str]) -> str:
    """The first ce_id of a chain; `leads`: from each fact to the one it replaces, which may form a circle."""
    seen = {ce_id}
    while (before := leads.get(ce_id)) is not None and before not in seen:
        seen.add(before)
        ce_id = before
    return ce_id


def _without_merged(left: list[Fact], roots: dict[str, str], found: ActiveFacts) -> list[Fact]:
    """These facts without the merges, and without those that count in another episode by them; these go to
    `found.elsewhere`."""
    found.merges = merges_of(left, roots)
    found.ended_merges = tuple(fact for fact in left if isinstance(fact.value, MergeEnded))
    found.kept = frozenset(
        name
        for fact in left
        if isinstance(told := fact.value, LeftoverSettled) and not told.goes_to
        for name in told.facts
    )
    kept = [fact for fact in left if not isinstance(fact.value, Merge | MergeEnded | LeftoverSettled)]
    going = tuple(one for one in found.merges if one.into != left[0].subject)
    if not going:
        return kept
    gone = destinations(kept, going)
    found.elsewhere = tuple(fact for fact in kept if fact.id in gone)
    return [fact for fact in kept if fact.id not in gone]


def _without_settled(left: list[Fact], known: dict[str, Fact], found: ActiveFacts) -> list[Fact]:
    """These facts without the conflict-settled ones, and without the facts that they say are not so."""
    falling: set[str] = set()
    settled: set[str] = set()
    kept: list[Fact] = []
    for fact in left:
        if not isinstance(fact.value, ConflictSettled):
            kept.append(fact)
            continue
        falls = fact.value.falls
        if falls and not any(ce_id in known for ce_id in falls):
            found.ineffective[fact.id] = NoEffectReason.TARGET_UNKNOWN.value
        settled.add(fact.value.conflict_id)
        falling.update(falls)
    found.settled = tuple(sorted(settled))
    fallen = [fact for fact in kept if fact.id in falling]
    found.ineffective.update({fact.id: NoEffectReason.SETTLED.value for fact in fallen})
    found.disbelieved = tuple(sorted({one.value.facility for one in fallen if isinstance(one.value, PatientDied)}))
    return [fact for fact in kept if fact.id not in falling]


def _corroborate(told: list[OrderedFact], roots: dict[str, str], found: ActiveFacts) -> None:
    """Put starts that name another start of the same stay into `found.corroborating`, all other facts into
    `found.facts` (contract 3.6 rule 2).

    A start may name any fact of the other's chain of replacements: a start that is restated is still the same start.
    """
    starts = {one.root: one for one in told if one.name in ENTRIES}
    heads: dict[str, OrderedFact] = {}
    for one in told:
        target = one.value.corroborates if one.name in ENTRIES else None
        first = starts.get(roots.get(target, target)) if target else None
        if first is None or _head(first, heads).id == one.id:
            _add(one, found)
        else:
            heads[one.id] = first
    found.corroborating = [(one, _head(one, heads).id) for one in told if one.id in heads]
    for one in told:
        if one.id in heads:
            _one_stay(one.stay, _head(one, heads).stay, found.names)


def _head(one: OrderedFact, heads: dict[str, OrderedFact]) -> OrderedFact:
    """The start that began the stay, reached from one that names another, which may name a third."""
    while one.id in heads:
        one = heads[one.id]
    return one


def _one_stay(one: StayKey, other: StayKey, names: dict[StayKey, StayKey]) -> None:
    """Note in `names` that both keys are of one stay, whose own key is that of `other`."""
    one, other = own_name(one, names), own_name(other, names)
    if one != other:
        names[one] = other


def own_name(stay: StayKey, names: Mapping[StayKey, StayKey]) -> StayKey:
    """The stay's own key, where `names` leads from any key of it towards its own."""
    while stay in names:
        stay = names[stay]
    return stay


def _add(one: OrderedFact, found: ActiveFacts) -> None:
    """Add a fact to `found.facts`; a start that only the stay's other writer may state has no effect by itself."""
    if isinstance(one.value, Started) and SPEAKS_FOR[one.stay[0]] != one.writer:
        found.ineffective[one.id] = NoEffectReason.WRONG_WRITER.value
    else:
        found.facts.append(one)
