"""What must hold after the worst: every acknowledged message's fact there once, everywhere; the states right."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from shared.events.stays import Admitted, Discharged
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts
from tests.delivery.load import Patient
from tests.system import System


async def kept(system: System, people: Sequence[Patient], seconds: float = 60) -> None:
    """Contract 5.1 to 5.4 and 5.6 for these patients, all of whose messages were acknowledged; at rest by then."""
    await system.idle(seconds)
    assert await system.broken() == []
    facts = await system.facts()
    _repeats_are_true(facts)
    assert {fact.id for fact in facts} == await _in_placement(system)
    visits = {one.visit for one in people}
    ours = {f.subject for f in facts if f.value.stay and f.value.stay.id in visits}
    standing = [fact for fact in _standing(facts) if fact.subject in ours]
    started = Counter(f.value.stay.id for f in standing if isinstance(f.value, Admitted))
    ended = Counter(f.value.stay.id for f in standing if isinstance(f.value, Discharged))
    assert started == Counter(one.visit for one in people)
    assert ended == Counter(one.visit for one in people if not one.taken_back)
    episode = {f.value.stay.id: f.subject for f in standing if isinstance(f.value, Admitted)}
    last = {fact.subject: fact.as_json for fact in await system.facts("care.episodes")}
    assert {one.visit: last[episode[one.visit]]["state"] for one in people} == {one.visit: one.state for one in people}
    windows = Counter(f.subject for f in standing if f.name in {"follow-up-due", "follow-up-missed"})
    assert windows == Counter({episode[one.visit]: 2 for one in people if not one.taken_back})
    await _the_bill_is_right(system, {episode[one.visit]: one for one in people})


def _repeats_are_true(facts: Sequence[Fact]) -> None:
    """The same ce_id is the same fact; each writer's facts of an episode are in order and without a gap."""
    said: dict[str, Fact] = {}
    line: dict[tuple[str, str], list[int]] = defaultdict(list)
    for fact in facts:
        assert said.setdefault(fact.id, fact) == fact
        line[fact.subject, fact.writer].append(fact.sequence)
    for numbers in line.values():
        assert list(dict.fromkeys(numbers)) == list(range(1, max(numbers) + 1))


async def _in_placement(system: System) -> set[str]:
    async with system.database("placement") as database, database.read() as connection:
        found = list((await connection.execute(sa.text("SELECT ce_id FROM facts"))).scalars())
    assert len(found) == len(set(found)), "a fact is in placement twice"
    return set(found)


def _standing(facts: Sequence[Fact]) -> list[Fact]:
    by_id = {fact.id: fact for fact in facts}
    gone = OwnFacts(by_id.values()).fallen
    return [fact for fact in by_id.values() if fact.id not in gone]


async def _the_bill_is_right(system: System, people: dict[str, Patient]) -> None:
    """The last record of every period on the compacted topic is its newest version, open or closed as it must be."""
    last = {fact.subject: fact for fact in await system.facts("billing.periods")}
    newest: dict[str, Fact] = {}
    for fact in await system.facts("billing.service-periods"):
        newest[fact.subject] = max(fact, newest.get(fact.subject, fact), key=lambda each: each.sequence)
    assert {period: fact.body for period, fact in last.items()} == {p: f.body for p, f in newest.items()}
    live = [fact for fact in last.values() if fact.as_json["episode_id"] in people and "voided" not in fact.type]
    assert Counter(fact.as_json["episode_id"] for fact in live) == Counter(dict.fromkeys(people, 1))
    for fact in live:
        assert (fact.as_json.get("end_date") is None) == people[fact.as_json["episode_id"]].taken_back
