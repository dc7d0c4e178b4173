"""One episode at the gate: what it knows of it, and what it rules of the facts that come. Pure; time comes in.

What is known by the end of a batch decides about all of it: a consent that is taken back in the batch covers nothing in
it. So nothing goes out on a consent that the gate knew to be over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.placement.gate.bases import Basis, Word, basis_for
from services.placement.gate.cases import DisclosureCase, Key, Past, cases_of, corrected
from services.placement.gate.consents import Consent, Ended, after
from services.placement.gate.recipients import GateRules
from shared.events.aftercare import Consent as AboutConsent
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.facts.places import places_of
from shared.facts.values import UnknownFact

EPISODE = ""
"""Where a docket keeps the labels of the whole episode, beside those of each stay."""


@dataclass(slots=True)
class Docket:
    """What the gate remembers of an episode. `labels`: by stay, and of the whole; `early`: (writer, ce_id) cancelled
    before they came; `place`: of the last fact; `past`: of what the facts at hand correct; `withheld`: looked at again;
    `over`: consents whose end placement's other consumer read, maybe before this one reads that they were given.
    """

    episode_id: str
    labels: dict[str, frozenset[str]] = field(default_factory=dict)
    early: set[Key] = field(default_factory=set)
    place: int = 0
    consents: dict[str, Consent] = field(default_factory=dict)
    past: dict[Key, Past] = field(default_factory=dict)
    withheld: list[DisclosureCase] = field(default_factory=list)
    over: dict[str, Ended] = field(default_factory=dict)


@dataclass(slots=True)
class Ruling:
    """What is to be done: cases that go out with their basis, new ones that are withheld with the reason, withheld ones
    that are gone (void), released, or have another reason now; consents as they are now."""

    disclosed: list[tuple[DisclosureCase, Basis]] = field(default_factory=list)
    withheld: list[tuple[DisclosureCase, Word]] = field(default_factory=list)
    still: list[tuple[DisclosureCase, Word]] = field(default_factory=list)
    released: set[Key] = field(default_factory=set)
    void: set[Key] = field(default_factory=set)
    consents: dict[str, Consent] = field(default_factory=dict)


def of_interest(fact: Fact, rules: GateRules) -> bool:
    """Whether a fact may make a case or change a consent; of others only labels and sequence count.

    Never one of a type that this release does not know, whatever the site says: nobody has checked what is in it.
    """
    if fact.type in rules.received:
        return not isinstance(fact.value, UnknownFact)
    return isinstance(fact.value, FactCancelled | AboutConsent)


def changes_consents(facts: Iterable[Fact]) -> bool:
    """Whether what is withheld has to be looked at again."""
    return any(isinstance(fact.value, AboutConsent) for fact in facts)


def rule(docket: Docket, facts: Sequence[Fact], rules: GateRules, now: datetime) -> Ruling:
    """Rule on facts of one episode, each writer's in order, and on what is withheld; the docket goes on from there."""
    found = Ruling()
    for fact in facts:
        changed = after(docket.consents, fact, now, docket.over)
        docket.consents |= changed
        found.consents |= changed
    again = {case.key for case in docket.withheld}
    open_cases = {case.key: case for case in docket.withheld}
    docket.past |= {case.key: _waiting(case) for case in docket.withheld}
    for fact in facts:
        _enter(docket, fact, rules, found, open_cases)
    for case in sorted(open_cases.values(), key=lambda one: one.place):
        _decide(case, docket, rules, now, found, again=case.key in again)
    return found


def _enter(docket: Docket, fact: Fact, rules: GateRules, found: Ruling, open_cases: dict[Key, DisclosureCase]) -> None:
    """Make a fact's cases; what it does away with is not decided any more."""
    docket.place += 1
    labels = _labels(docket, fact, rules)
    if not of_interest(fact, rules) or (fact.writer, fact.id) in docket.early:
        return
    made = cases_of(fact, labels, rules.outsiders.values(), docket.past, docket.place)
    if made.early:
        docket.early.add((fact.writer, corrected(fact) or ""))
    for key in made.void:
        open_cases.pop(key, None)
        found.void.add(key)
    for case in made.cases:
        open_cases[case.key] = case
        docket.past[case.key] = _waiting(case)


def _decide(
    case: DisclosureCase, docket: Docket, rules: GateRules, now: datetime, found: Ruling, *, again: bool
) -> None:
    outsider = rules.outsiders.get(case.recipient)
    ruled: Basis | Word = "no-consent"
    if outsider is not None:
        told = [consent.basis for consent in docket.consents.values()]
        asked = outsider.asks(case.facility, case.labels)
        ruled = basis_for(outsider.agreements, told, asked, rules.day(case.facility, now), rules.discloses)
    if isinstance(ruled, Basis):
        found.disclosed.append((case, ruled))
        if again:
            found.released.add(case.key)
    else:
        (found.still if again else found.withheld).append((case, ruled))


def _labels(docket: Docket, fact: Fact, rules: GateRules) -> frozenset[str]:
    """A fact's own labels, those of units and programs it names, those of its stay; without a stay, the episode's.

    Writers label what they know; a fact that says less than those before it of the same stay is about the same care.
    """
    value = fact.value
    own = frozenset(value.labels).union(rules.labels_of(value.facility, places_of(fact)))
    where = f"{value.stay.kind}:{value.stay.id}" if value.stay else EPISODE
    for place in (where, EPISODE):
        known = docket.labels.get(place)
        if known is None or not own <= known:
            docket.labels[place] = own.union(known or ())
    return docket.labels[where]


def _waiting(case: DisclosureCase) -> Past:
    return Past(False, case.writer, case.labels, case.corrects)
