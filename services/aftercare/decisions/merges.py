"""Aftercare's facts where patients were merged: what people stated of the retired one is restated in the surviving
episode, and goes back with what it is about when the merge is taken back (contract 3.6 rule 11). Pure.

What rules derive follows the stays, which are the survivor's; so only what people stated is copied. A plan, a window or
a template's referral has an id made of the episode and of the end that it came from: `same_ids` tells which is which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from msgspec import structs

from services.aftercare.decisions.ids import follow_up_id, for_need, id_of
from services.aftercare.decisions.own_facts import derived
from shared.errors import Rejected
from shared.events.aftercare import AftercareReferred
from shared.events.base import CareFact
from shared.events.episodes import EpisodeState, MergedNow
from shared.events.merging import LeftoverSettled
from shared.events.taking_back import FactCancelled, taken_back
from shared.facts.copying import COPY_GONE, Survivor, copy_over, mapped
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts
from shared.facts.stating import Provenance
from shared.site.config import Site

IDS = ("plan_id", "referral_id", "follow_up_id", "instead_of", "appointment_id", "contact_id")
"""Fields of aftercare's facts that say what they are about."""
OF_AN_END = ("plan_id", "follow_up_id")
"""Those of them whose ids are made of the end of a stay."""


def home_of(value: CareFact, document: EpisodeState) -> MergedNow | None:
    """Where a fact of this episode counts since a merge; None: here."""
    going = document.merged_into or ()
    found = next((one for one in going if one.facility == value.facility), None)
    return found or (going[0] if going and not document.stays else None)


def not_gone(document: EpisodeState) -> None:
    """Raises Rejected `merged` for an episode of which every record counts in another one."""
    if document.merged_into and not document.stays:
        text = "the record was merged into another patient's: go on there"
        raise Rejected("merged", text, possible=tuple(one.episode_id for one in document.merged_into), state="closed")


def counting(standing: Sequence[Fact], document: EpisodeState | None) -> tuple[Fact, ...]:
    """Those of the standing facts that count in their own episode."""
    if document is None or not document.merged_into:
        return tuple(standing)
    return tuple(fact for fact in standing if home_of(fact.value, document) is None)


class Joined:
    """One of two episodes that a merge joins: its document, all that aftercare stated in it, and how it states more."""

    def __init__(self, document: EpisodeState, facts: Iterable[Fact], by: Provenance) -> None:
        self.document, self.by = document, by
        self.facts = OwnFacts(facts)
        self.new: list[Fact] = []

    @property
    def episode_id(self) -> str:
        """The episode's id."""
        return self.document.episode_id

    @cached_property
    def standing(self) -> tuple[Fact, ...]:
        """The facts that stood before anything was stated here."""
        gone = self.facts.fallen
        return tuple(f for f in self.facts if f.id not in gone and not isinstance(f.value, FactCancelled))

    @cached_property
    def people_s(self) -> tuple[Fact, ...]:
        """Those of them that people stated of the patient, and that are no copies."""
        by_rule = {fact.id for fact in derived(self.standing)}
        told = (fact for fact in self.standing if not isinstance(fact.value, LeftoverSettled))
        return tuple(fact for fact in told if fact.id not in by_rule and not fact.copy_of)

    def state(self, value: CareFact, copy_of: str | None = None) -> Fact:
        """State a value as aftercare's next fact of the episode."""
        fact = self.by.stated(value, len(self.facts) + len(self.new) + 1, copy_of)
        self.new.append(fact)
        return fact


def same_ids(retired: EpisodeState, surviving: EpisodeState, site: Site) -> dict[str, str]:
    """The id of a plan, window or rule's referral in the retired episode → its id in the surviving one, for every end
    of a stay, and every need that a referral answers, that one of them has."""
    found: dict[str, str] = {}
    for end in _ends(retired, surviving):
        plans = [id_of(one.episode_id, "plan", end) for one in (retired, surviving)]
        found[plans[0]] = plans[1]
        for clock in site.follow_ups:
            here, there = (follow_up_id(one.episode_id, end, clock.measure) for one in (retired, surviving))
            found[here] = there
        for template in site.aftercare.templates:
            for number, each in enumerate(template.referrals):
                here, there = (id_of(plan, each.kind, str(number)) for plan in plans)
                found[here] = there
    for one in (*(retired.needs_referred or ()), *(surviving.needs_referred or ())):
        found[for_need(retired.episode_id, one)] = for_need(surviving.episode_id, one)
    return found


def _ends(retired: EpisodeState, surviving: EpisodeState) -> set[str]:
    copied = {stay.ended_by.copy_of for stay in surviving.stays if stay.ended_by and stay.ended_by.copy_of}
    return copied | {stay.ended_by.ce_id for stay in retired.stays if stay.ended_by}


def keep_in_step(retired: Joined, surviving: Joined, site: Site) -> bool:
    """State in both episodes what each lacks of the other; True where anything was stated."""
    ids = same_ids(retired.document, surviving.document, site)
    _copy(retired, surviving, ids)
    _give_back(retired, surviving, ids)
    return bool(retired.new or surviving.new)


def _copy(retired: Joined, surviving: Joined, ids: Mapping[str, str]) -> None:
    originals = [fact for fact in retired.people_s if _goes(fact.value, retired, surviving)]
    roots = _roots(retired.facts)
    if originals or any(fact.copy_of in roots for fact in surviving.facts):
        copy_over(originals, surviving.facts, roots, _Copies(retired, surviving, ids, roots))


