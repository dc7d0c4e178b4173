"""One episode at the gate: what the gate remembers of it, and what it decides on new facts. Pure; time comes in.

A batch is decided on by what is known at its end: a consent that is taken back within the batch covers nothing in it.
So nothing goes out on a consent that the gate knew to be over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.placement.gate.bases import Basis, NoBasisReason, basis_for
from services.placement.gate.cases import DisclosureCase, Key, Past, cases_of, corrected
from services.placement.gate.consents import Consent, Ended, after
from services.placement.gate.merges import MERGED, StandingMerge, ToldRecipient, heard, notices, retires
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
    """What the gate remembers of an episode. `labels`: of each stay, and of the episode as a whole (EPISODE); `early`:
    (writer, ce_id) of facts cancelled before they came; `place`: number of the last fact; `past`: what became of the
    facts that are now corrected; `withheld`: cases to decide on again; `over`: ends of consents that placement's other
    consumer has read, perhaps before the gate reads that they were given."""

    episode_id: str
    labels: dict[str, frozenset[str]] = field(default_factory=dict)
    early: set[Key] = field(default_factory=set)
    place: int = 0
    consents: dict[str, Consent] = field(default_factory=dict)
    past: dict[Key, Past] = field(default_factory=dict)
    withheld: list[DisclosureCase] = field(default_factory=list)
    over: dict[str, Ended] = field(default_factory=dict)
    merges: dict[str, StandingMerge] = field(default_factory=dict)
    """ce_id → the merge; those that stand, by which records of this episode count in another one."""
    told: list[ToldRecipient] = field(default_factory=list)
    """Who was told of whose records before; known where a merge stands."""


@dataclass(slots=True)
class Decisions:
    """What has to be done: cases to disclose with their basis; new cases to withhold with the reason; cases withheld
    before that are now disclosed (`released`), void, or withheld for another reason (`still`); and the changed
    consents."""

    disclosed: list[tuple[DisclosureCase, Basis]] = field(default_factory=list)
    withheld: list[tuple[DisclosureCase, NoBasisReason]] = field(default_factory=list)
    still: list[tuple[DisclosureCase, NoBasisReason]] = field(default_factory=list)
    released: set[Key] = field(default_factory=set)
    void: set[Key] = field(default_factory=set)
    consents: dict[str, Consent] = field(default_factory=dict)


def of_interest(fact: Fact, rules: GateRules) -> bool:
    """True when a fact may be disclosed or may change a consent; of other facts only labels and sequence matter.

    Never for a type that this release does not know, whatever the site config says: nobody has checked what is in it.
    """
    if fact.type in rules.received:
        return not isinstance(fact.value, UnknownFact)
    return isinstance(fact.value, FactCancelled | AboutConsent) or retires(fact)


def changes_consents(facts: Iterable[Fact]) -> bool:
    """True when these facts change a consent, so that withheld cases have to be decided on again."""
    return any(isinstance(fact.value, AboutConsent) for fact in facts)


def decide(docket: Docket, facts: Sequence[Fact], rules: GateRules, now: datetime) -> Decisions:
    """Decide on facts of one episode, in the order of each writer's sequences, and on withheld cases. Changes the
    docket."""
    found = Decisions()
    for fact in facts:
        if changed := after(docket.consents, fact, now, docket.over):
            docket.consents |= changed
            found.consents |= changed
    again = {case.key for case in docket.withheld}
    open_cases = {case.key: case for case in docket.withheld}
    docket.past |= {case.key: _waiting(case) for case in docket.withheld}
    for fact in facts:
        _enter(docket, fact, rules, found, open_cases)
    for case in sorted(open_cases.values(), key=lambda one: one.place):
        _decide_case(case, docket, rules, now, found, again=case.key in again)
    if docket.merges:
        _tell_of_merges(docket, rules, now, found)
    return found


def _tell_of_merges(docket: Docket, rules: GateRules, now: datetime, found: Decisions) -> None:
    """Decide on the notices of merges that stand, for those who were told of their records before or just now."""
    new = [
        ToldRecipient(one.recipient, one.facility, one.labels) for one, _ in found.disclosed if one.fact_type != MERGED
    ]
    for case, void in list(notices(docket.merges.values(), [*docket.told, *new], docket.past)):
        found.void |= {*void}
        found.withheld = [each for each in found.withheld if each[0].key not in void]
        _decide_case(case, docket, rules, now, found, again=False)


def _enter(
    docket: Docket, fact: Fact, rules: GateRules, found: Decisions, open_cases: dict[Key, DisclosureCase]
) -> None:
    """Add a fact's cases to `open_cases`, and remove those that it makes void."""
    docket.place += 1
    docket.merges = heard(docket.merges, fact, docket.place)
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


def _decide_case(
    case: DisclosureCase, docket: Docket, rules: GateRules, now: datetime, found: Decisions, *, again: bool
) -> None:
    outsider = rules.outsiders.get(case.recipient)
    decided: Basis | NoBasisReason = "no-consent"
    if outsider is not None:
        told = [consent.basis for consent in docket.consents.values()]
        asked = outsider.asks(case.facility, case.labels)
        decided = basis_for(outsider.agreements, told, asked, rules.day(case.facility, now), rules.discloses)
    if isinstance(decided, Basis):
        found.disclosed.append((case, decided))
        if again:
            found.released.add(case.key)
    else:
        (found.still if again else found.withheld).append((case, decided))


def _labels(docket: Docket, fact: Fact, rules: GateRules) -> frozenset[str]:
    """A fact's own labels, with those of the units and programs it names and of its stay; without a stay, of the
    episode.

    Writers label only what they know, so a fact with fewer labels than earlier ones of its stay is about the same care.
    """
    value = fact.value
    own = rules.labels_of(value.facility, places_of(fact)).union(value.labels)
    where = f"{value.stay.kind}:{value.stay.id}" if value.stay else EPISODE
    for place in (where, EPISODE):
        known = docket.labels.get(place)
        if known is None or not own <= known:
            docket.labels[place] = own.union(known or ())
    return docket.labels[where]


def _waiting(case: DisclosureCase) -> Past:
    return Past(False, case.writer, case.labels, case.corrects)
