"""The story of an episode in words, newest first: each fact, why it came, what it replaced and what took it back. Pure.

Every fact is one line, except a cancel whose target is known: that is said at its target, struck through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, date, datetime, tzinfo

from services.placement.continuum.model import Folded
from services.placement.continuum.states import MEANING, NoEffectReason
from services.placement.desk.lines import because as rules_because
from services.placement.desk.patient.bills import FEW, BillChange, why
from services.placement.desk.showing import voided
from services.placement.rules import Rules
from services.placement.worklists.wording import words_of
from shared.events.levels import Level
from shared.events.placing import SearchOpened
from shared.events.stays import Merge
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.facts.places import places_of
from shared.values import value_object
from shared.web.telling import details
from shared.web.wording import dated, moment, spoken
from shared.web.words import say


@value_object
class StoryLine:
    """One fact in words. `on`: the day as people write it; `level` colours it.

    `because`: sentences; `back`: when and why it was taken back or replaced, empty while it stands; `idle`: why it has
    no effect; `bills`: sentences about the bills that it changed.
    """

    fact: str
    at: datetime
    on: str
    what: str
    level: Level | None = None
    because: tuple[str, ...] = ()
    instead: str = ""
    back: str = ""
    idle: str = ""
    bills: tuple[str, ...] = ()

    @property
    def stands(self) -> bool:
        """True until it is taken back or replaced."""
        return not self.back


@value_object
class Telling:
    """What a story is told with: the facts in sight, their fold, the site's rules, today, and who did what at the desk.

    `actors`: the instant of an act at placement's desk → who it was (by the audit); `changed`: the bills' versions.
    """

    facts: Sequence[Fact]
    folded: Folded
    rules: Rules
    today: date
    actors: Mapping[datetime, str] = field(default_factory=dict)
    changed: Sequence[BillChange] = ()


def story(by: Telling) -> list[StoryLine]:
    """Every fact as a line, the newest first."""
    return lines(by, newest_first(by))


def newest_first(by: Telling) -> list[Fact]:
    """The facts that have a line: by clinical time, then by when they were recorded, the newest first."""
    gone = voided(by.facts, by.folded)
    told = [fact for fact in by.facts if not (isinstance(fact.value, FactCancelled) and fact.value.cancels in gone)]
    told.sort(key=lambda fact: (fact.value.occurred_at, fact.value.recorded_at, fact.writer, fact.sequence))
    return told[::-1]


def lines(by: Telling, facts: Sequence[Fact]) -> list[StoryLine]:
    """These facts of the story as lines."""
    known = {fact.id: fact for fact in by.facts}
    void = {ce_id: known[one["by"]] for ce_id, one in voided(by.facts, by.folded).items()}
    levels, bills = _levels(by.folded), _bills(by, known)
    return [
        StoryLine(
            fact=fact.id,
            at=fact.value.occurred_at,
            on=dated(words_of(fact, by.rules).on, by.today),
            what=sentence(fact, by.rules),
            level=_level_of(fact, levels),
            because=tuple(causes(fact, known, by)),
            instead=_instead(fact, known, by.rules),
            back=_back(void[fact.id], by) if fact.id in void else "",
            idle=_idle(by.folded.ineffective.get(fact.id)) if fact.id not in void else "",
            bills=tuple(
                say("the bill: {why}", why=why(one, known, by.rules, cause=False)) for one in bills.get(fact.id, ())
            ),
        )
        for fact in facts
    ]


def sentence(fact: Fact, rules: Rules) -> str:
    """What happened, where, and what more is known: `discharged (Inpatient, 3W): home`."""
    told = words_of(fact, rules)
    more = ", ".join(details(fact.as_json))
    return f"{say(told.what)}{f' ({say(told.where)})' if told.where else ''}{f': {more}' if more else ''}"


def causes(fact: Fact, known: Mapping[str, Fact], by: Telling) -> list[str]:
    """Why this fact is there: what it was concluded from or caused by, by which rules, and who said it when."""
    value, zone = fact.value, _zone(fact, by.rules)
    named = [known[one] for one in value.derived_from if one in known]
    caused = known.get(fact.causation_id or "")
    if not named and caused is not None and caused is not fact:
        named = [caused]
    found = []
    if named:
        said = "; ".join(words_of(one, by.rules).short() for one in named[:FEW])
        found.append(say("because {cause}", cause=said))
    if isinstance(value, SearchOpened):
        found += [say("by the site's rule: {rule}", rule=one) for one in rules_because(value.reasons, by.rules.site)]
    if fact.copy_of:
        found.append(say("brought here with a record that was merged into this one"))
    found.append(_told_by(fact, zone, by, derived=bool(named)))
    return found


def _told_by(fact: Fact, zone: tzinfo, by: Telling, *, derived: bool) -> str:
    at = moment(fact.value.recorded_at, zone)
    where = _facility(fact.value.facility, by.rules)
    actor = by.actors.get(fact.value.recorded_at) if fact.writer == "placement" and not derived else None
    if actor is not None:
        return say("said by {who} at the desk, {at}", who=actor, at=at)
    if isinstance(fact.value, Merge) and fact.value.by == "person":
        return say("said by a person of {where}, {at}", where=where, at=at)
    if derived:
        return say("concluded {at}", at=at)
    text = {
        "intake": "told by a message of {where}, {at}" if fact.causation_id else "told by {where}, {at}",
        "placement": "recorded at the desk, {at}",
        "aftercare": "recorded by aftercare, {at}",
    }.get(fact.writer, "recorded {at}")
    return say(text, where=where, at=at)


def _instead(fact: Fact, known: Mapping[str, Fact], rules: Rules) -> str:
    before = known.get(fact.value.replaces or "")
    return words_of(before, rules).short() if before is not None else ""


def _back(by_fact: Fact, by: Telling) -> str:
    at = moment(by_fact.value.recorded_at, _zone(by_fact, by.rules))
    if isinstance(by_fact.value, FactCancelled):
        return say("taken back {at}: {why}", at=at, why=spoken(by_fact.value.reason))
    return say("told anew {at}: {what}", at=at, what=words_of(by_fact, by.rules).short())


def _idle(word: str | None) -> str:
    if word is None:
        return ""
    return say("without effect: {why}", why=say(MEANING.get(NoEffectReason(word), word)))


def _bills(by: Telling, known: Mapping[str, Fact]) -> Mapping[str, list[BillChange]]:
    """ce_id → the versions of bills that this fact made; a version is told at one fact only."""
    found: dict[str, list[BillChange]] = {}
    for one in by.changed:
        first = next((fact for fact in reversed(one.facts) if fact.value.stay is not None), one.facts[-1])
        target = first.value.cancels if isinstance(first.value, FactCancelled) else first.id
        found.setdefault(target if target in known else first.id, []).append(one)
    return found


def _levels(folded: Folded) -> Callable[[Fact], Level | None]:
    by_fact = {segment.fact: segment.level for stay in folded.stays for segment in stay.segments}
    last = {stay.key: stay.level for stay in folded.stays}
    last |= {alias: stay.level for stay in folded.stays for alias in stay.aliases}

    def level(fact: Fact) -> Level | None:
        stay = fact.value.stay
        return by_fact.get(fact.id) or (last.get((stay.kind, stay.id)) if stay else None)

    return level


def _level_of(fact: Fact, levels: Callable[[Fact], Level | None]) -> Level | None:
    named = [place.level for place in places_of(fact) if place.level]
    return named[-1] if named else levels(fact)


def _zone(fact: Fact, rules: Rules) -> tzinfo:
    facility = fact.value.facility
    return rules.zone_of(facility) if rules.has_facility(facility) else fact.value.recorded_at.tzinfo or UTC


def _facility(name: str, rules: Rules) -> str:
    found = rules.site.facility(name)
    return found.title if found is not None else name
