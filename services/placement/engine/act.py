"""What people and timers do to an episode: lock, decide, state facts and publish, in the caller's transaction. No SQL.

A decision gets the whole situation and returns facts, or raises Rejected; what follows from them is derived in
publish.py, as it is for facts from Kafka. Order of locks: the episode, then the programs whose seats it may claim.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.placement.clock import stating as clock
from services.placement.continuum.about import About, about
from services.placement.continuum.fold import fold
from services.placement.continuum.model import FOLD_VERSION, Folded
from services.placement.continuum.replacements import roots_of, standing_of
from services.placement.continuum.states import MEANING, NoEffectReason
from services.placement.engine import store
from services.placement.engine.apply import folded_before
from services.placement.engine.change import EpisodeChange, Publishing
from services.placement.engine.outcome import WRITER, Ids
from services.placement.engine.publish import publish, seats_of
from services.placement.programs import daily_visits
from services.placement.programs.attendance import StayProvenance
from services.placement.programs.census import Place
from services.placement.programs.seats import Claim, Headcount, claims, may_claim
from services.placement.rules import Rules
from services.placement.search import first_days, offers
from services.placement.search.search import Desk
from services.placement.search.searches import DeskFacts, Search, most_urgent
from services.placement.worklists import program_views, views
from services.placement.worklists import store as desk_store
from shared.clock import Clock
from shared.errors import Rejected
from shared.events.base import CareFact
from shared.facts.envelope import Fact
from shared.facts.stating import said
from shared.scope import EVERYTHING, Scope
from shared.storage import audit
from shared.storage.database import Connection
from shared.values import replace, value_object
from shared.web import acts, tracing
from shared.web.acts import Acted, ActRequest


@value_object
class Situation:
    """What a decision is made on: the episode's fold and all its facts, and of each locked program all seats taken.

    `own`: placement's facts among them, also those that no longer stand. `ids` gives new ids. `scope`: the facilities
    that the asker may see.
    """

    folded: Folded
    facts: tuple[Fact, ...]
    own: DeskFacts
    places: Mapping[str, Sequence[Place]]
    rules: Rules
    now: datetime
    ids: Ids
    queues: Mapping[str, int] = field(default_factory=dict)
    """Locked program → how many are on its waiting list."""
    scope: Scope = EVERYTHING

    def about(self, facility: str | None = None) -> About:
        """What a fact of this episode is about, at this facility, else at `home`."""
        return about(self.folded, facility or self.home)

    @property
    def home(self) -> str:
        """The facility of a fact that concerns none in particular: that of the latest fact which the asker may see."""
        if self.scope.has(self.folded.facility):
            return self.folded.facility
        mine = [fact for fact in self.facts if self.scope.has(fact.value.facility)]
        latest = max(mine, key=lambda fact: (fact.value.occurred_at, fact.writer, fact.sequence), default=None)
        return latest.value.facility if latest else self.folded.facility

    @property
    def searches(self) -> tuple[Search, ...]:
        """The episode's searches that the asker may see, the latest last."""
        return tuple(one for one in self.own.searches if self.scope.has(one.facility or self.folded.facility))

    def desk(self, search_id: str | None = None) -> Desk:
        """What decisions about a search are made on: the one with this id, whichever facility's it is; without an id
        the most urgent that the asker may see, else the latest."""
        every = self.searches if search_id is None else self.own.searches
        found = most_urgent(every) if search_id is None else next((o for o in every if o.search_id == search_id), None)
        return Desk(self.about(), found, self.now, self.ids)

    def search_of(self, offer_id: str) -> str | None:
        """The id of the search that an offer belongs to, whichever facility's it is; None where there is none."""
        found = self.own.searches
        return next((one.search_id for one in found if offer_id in {each.offer_id for each in one.offers}), None)

    def saying(self, facility: str, *, replaces: str | None = None, without: str | None = None) -> StayProvenance:
        """What decisions about a program stay are made on. `without`: ce_id of a fact to leave out of the fold with its
        whole chain of replacements, for a correction."""
        folded = self.folded
        if without is not None:
            roots = roots_of(self.own)
            whole = roots.get(without, without)
            folded = fold([f for f in self.facts if roots.get(f.id) != whole], self.rules.zone_of)
        return StayProvenance(folded, facility, self.zone(facility), self.now, replaces)

    def tried(self, *values: CareFact) -> Folded:
        """The fold with these facts added. Raises Rejected with the reason where one of them would have no effect, or
        `others-rest-on-it` where it would take the effect of another own fact away."""
        last = max((fact.sequence for fact in self.own), default=0)
        new = [said(v, ce_id=f"tried-{n}", writer=WRITER, sequence=last + n) for n, v in enumerate(values, 1)]
        after = fold([*self.facts, *new], self.rules.zone_of)
        for fact in new:
            if (word := after.ineffective.get(fact.id)) is not None:
                raise Rejected(word, MEANING[NoEffectReason(word)])
        before = self.folded.ineffective
        if lost := [fact.name for fact in self.own if fact.id in after.ineffective and fact.id not in before]:
            text = "what was said besides would be without effect: take that back first"
            raise Rejected("others-rest-on-it", text, possible=tuple(sorted({f"{name}-withdrawn" for name in lost})))
        return after

    def zone(self, facility: str) -> ZoneInfo:
        """The facility's time zone."""
        return self.rules.zone_of(facility)

    def standing(self, ce_id: str) -> Fact | None:
        """The own fact that stands of the chain of replacements that `ce_id` is in; None where none does."""
        return standing_of(self.own, ce_id)

    @property
    def claimed(self) -> tuple[Claim, ...]:
        """The episode's own claims on seats."""
        return claims(self.own.seats)

    def count(self, claim: Claim, instead_of: Sequence[Claim] = ()) -> Headcount:
        """The numbers on which this claim of the episode may be made. `instead_of`: claims that are released for it.

        The program must be locked. Raises Rejected as `may_claim` does, KeyError where the site has no such program.
        """
        gone = {one.seat_id for one in instead_of}
        places = [one for one in self.places.get(claim.program, ()) if one.seat_id is None or one.seat_id not in gone]
        return may_claim(seats_of(self.rules, claim.program), places, claim, self.folded.episode_id)


