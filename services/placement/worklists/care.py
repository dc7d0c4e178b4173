"""List entries about an episode's care: authorizations and their use, conflicts, plans, facts without effect, arrivals
that are expected, what a merge left. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from services.placement.clock.authorized import Used
from services.placement.clock.courses import concerns
from services.placement.clock.reviews import last_covered_days, used_up
from services.placement.continuum.model import Folded
from services.placement.continuum.order import day_of, midnight
from services.placement.continuum.standing import StandingAuthorization
from services.placement.continuum.states import NoEffectReason
from services.placement.rules import Rules
from services.placement.search.entry import ListEntry, known
from services.placement.worklists.reviews import entries_of_reviews
from shared.events.planning import ConflictSettled, MedicationRecorded, PlanRecorded
from shared.events.published import as_json
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when facts have no effect in an episode without any active fact."""


def entries_of_care(folded: Folded, own: OwnFacts, rules: Rules) -> Iterator[ListEntry]:
    """Entries of these kinds; `own` are the facts that placement's desk stated, by sequence."""
    used = used_up(folded, rules) if folded.authorizations else {}
    if folded.authorizations:
        last = last_covered_days(folded, rules, used)
        yield from (_authorization(one, folded, used, last, rules) for one in folded.authorizations)
    here = any(stay.ended is None for stay in folded.stays)
    if (here or folded.reviews or folded.authorizations) and concerns(folded, rules):
        yield from entries_of_reviews(folded, used, rules)
    if folded.conflicts or folded.settled:
        yield from _conflicts(folded, own)
    yield from _plan(folded, own, rules)
    yield from _medications(folded, own, rules)
    if folded.ineffective:
        yield from _ineffective(folded)
    if folded.arrivals and not folded.deaths:
        yield from _arrivals(folded, rules)
    if folded.leftovers:
        yield from _leftovers(folded)


def _leftovers(folded: Folded) -> Iterator[ListEntry]:
    """What merges left, for readers who may see both what it is about and the facility that said the merge."""
    for one in folded.leftovers:
        besides = (one.merged_at,) if one.merged_at != one.facility else ()
        content = {"facts": list(one.facts), "merged": one.retired}
        state = "stays" if one.kept else "open"
        yield ListEntry("leftover", one.id, one.facility, None, state, one.at, None, content, besides)


def idle(folded: Folded) -> list[dict[str, str]]:
    """Facts without effect that somebody has to look at; not those that a person dropped in settling a conflict."""
    words = sorted(folded.ineffective.items())
    return [{"ce_id": ce_id, "word": word} for ce_id, word in words if word != NoEffectReason.SETTLED]


_NOT_SHOWN = frozenset({"fact", "facility", "told", "told_at"})


def _authorization(
    one: StandingAuthorization, folded: Folded, used: Used, last: Mapping[str, date], rules: Rules
) -> ListEntry:
    content = {name: value for name, value in as_json(one).items() if name not in _NOT_SHOWN}
    facility = one.facility or folded.facility
    zone = rules.zone_of(facility)
    if (outlook := used.get(one.auth_id)) is not None:
        content |= outlook.told()
        spent = outlook.nothing_left_on()
        content["used_up_at"] = midnight(spent, zone).isoformat() if spent else None
        content["goes_on"] = True if outlook.over_from else None
    content["last_covered_day"] = last[one.auth_id].isoformat() if one.auth_id in last else None
    begins = midnight(one.begins, zone)
    due = midnight(one.to + timedelta(days=1), zone) if one.in_force else None
    return ListEntry("authorization", one.auth_id, facility, None, one.status, begins, due, known(content))


def _conflicts(folded: Folded, own: Sequence[Fact]) -> Iterator[ListEntry]:
    """Open and settled conflicts; one between several facilities is shown to readers who may see all of them."""
    places = _places(folded)
    for one in folded.conflicts:
        content = {"conflict_id": one.id, "kind": one.kind, "facts": list(one.facts)}
        facility, *besides = _of(one.facts, places) or [folded.facility]
        yield ListEntry("conflict", one.id, facility, None, "open", one.at, None, content, tuple(besides))
    told = {one.id for one in folded.conflicts}
    for fact in own:
        said = fact.value
        if isinstance(said, ConflictSettled) and said.conflict_id in folded.settled and said.conflict_id not in told:
            name, at = said.conflict_id, said.occurred_at
            content = {"conflict_id": name, "falls": list(said.falls)}
            facility, *besides = _everywhere(folded) or [folded.facility]
            yield ListEntry("conflict", name, facility, None, "settled", at, None, content, tuple(besides))
            told.add(name)


def _places(folded: Folded) -> dict[str, str]:
    """ce_id of a fact that began or changed a stay, or recorded a session of it → the stay's facility."""
    return {
        ce_id: stay.facility
        for stay in folded.stays
        for ce_id in (
            *(segment.fact for segment in stay.segments),
            *(session.fact for session in stay.sessions),
            *stay.corroborated_by,
        )
    }


