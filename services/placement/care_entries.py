"""What lists show of an episode's care: authorizations as they burn, conflicts, plans, what has no effect. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.placement.billing.outlook import Outlook, outlooks
from services.placement.billing.periods import periods
from services.placement.continuum.model import Folded
from services.placement.continuum.order import midnight
from services.placement.continuum.states import Word
from services.placement.entry import Entry, gone_of, known, time_of
from services.placement.rules import Rules
from shared.events.envelope import Fact

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when something has no effect, in an episode of which nothing stands."""


def entries_of_care(folded: Folded, own: Sequence[Fact], rules: Rules) -> Iterator[Entry]:
    """Entries of these kinds; `own` are placement's facts of the desk in their order."""
    used = _used(folded, rules)
    yield from (_authorization(one, folded, used, rules) for one in folded.authorizations)
    yield from _conflicts(folded, own)
    yield from _plan(folded, own, rules)
    yield from _ineffective(folded)


def idle(folded: Folded) -> list[dict[str, str]]:
    """Facts without effect that somebody has to look at; one that a person let fall is done with."""
    words = sorted(folded.ineffective.items())
    return [{"ce_id": ce_id, "word": word} for ce_id, word in words if word != Word.SETTLED]


def _used(folded: Folded, rules: Rules) -> dict[str, Outlook]:
    """auth_id → how it is used up, of those in force."""
    if not any(one["in_force"] for one in folded.authorizations):
        return {}
    found = periods(folded, rules.zone_of, rules.billed, rules.needs_authorization)
    return {one.allowance.auth_id: one for one in outlooks(found, folded)}


def _authorization(one: dict[str, Any], folded: Folded, used: Mapping[str, Outlook], rules: Rules) -> Entry:
    content = {name: value for name, value in one.items() if name != "fact"}
    zone = rules.zone_of(folded.facility)
    if (outlook := used.get(one["auth_id"])) is not None:
        content |= outlook.told()
        spent = outlook.nothing_left_on()
        content["used_up_at"] = midnight(spent, zone).isoformat() if spent else None
        content["goes_on"] = True if outlook.over_from else None
    begins = midnight(date.fromisoformat(one["from"]), zone)
    due = midnight(date.fromisoformat(one["to"]) + timedelta(days=1), zone) if content["in_force"] else None
    return Entry("authorization", one["auth_id"], folded.facility, None, one["status"], begins, due, known(content))


def _conflicts(folded: Folded, own: Sequence[Fact]) -> Iterator[Entry]:
    for one in folded.conflicts:
        content = {"conflict_id": one.id, "kind": one.kind, "facts": list(one.facts)}
        yield Entry("conflict", one.id, folded.facility, None, "open", one.at, None, content)
    told = {one.id for one in folded.conflicts}
    for fact in own:
        name = fact.value.get("conflict_id")
        if fact.name == "conflict-settled" and name in folded.settled and name not in told:
            content = {"conflict_id": name, "falls": fact.value.get("falls", [])}
            yield Entry("conflict", name, folded.facility, None, "settled", time_of(fact), None, content)
            told.add(name)


def _plan(folded: Folded, own: Sequence[Fact], rules: Rules) -> Iterator[Entry]:
    """The plan told last; it is over with its episode."""
    gone = gone_of(own)
    last = next((fact for fact in reversed(own) if fact.name == "plan-recorded" and fact.id not in gone), None)
    if last is None:
        return
    value = last.value
    names = ("level", "hours_week", "days_week", "goals", "review_due")
    due = midnight(date.fromisoformat(value["review_due"]) + timedelta(days=1), rules.zone_of(value["facility"]))
    state = "over" if folded.state in {"closed", "void"} else "current"
    content = known({name: value.get(name) for name in names})
    yield Entry("plan", folded.episode_id, value["facility"], None, state, time_of(last), due, content)


def _ineffective(folded: Folded) -> Iterator[Entry]:
    facts = idle(folded)
    if facts:
        since = folded.since or folded.last or _LONG_AGO
        yield Entry("ineffective", folded.episode_id, folded.facility, None, "open", since, None, {"facts": facts})