class Decided(NamedTuple):
    """The facts to state, in order, and the ids of what they make or change (searches, offers, seats and so on)."""

    facts: tuple[CareFact, ...]
    subjects: tuple[str, ...] = ()


class Claiming(NamedTuple):
    """Programs whose seats a decision may claim, and from when on it needs to know the seats taken; None: from now."""

    programs: tuple[str, ...] = ()
    since: datetime | None = None


NO_CLAIM = Claiming()
Decision = Callable[[Situation], Decided]
"""From a situation to facts. Raises Rejected."""


async def act(
    connection: Connection,
    asked: ActRequest,
    decision: Decision,
    claiming: Claiming = NO_CLAIM,
    *,
    rules: Rules,
    clock: Clock,
    ids: Ids,
) -> Acted | None:
    """Decide on a person's request about an episode, and publish the result; None where there is no such episode.

    `claiming`: the programs to lock. Raises Rejected where the request is not possible now, Stale where the asker saw
    an older version of the episode.
    """

    async def lock(episode_id: str) -> store.LockedEpisode | None:
        return (await store.lock_known(connection, [episode_id])).get(episode_id)

    async def decide(row: store.LockedEpisode) -> Acted:
        by = Publishing(rules, clock(), ids, tracing.of_the_request())
        return await _act(connection, row, asked, decision, claiming=claiming, by=by)

    return await acts.act(asked, lock, lambda row: row.version, decide)