def _of(facts: Iterable[str], places: Mapping[str, str]) -> list[str]:
    return sorted({places[ce_id] for ce_id in facts if ce_id in places})


def _everywhere(folded: Folded) -> list[str]:
    return sorted({stay.facility for stay in folded.stays})


def _plan(folded: Folded, own: OwnFacts, rules: Rules) -> Iterator[ListEntry]:
    """For each facility the plan recorded last; none once the episode is closed."""
    plans = [one for fact in own if isinstance(one := fact.value, PlanRecorded) and fact.id not in own.fallen]
    last = {plan.facility: plan for plan in plans}
    for place, facility in enumerate(last):
        name = folded.episode_id if place == 0 else f"{folded.episode_id}/{facility}"
        yield _told_plan(name, last[facility], folded, rules)


def _told_plan(name: str, plan: PlanRecorded, folded: Folded, rules: Rules) -> ListEntry:
    due = midnight(plan.review_due + timedelta(days=1), rules.zone_of(plan.facility))
    state = "over" if folded.state in {"closed", "void"} else "current"
    content = {
        "level": plan.level,
        "hours_week": plan.hours_week,
        "days_week": plan.days_week,
        "goals": plan.goals,
        "review_due": plan.review_due.isoformat(),
    }
    return ListEntry("plan", name, plan.facility, None, state, plan.occurred_at, due, content)


def _medications(folded: Folded, own: OwnFacts, rules: Rules) -> Iterator[ListEntry]:
    """For each facility and medication what was told last, named by the first statement; with the day of the first
    appointment that is known, and whether a program or unit has the patient now."""
    told: dict[tuple[str, str, str], tuple[str, MedicationRecorded]] = {}
    for fact in own:
        if isinstance(one := fact.value, MedicationRecorded) and fact.id not in own.fallen:
            key = (one.facility, one.system, one.code)
            told[key] = (told[key][0] if key in told else fact.id, one)
    if not told:
        return
    open_at = any(stay.open and stay.level for stay in folded.stays)
    begun = {name for stay in folded.stays for kind, name in (stay.key, *stay.aliases) if kind == "placement"}
    firsts = [one.start_date for one in folded.placements if one.placement_id not in begun]
    for name, one in told.values():
        over = folded.state in {"closed", "void"}
        due = midnight(one.next_due + timedelta(days=1), rules.zone_of(one.facility)) if one.next_due else None
        content = {
            "system": one.system,
            "code": one.code,
            "prescriber_npi": one.prescriber_npi,
            "last_given": one.last_given.isoformat() if one.last_given else None,
            "next_due": one.next_due.isoformat() if one.next_due else None,
            "days_in_hand": one.days_in_hand,
            "first_day": min(firsts).isoformat() if firsts else None,
            "cared_for": open_at or None,
        }
        state = "over" if over else one.status
        yield ListEntry("medication", name, one.facility, None, state, one.occurred_at, due, known(content))


def _arrivals(folded: Folded, rules: Rules) -> Iterator[ListEntry]:
    """Who is expected and has not come; late when the site's days after the expected day are over."""
    begun = {(stay.facility, stay.id) for stay in folded.stays}
    for one in folded.arrivals:
        if (one.facility, one.stay) in begun:
            continue
        zone = rules.zone_of(one.facility)
        day = day_of(one.at, zone)
        due = midnight(day + timedelta(days=1 + rules.site.limits.arrival_days), zone)
        content = known(
            {"expected_at": one.at.isoformat(), "day": day.isoformat(), "unit": one.unit, "level": one.level}
        )
        yield ListEntry("arrival", one.root, one.facility, one.program, "expected", one.said_at, due, content)


_BY_OTHERS = frozenset({NoEffectReason.INSIDE_24_HOUR_STAY, NoEffectReason.STAY_OPEN, NoEffectReason.CLOSED})
"""Words that another stay of the episode may be the reason of: what it is of is shown by it, too."""


def _ineffective(folded: Folded) -> Iterator[ListEntry]:
    """For each facility its facts without effect; where another facility's stay is the cause, for readers who may see
    both."""
    since, found = folded.since or folded.last or _LONG_AGO, dict[tuple[str, ...], list[dict[str, str]]]()
    everywhere = _everywhere(folded)
    for one in idle(folded):
        facility = folded.said_at.get(one["ce_id"]) or folded.facility
        besides = [each for each in everywhere if each != facility] if one["word"] in _BY_OTHERS else []
        found.setdefault((facility, *besides), []).append(one)
    for place, ((facility, *besides), facts) in enumerate(sorted(found.items())):
        name = folded.episode_id if place == 0 else f"{folded.episode_id}/{'+'.join((facility, *besides))}"
        yield ListEntry("ineffective", name, facility, None, "open", since, None, {"facts": facts}, tuple(besides))
