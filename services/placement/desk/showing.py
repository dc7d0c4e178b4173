"""Episodes as JSON for a reader: the state, the facts with what became of each, the service periods. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TypedDict, cast

from services.placement.billing.model import Period, PeriodKey, SentPeriod
from services.placement.billing.periods import periods as periods_of
from services.placement.continuum.active import outdone, root_of
from services.placement.continuum.document import episode_state
from services.placement.continuum.model import Folded
from services.placement.continuum.states import MEANING, NoEffectReason
from services.placement.desk.answers import EpisodeLine
from services.placement.desk.overviews import FactShown, How, Voided
from services.placement.engine.views import Listed, Stored
from services.placement.engine.visible import Part
from services.placement.rules import Rules
from shared.events.published import as_json
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact


def in_a_list(one: Listed) -> EpisodeLine:
    """One line of the list of episodes."""
    return cast("EpisodeLine", {name: value for name, value in asdict(one).items() if value is not None})


def listed_part(row: Listed, part: Part) -> EpisodeLine:
    """The same line for a reader who sees only a part of the episode, computed from the facts in sight."""
    folded = part.folded
    return in_a_list(
        Listed(
            episode_id=row.episode_id,
            patient_id=row.patient_id,
            facility=folded.facility,
            state=folded.state,
            level=folded.level,
            since=folded.since,
            ineffective=len(folded.ineffective),
            conflicts=len(folded.conflicts),
            version=row.version,
        )
    )


class EpisodeJson(TypedDict):
    """An episode as the API answers it; overviews.py has the types of its parts."""

    episode: Mapping[str, object]
    facts: list[FactShown]
    periods: list[Mapping[str, object]]


def whole(row: Stored, part: Part, periods: Iterable[tuple[PeriodKey, SentPeriod]], by: Rules) -> EpisodeJson:
    """One episode: `episode` as on care.episodes, `facts` by clinical time, `periods` in their latest versions.

    A reader who sees only a part gets the state that this part gives, without numbers that would reveal the rest.
    """
    folded, facts = part.folded, part.facts
    document = episode_state(folded, row.seen if part.whole else {}, row.listed.version, by.places)
    value = as_json(document) | {"patient_id": row.listed.patient_id}
    void = voided(facts, folded)
    told = sorted(facts, key=lambda fact: (fact.value.occurred_at, fact.writer, fact.sequence))
    shown = [_fact(fact, void.get(fact.id), folded.ineffective.get(fact.id)) for fact in told]
    if not part.whole:
        del value["seen"]
        for one in shown:
            del one["sequence"]
    return {
        "episode": value,
        "facts": shown,
        "periods": [_period(sent) for sent in by_start(periods)] if part.whole else in_part(part, periods, by),
    }


def by_start(periods: Iterable[tuple[PeriodKey, SentPeriod]]) -> list[SentPeriod]:
    """The periods by their first day."""
    return sorted((sent for _, sent in periods), key=lambda sent: sent.content.start_date)


def in_part(part: Part, sent: Iterable[tuple[PeriodKey, SentPeriod]], by: Rules) -> list[Mapping[str, object]]:
    """The periods that the facts in sight give, under the ids that billing knows them by."""
    known = [(key, one) for key, one in sent if not one.voided]
    found = periods_of(part.folded, by.zone_of, by.billed, by.payers)
    return [_period_in_part(one, known) for one in found if part.scope.has(one.facility)]


def _period_in_part(period: Period, known: list[tuple[PeriodKey, SentPeriod]]) -> Mapping[str, object]:
    same = [sent for key, sent in known if key == period.key]
    begun = [sent for key, sent in known if (key.kind, key.stay) == period.stay]
    before = [sent for sent in by_start((period.key, one) for one in begun) if sent.content.start_date <= period.start]
    named = (same or before)[-1:]
    ids = {"period_id": named[0].period_id, "version": named[0].version} if named else {}
    return {**ids, "voided": False, **as_json(period.content)}


def _fact(fact: Fact, void: Voided | None, word: str | None) -> FactShown:
    found: FactShown = {
        "ce_id": fact.id,
        "type": fact.type,
        "writer": fact.writer,
        "sequence": fact.sequence,
        "stands": void is None and word is None,
        "value": fact.as_json,
    }
    if void:
        found["voided"] = void
    if word:
        found["ineffective"] = {"word": word, "means": MEANING.get(NoEffectReason(word), word)}
    return found


def voided(facts: Sequence[Fact], folded: Folded) -> dict[str, Voided]:
    """ce_id → which fact cancelled or replaced it, and how; only its own writer can (contract 3.6 rule 1)."""
    known = {fact.id: fact for fact in facts}
    cancels = [(fact, fact.value) for fact in facts if fact.id not in folded.ineffective]
    named: list[tuple[Fact, How, str | None]] = [
        *((fact, "replaced", fact.value.replaces) for fact in facts),
        *((fact, "cancelled", told.cancels) for fact, told in cancels if isinstance(told, FactCancelled)),
    ]
    found: dict[str, Voided] = {}
    leads: dict[str, str] = {}
    for fact, how, ce_id in named:
        target = known.get(ce_id or "")
        if target and target.writer == fact.writer and not isinstance(target.value, FactCancelled):
            found[target.id] = {"by": fact.id, "how": how}
            if how == "replaced" and target.id != fact.id:
                leads[fact.id] = target.id
    roots = {ce_id: root_of(ce_id, leads) for ce_id in leads}
    return {older: Voided(by=by, how="replaced") for older, by in outdone(roots, leads, known).items()} | found


def _period(sent: SentPeriod) -> Mapping[str, object]:
    found = {"period_id": sent.period_id, "version": sent.version, "voided": sent.voided, **as_json(sent.content)}
    return found | ({"supersedes": sent.supersedes} if sent.supersedes else {})