async def _act(
    connection: Connection,
    row: store.LockedEpisode,
    asked: ActRequest,
    decision: Decision,
    *,
    claiming: Claiming,
    by: Publishing,
) -> Acted:
    places: Mapping[str, Sequence[Place]] = {}
    queues: Mapping[str, int] = {}
    if claiming.programs:
        await desk_store.lock_programs(connection, claiming.programs)
        places = await views.places(connection, claiming.programs, claiming.since or by.now, by.now)
        queues = await program_views.queues_of(connection, claiming.programs)
    facts = (await store.facts_of(connection, [asked.episode_id]))[asked.episode_id]
    _not_gone(folded_before(row))
    change, decided = decide_on(row, facts, places, _seen_by(asked.scope, decision, queues), by)
    subjects = decided.subjects or tuple(fact.id for fact in change.stated[:1])
    await publish(connection, {asked.episode_id: change}, by, [asked.noted(by.now)])
    return Acted(subjects, row.version + 1)


def _not_gone(folded: Folded) -> None:
    """Raises Rejected `merged` for an episode of which every record counts in another one."""
    if folded.ended_reason == "merged":
        text = "the record was merged into another patient's: go on there"
        raise Rejected("merged", text, possible=tuple(one.into for one in folded.retiring), state="closed")


def _seen_by(scope: Scope, decision: Decision, queues: Mapping[str, int]) -> Decision:
    return lambda now: decision(replace(now, queues=queues, scope=scope))


def decide_on(
    row: store.LockedEpisode,
    facts: Sequence[Fact],
    places: Mapping[str, Sequence[Place]],
    decision: Decision,
    by: Publishing,
) -> tuple[EpisodeChange, Decided]:
    """The episode's change by a decision, and the decision."""
    ordered = tuple(sorted(facts, key=lambda fact: (fact.writer, fact.sequence)))
    before = folded_before(row) if row.fold_version == FOLD_VERSION else fold(facts, by.rules.zone_of)
    own = DeskFacts.of(ordered)
    own = own.without_merged(before.retiring) if before.merged else own
    decided = decision(Situation(before, ordered, own, places, by.rules, by.now, by.ids))
    change = EpisodeChange(row, before, before, dict(row.seen))
    said = change.state(decided.facts, by.telling(change))
    change.after = fold([*facts, *said], by.rules.zone_of)
    change.because = tuple(fact.id for fact in said[-1:])
    return change, decided


async def state_due(
    connection: Connection, kind: str, states: Sequence[str], decision: Decision, *,
    action: str, rules: Rules, clock: Clock, ids: Ids, most: int,
) -> int:  # fmt: skip
    """For timers: decide on up to `most` episodes with a list entry of this kind and states whose time is over, and
    publish. Returns how many episodes there were. `action`: what the audit calls it."""
    now = clock()
    due = await desk_store.due(connection, kind, states, now, most)
    rows = await store.lock_known(connection, due)
    facts = await store.facts_of(connection, list(rows))
    by = Publishing(rules, now, ids)
    changes = {}
    for episode, row in rows.items():
        change, _ = decide_on(row, facts[episode], {}, decision, by)
        if change.stated:
            changes[episode] = change
    if changes:
        await publish(connection, changes, by, [audit.Entry(now, WRITER, action, episode) for episode in changes])
    return len(due)


def expired_offers(now: Situation) -> Decided:
    """The decision that offers which nobody answered in time have expired."""
    whose = (now.desk(one.search_id) for one in now.own.searches)
    return Decided(tuple(fact for desk in whose for fact in offers.expire(desk)))


def kept_too_long(now: Situation) -> Decided:
    """The decision that placements are given up whose patients are still in a 24-hour stay after the site's days."""
    return Decided(tuple(first_days.given_up(now.desk(), now.folded, now.own, now.rules.policy)))


def reviews_due(now: Situation) -> Decided:
    """The decision that reviews are due by now, or late."""
    return Decided(clock.stated(now.folded, now.own, now.rules, now.now, over=True))


def ended_for_want_of_visits(now: Situation) -> Decided:
    """The decision that stays of daily visits have ended, since none followed within the program's days."""
    return Decided(daily_visits.stated(now.folded, now.own, now.rules, now.now, now.ids, over=True))
