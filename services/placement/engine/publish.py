"""From changed folds to what is stored and sent: what follows at the desk, seats, lists, announcements, periods.

Every door of placement ends here, inside its own transaction: facts from Kafka, people's decisions, timers, refolds.
The order of locks goes on: episodes are locked by the caller, programs here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain

from services.placement.continuum.about import about
from services.placement.continuum.document import DeskNow
from services.placement.continuum.fold import advance, fold
from services.placement.continuum.model import FOLD_VERSION, Folded
from services.placement.engine import store
from services.placement.engine.outcome import NOTHING, WRITER, AtTheDesk, Ids, Outcome, outcome
from services.placement.programs.askers import seats_asked_for
from services.placement.programs.census import Place, Presence, presences
from services.placement.programs.consequences import SeatNeeded
from services.placement.programs.following import (
    Seen,
    follows,
    seats_wanted,
)
from services.placement.programs.seats import Claim, Headcount, Seats, claims, held, may_claim
from services.placement.rules import Rules
from services.placement.search.entry import ListEntry
from services.placement.search.search import Begins, DesiredSearch, wanted
from services.placement.search.searches import DESK, DeskFacts
from services.placement.search.states import SearchState
from services.placement.worklists import store as desk_store
from services.placement.worklists import views
from services.placement.worklists.entries import entries, mark
from shared.cooperate import in_turns
from shared.errors import Rejected, SetUpError
from shared.events.base import CareFact
from shared.facts.envelope import Fact
from shared.facts.restating import numbered
from shared.facts.stating import Provenance
from shared.facts.tracing import begun_with
from shared.messaging import outbox
from shared.storage import audit
from shared.storage.database import Connection
from shared.storage.statements import at_once
from shared.values import replace, value_object

ACTOR = "placement"
NOTHING_SAID = DeskFacts()
ROUNDS = 8
"""What follows from what followed ends after two or three; more means that two rules undo each other."""


@dataclass(slots=True)
class EpisodeChange:
    """One locked episode and what became of it: `new` facts came in, the last of them is the cause of what follows;
    `stated` are our own of this transaction."""

    row: store.LockedEpisode
    before: Folded
    after: Folded
    seen: dict[str, int]
    new: tuple[Fact, ...] = ()
    stated: list[Fact] = field(default_factory=list)
    own: DeskFacts | None = None
    """Own facts of the desk in their order; None: the desk has nothing to do with this episode."""
    because: tuple[str, ...] = ()
    """ce_ids that made the change: what follows at the desk names them."""
    want: tuple[Folded, DesiredSearch | None] | None = None
    """A fold, and the search that should be open by it."""

    def state(self, values: Iterable[CareFact], telling: Provenance) -> tuple[Fact, ...]:
        """State these next, from the locked row's sequence on."""
        said = numbered(values, self.seen.get(WRITER, 0), telling.stated)
        if said:
            self.seen[WRITER] = said[-1].sequence
        self.stated += said
        if self.own is not None:
            self.own = DeskFacts([*self.own, *(fact for fact in said if fact.name in DESK)])
        return said

    def desired_search(self, begins: Begins) -> DesiredSearch | None:
        """The search that should be open by the fold as it is now."""
        if self.want is None or self.want[0] is not self.after:
            self.want = (self.after, wanted(self.after, begins))
        return self.want[1]

    def at_the_desk(self, begins: Begins) -> Seen:
        """For the rules of what follows."""
        own, want = self.own or NOTHING_SAID, self.desired_search(begins)
        return Seen(self.before, self.after, own, want, self.because)


@value_object
class Publishing:
    """How one transaction tells things: by which rules, when, with which ids; in whose trace, None: in one of each."""

    rules: Rules
    now: datetime
    ids: Ids
    trace: str | None = None

    def telling(self, change: EpisodeChange) -> Provenance:
        """Of one episode."""
        asked = self.trace or begun_with(f"{change.row.episode_id}#{change.row.version}")
        by = Provenance(WRITER, self.now, self.ids, trace=asked)
        return by.caused_by(change.new[-1]) if change.new else by