def _roots(facts: Iterable[Fact]) -> dict[str, str]:
    found: dict[str, str] = {}
    for fact in facts:
        before = fact.value.replaces
        found[fact.id] = found.get(before, before) if before else fact.id
    return found


def _goes(value: CareFact, retired: Joined, surviving: Joined) -> bool:
    home = home_of(value, retired.document)
    return home is not None and home.episode_id == surviving.episode_id


class _Copies:
    """How a fact of the retired episode reads in the surviving one."""

    def __init__(self, retired: Joined, surviving: Joined, ids: Mapping[str, str], roots: Mapping[str, str]) -> None:
        self.retired, self.surviving, self.ids, self.roots = retired, surviving, ids, roots
        self.now = surviving.by.now
        self.own = {
            roots[fact.copy_of]: fact.id for fact in surviving.standing if fact.copy_of in roots and fact.copy_of
        }
        ends = (stay.ended_by for stay in surviving.document.stays)
        self.ends = {end.copy_of: end.ce_id for end in ends if end and end.copy_of}
        referred = (fact.value for fact in retired.standing if isinstance(fact.value, AftercareReferred))
        self.unseen = {one.referral_id for one in referred if (one.template or one.need) and one.referral_id not in ids}
        """Referrals by rules whose end of a stay or search is not in the surviving episode, or not any more."""

    def of(self, value: CareFact) -> CareFact | None:
        """The value of the copy; None while what it is about has not been seen there."""
        home = home_of(value, self.retired.document)
        if home is None or any(getattr(value, name, None) not in {None, *self.ids} for name in OF_AN_END):
            return None
        if about(value) & self.unseen:
            return None
        found = mapped(value, Survivor(home.episode_id, home.patient_id), self._named)
        return _with_ids(found, self.ids) if found else None

    def line_of(self, _: CareFact) -> str:
        """All of them wait in one line."""
        return ""

    def state(self, value: CareFact, copy_of: str | None = None) -> Fact:
        """State it in the surviving episode, and take note of the copy."""
        fact = self.surviving.state(value, copy_of)
        if copy_of:
            self.own[self.roots[copy_of]] = fact.id
        return fact

    def _named(self, _field: str, ce_id: str) -> str | None:
        return self.own.get(self.roots.get(ce_id, ""), self.ends.get(ce_id, ce_id))


def _with_ids(value: CareFact, ids: Mapping[str, str]) -> CareFact:
    told = {name: getattr(value, name, None) for name in IDS}
    return structs.replace(value, **{name: ids[str(was)] for name, was in told.items() if was in ids})


def _give_back(retired: Joined, surviving: Joined, ids: Mapping[str, str]) -> None:
    """What people stated since in the surviving episode of the retired patient's plans, referrals and appointments goes
    back with them."""
    known = _roots(retired.facts)
    given = any(given_to(surviving.standing, retired.episode_id))
    if not given and not any(fact.copy_of in known for fact in surviving.facts):
        return
    back = {there: here for here, there in ids.items()}
    patient = retired.document.patient_id
    for fact in _hanging(retired, surviving, ids):
        value = mapped(fact.value, Survivor(retired.episode_id, patient), lambda _field, ce_id: ce_id)
        retired.state(_with_ids(value or fact.value, back))
        surviving.state(taken_back(fact.value, fact.id, reason=COPY_GONE, now=surviving.by.now))


def _hanging(retired: Joined, surviving: Joined, ids: Mapping[str, str]) -> Iterator[Fact]:
    mine = [fact.value for fact in retired.standing if not _goes(fact.value, retired, surviving)]
    there = {ids.get(name, name) for value in mine for name in about(value)}
    there |= {ids[plan] for plan in _plans(retired.document) if plan in ids}
    there |= {for_need(surviving.episode_id, one) for one in retired.document.needs_referred or ()}
    given = set(given_to(surviving.standing, retired.episode_id))
    for fact in surviving.people_s:
        names = about(fact.value)
        if names & there or fact.id in given:
            there |= names
            yield fact


def given_to(standing: Iterable[Fact], episode_id: str | None) -> Iterator[str]:
    """The ce_ids of facts of which a person said that they are this episode's; None: that they stay where they are."""
    for fact in standing:
        if isinstance(told := fact.value, LeftoverSettled) and told.goes_to == episode_id:
            yield from told.facts


def about(value: CareFact) -> set[str]:
    """The ids of what a fact is about: plan, referral, window, appointment, contact."""
    return {str(name) for field in IDS if (name := getattr(value, field, None))}


def _plans(document: EpisodeState) -> Iterator[str]:
    for stay in document.stays:
        if stay.ended_by:
            yield id_of(document.episode_id, "plan", stay.ended_by.ce_id)


def decided_of(
    own: Sequence[CareFact], others: Iterable[tuple[Sequence[CareFact], Mapping[str, str]]]
) -> list[CareFact]:
    """What people decided of windows, the episode's own and what counts here of episodes that a merge joins with it,
    oldest first. `others`: their decisions, each with what their windows are called here."""
    found = list(own)
    for values, ids in others:
        found += [_with_ids(value, ids) for value in values if getattr(value, "follow_up_id", None) in ids]
    return sorted(found, key=_when) if len(found) > len(own) else found


def _when(value: CareFact) -> datetime:
    return value.recorded_at