async def publish(
    connection: Connection, changes: Mapping[str, EpisodeChange], by: Publishing, entries_of_audit: list[audit.Entry]
) -> None:
    """State what follows, save the new state, and send the differences: own facts, periods, the episode itself."""
    await _follow(connection, changes, by)
    await _seat(connection, changes, by)
    lists = _lists(changes, by.rules)
    sent = await store.sent_periods(connection, [episode for episode, one in changes.items() if one.row.version])
    made: list[Outcome] = [
        outcome(
            one.row,
            one.after,
            one.seen,
            sent=sent.get(episode, {}),
            rules=by.rules,
            telling=by.telling(one),
            desk=lists[episode][0] if episode in lists else NOTHING,
            stated=one.stated,
            new=one.new,
        )
        async for episode, one in in_turns(changes.items())
    ]
    stated = [
        audit.Entry(by.now, ACTOR, "facts-stated", one.saved.episode_id, times=len(one.own)) for one in made if one.own
    ]
    await _save(connection, changes, made, lists, [*entries_of_audit, *stated])


async def _follow(connection: Connection, changes: Mapping[str, EpisodeChange], by: Publishing) -> None:
    """State what follows from the change, and from what followed, until nothing does."""
    await _sit_down(connection, changes, by.rules.policy.begins)
    left = [one for one in changes.values() if one.own is not None]
    for _ in range(ROUNDS):
        moved = []
        for one in left:
            values = follows(one.at_the_desk(by.rules.policy.begins), by.rules, by.now, by.ids)
            if values:
                moved.append((one, one.state(values, by.telling(one))))
        if not moved:
            return
        await _go_on(connection, moved, by.rules)
        left = [one for one, _ in moved]
    raise SetUpError("what follows at the desk does not come to an end: two rules undo each other")


async def _sit_down(connection: Connection, changes: Mapping[str, EpisodeChange], begins: Begins) -> None:
    """Give each episode that has to do with the desk its own facts of it, those of this transaction among them."""
    had = [episode for episode, one in changes.items() if one.row.desk]
    stored = await store.facts_of_the_desk(connection, had)
    for episode, one in changes.items():
        own = [fact for fact in (*one.new, *one.stated) if fact.writer == WRITER and fact.name in DESK]
        if one.row.desk or own or one.desired_search(begins):
            known = {fact.id: fact for fact in (*stored.get(episode, ()), *own)}
            one.own = DeskFacts.of(known.values())


async def _go_on(connection: Connection, moved: Sequence[tuple[EpisodeChange, tuple[Fact, ...]]], rules: Rules) -> None:
    """Put facts that were just stated into the folds; from all facts where one of them belongs before others."""
    anew = []
    for one, facts in moved:
        after = advance(one.after, facts, rules.zone_of)
        if after is None:
            anew.append(one)
        else:
            one.after = after
    stored = await store.facts_of(connection, [one.row.episode_id for one in anew])
    for one in anew:
        one.after = fold([*stored[one.row.episode_id], *one.new, *one.stated], rules.zone_of)


async def _seat(connection: Connection, changes: Mapping[str, EpisodeChange], by: Publishing) -> None:
    """Claim seats for stays that came back, where there is room; where there is none, the worklist says so."""
    wants = [
        (one, want)
        for one in changes.values()
        if one.own
        for want in seats_wanted(one.at_the_desk(by.rules.policy.begins), by.now)
    ]
    wants = [(one, want) for one, want in wants if by.rules.site.program(want.program)]
    if not wants:
        return
    programs = {want.program for _, want in wants}
    await desk_store.lock_programs(connection, programs)
    places = await views.places(connection, programs, min(want.since for _, want in wants), by.now)
    for one, want in sorted(wants, key=lambda each: (each[1].since, each[0].row.episode_id)):
        person = one.row.episode_id
        found = _claim(want, places[want.program], person, by)
        if found is not None:
            claim, told = found
            places[want.program].append(claim.place(person))
            program = by.rules.site.program(want.program)
            facility = program.facility if program else None
            one.state([held(about(one.after, facility), claim, by.now, "returned", told)], by.telling(one))


def _claim(want: SeatNeeded, standing: Sequence[Place], person: str, by: Publishing) -> tuple[Claim, Headcount] | None:
    """The claim for a stay that goes on: the seat that it had, without a gap, else one from now on; None: no room."""
    seats, before = seats_of(by.rules, want.program), want.extends
    anew = Claim(by.ids(), want.program, max(want.since, by.now), want.until, want.group, want.placement_id)
    more = replace(anew, since=want.since, group=before.group) if before else anew
    for tried, claim in ((more, replace(before, until=want.until) if before else anew), (anew, anew)):
        try:
            return claim, may_claim(seats, standing, tried, person)
        except Rejected:
            continue
    return None


def seats_of(rules: Rules, name: str) -> Seats:
    """How many the program takes. Raises KeyError where the site has no such."""
    program = rules.site.program(name)
    if program is None:
        raise KeyError(name)
    return Seats(program.id, program.capacity, {group.id: group.capacity for group in program.groups})


def _lists(changes: Mapping[str, EpisodeChange], rules: Rules) -> dict[str, tuple[AtTheDesk, tuple[ListEntry, ...]]]:
    """Of each episode that the desk has something of: what its row says, and its entries."""
    found = {}
    for episode, one in changes.items():
        after = one.after
        if one.own or after.conflicts or after.authorizations or after.ineffective or one.row.listed:
            own = one.own or NOTHING_SAID
            lines = entries(one.after, own, rules)
            search = own.latest
            starts = [e.content["start_date"] for e in lines if e.kind == "placement" and e.state == "placed"]
            told = DeskNow(
                "open" if search and search.state is SearchState.OPEN else None,
                date.fromisoformat(min(starts)) if starts else None,
                search.closed_at if search and search.reason == "patient-declined" else None,
            )
            found[episode] = (AtTheDesk(bool(own), mark(lines), told), lines)
    return found


async def _save(
    connection: Connection,
    changes: Mapping[str, EpisodeChange],
    made: Sequence[Outcome],
    lists: Mapping[str, tuple[AtTheDesk, tuple[ListEntry, ...]]],
    told: Sequence[audit.Entry],
) -> None:
    periods = {one.saved.episode_id: one.sent for one in made if one.sent}
    opened = {period for one in made for period in one.opened}
    writes = (
        *store.keeping(chain((f for one in changes.values() for f in one.new), (f for one in made for f in one.own))),
        *store.saving([one.saved for one in made]),
        *store.keeping_periods(periods, opened),
        *audit.noting(told),
        *outbox.sending(connection, [record for one in made for record in one.records]),
        *store.keeping_stays(_moved(changes)),
    )
    await at_once(connection, writes)
    held_now = {episode: claims(one.own.seats) for episode, one in changes.items() if one.own and _moved_a_seat(one)}
    askers = {seat: asker for one in changes.values() if one.own for seat, asker in seats_asked_for(one.own).items()}
    await desk_store.put_seats(connection, held_now, askers)
    changed = {e: lines for e, (desk, lines) in lists.items() if desk.listed != changes[e].row.listed}
    await desk_store.put_entries(connection, changed)


def _moved(changes: Mapping[str, EpisodeChange]) -> dict[str, tuple[Presence, ...]]:
    """Episode → where its stays are now, of those of which something else is written, or by an older fold."""
    found = {}
    for episode, one in changes.items():
        there = presences(one.after)
        outdated = one.row.version and one.row.fold_version != FOLD_VERSION
        if outdated or there != presences(one.before):
            found[episode] = there
    return found


def _moved_a_seat(one: EpisodeChange) -> bool:
    return any(f.writer == WRITER and f.name in {"seat-held", "seat-released"} for f in (*one.new, *one.stated))
