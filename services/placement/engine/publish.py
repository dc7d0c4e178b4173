"""From changed folds to what is stored and sent: facts that follow, seats, list entries, announcements, service
periods.

Every change of an episode ends here, in the caller's transaction: facts from Kafka, people's requests, timers, folding
anew. Order of locks: the caller has locked the episodes, programs are locked here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from itertools import chain

from services.placement.billing.model import PeriodKey, SentPeriod
from services.placement.clock.courses import concerns
from services.placement.continuum.about import about
from services.placement.continuum.document import DeskNow
from services.placement.continuum.fold import advance, fold
from services.placement.continuum.model import FOLD_VERSION
from services.placement.engine import store
from services.placement.engine.change import NOTHING_SAID, EpisodeChange, Publishing
from services.placement.engine.merging import keep_in_step
from services.placement.engine.outcome import NOTHING, WRITER, AtTheDesk, Outcome, by_the_same, outcome
from services.placement.programs import daily_visits
from services.placement.programs.askers import seats_asked_for
from services.placement.programs.census import Place, Presence, presences, present_from
from services.placement.programs.consequences import SeatNeeded
from services.placement.programs.following import (
    follows,
    seats_wanted,
)
from services.placement.programs.seats import Claim, Headcount, Seats, claims, held, may_claim
from services.placement.rules import Rules
from services.placement.search.ahead import proposed
from services.placement.search.entry import ListEntry
from services.placement.search.referred import needs_referred
from services.placement.search.searches import DESK, DeskFacts, Search
from services.placement.worklists import store as desk_store
from services.placement.worklists import views
from services.placement.worklists.entries import entries, listed_from, mark
from shared.cooperate import in_turns
from shared.errors import Rejected, SetUpError
from shared.events.base import CareFact, type_name
from shared.events.episodes import SearchNow
from shared.events.placing import Seat, SeatHeld, SeatReleased
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.messaging import outbox
from shared.storage import audit
from shared.storage.database import Connection
from shared.storage.statements import Append, SqlWrite, Writes, at_once, meanwhile
from shared.values import replace

ACTOR = "placement"
Write = Callable[[Connection, Iterable[SqlWrite | Append]], Awaitable[None]]
_SEATS = frozenset({type_name(SeatHeld.TYPE), type_name(SeatReleased.TYPE)})
PART = 100
"""So many episodes of a large batch are written at a time, while the outcome of the next ones is worked out."""
ROUNDS = 8
"""Facts that follow from facts that followed end after two or three rounds; so many mean that two rules undo each
other."""


async def publish(
    connection: Connection,
    changes: Mapping[str, EpisodeChange],
    by: Publishing,
    entries_of_audit: list[audit.Entry],
    write: Write = at_once,
) -> None:
    """State the facts that follow from these changes, store the new state, and put into the outbox what differs from
    what went out before: own facts, service periods, and the episodes. `entries_of_audit`: to store with it; `write`:
    `at_the_end` where nothing more is read in the transaction."""
    if any(one.row.kin for one in changes.values()):
        changes = await keep_in_step(connection, changes, by)
    earlier = await store.earlier(connection, _to_be_read(changes))
    await _state_what_follows(connection, changes, earlier.of_the_desk, by)
    await _claim_seats(connection, changes, by)
    lists = _lists(changes, by.rules)
    made: list[Outcome] = []
    left = dict(changes)
    async with meanwhile(connection) as begin_to_write:
        async for episode, one in in_turns(changes.items(), most=10):
            desk = lists[episode][0] if episode in lists else NOTHING
            made.append(_outcome(one, earlier.sent, desk, by))
            if len(made) % PART == 0 and len(made) < len(changes):
                part = {each.saved.episode_id: left.pop(each.saved.episode_id) for each in made[-PART:]}
                await begin_to_write(_kept(part, made[-PART:], lists))
        number = sum(len(one.own) for one in made)
        stated = [audit.Entry(by.now, ACTOR, "facts-stated", "care.events", times=number)] if number else []
        writes = [
            *_kept(left, made[len(made) - len(left) :], lists),
            *audit.noting([*entries_of_audit, *stated]),
            *outbox.sending(connection, [record for one in made for record in one.records]),
        ]
    await write(connection, writes)
    await _keep_seats(connection, changes)


def _outcome(
    one: EpisodeChange, sent: Mapping[str, Mapping[PeriodKey, SentPeriod]], desk: AtTheDesk, by: Publishing
) -> Outcome:
    """What to store and send of one episode; `sent`: by episode, the latest versions of its periods."""
    return outcome(
        one.row,
        one.before,
        one.after,
        one.seen,
        sent=sent.get(one.row.episode_id, {}),
        rules=by.rules,
        provenance=by.telling(one),
        desk=desk,
        stated=one.stated,
        new=one.new,
        before_the_merge=partial(_before_the_merge, one, sent) if one.origins else None,
    )


def _to_be_read(changes: Mapping[str, EpisodeChange]) -> list[store.LockedEpisode]:
    """The rows of which it is read what was stated and sent before: those of the changes, and of episodes of which they
    have copies."""
    rows = {episode: one.row for episode, one in changes.items()}
    for one in changes.values():
        for retired, _ in one.origins.values():
            if one.row.kin and retired not in rows:
                rows[retired] = one.row.kin.rows[retired]
    return list(rows.values())


def _before_the_merge(
    change: EpisodeChange, sent: Mapping[str, Mapping[PeriodKey, SentPeriod]], key: PeriodKey
) -> str | None:
    """The id of the period of the retired episode that a period of the surviving one takes the place of."""
    retired, root = change.origins.get(key.root, ("", ""))
    was = sent.get(retired, {}).get(PeriodKey(key.kind, key.stay, root))
    return was.period_id if was else None


async def _state_what_follows(
    connection: Connection, changes: Mapping[str, EpisodeChange], stored: Mapping[str, Sequence[Fact]], by: Publishing
) -> None:
    """State the facts that follow from the changes, and from these facts, until none do; `stored`: by episode, its
    facts of the desk from before. Raises SetUpError after ROUNDS."""
    _gather_desk_facts(changes, stored, by.rules)
    left = [one for one in changes.values() if one.own is not None]
    for _ in range(ROUNDS):
        moved = []
        for one in left:
            want = one.desired_searches(by.rules.policy)
            values = follows(one.at_the_desk, want, by.rules, by.now, by.ids)
            if values:
                moved.append((one, one.state(values, by.telling(one))))
        if not moved:
            return
        await _add_to_folds(connection, moved, by.rules)
        left = [one for one, _ in moved]
    raise SetUpError("what follows at the desk does not come to an end: two rules undo each other")


def _gather_desk_facts(
    changes: Mapping[str, EpisodeChange], stored: Mapping[str, Sequence[Fact]], rules: Rules
) -> None:
    """Give each episode that the desk has to do with its facts of the desk: those from before and those of this
    transaction."""
    for episode, one in changes.items():
        own = [fact for fact in (*one.new, *one.stated) if fact.writer == WRITER and fact.name in DESK]
        if one.row.desk or own or one.desired_searches(rules.policy) or daily_visits.concerns(one.after, rules):
            known = {fact.id: fact for fact in (*stored.get(episode, ()), *own)}
            one.own = DeskFacts.of(known.values())
            if one.after.merged:
                one.own = one.own.without_merged(one.after.retiring)


async def _add_to_folds(
    connection: Connection, moved: Sequence[tuple[EpisodeChange, tuple[Fact, ...]]], rules: Rules
) -> None:
    """Add facts that were just stated to the folds; fold all facts of an episode where that is not possible."""
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


async def _claim_seats(connection: Connection, changes: Mapping[str, EpisodeChange], by: Publishing) -> None:
    """Claim seats for stays and placements that stand again, where there is room; where there is none, a worklist shows
    it."""
    wants = [(one, want) for one in changes.values() if one.own for want in seats_wanted(one.at_the_desk, by.now)]
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
    """The claim to make and the numbers that it rests on: the seat that the stay had, without a gap, else one from now
    on; None where there is no room."""
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
    """The capacities of a program and its groups. Raises KeyError where the site has no such program."""
    program = rules.site.program(name)
    if program is None:
        raise KeyError(name)
    return Seats(program.id, program.capacity, {group.id: group.capacity for group in program.groups})


def _lists(changes: Mapping[str, EpisodeChange], rules: Rules) -> dict[str, tuple[AtTheDesk, tuple[ListEntry, ...]]]:
    """Episode → what its row says of the desk, and its list entries; of the episodes that have any or had some. Where
    nothing has changed that they are made from, the digest says that they are the same, and they are not made."""
    found: dict[str, tuple[AtTheDesk, tuple[ListEntry, ...]]] = {}
    for episode, one in changes.items():
        after = one.after
        if one.own is None and by_the_same(one.row, rules) and listed_from(one.before) == listed_from(after):
            found[episode] = (AtTheDesk(listed=one.row.listed), ())
            continue
        without_desk = after.conflicts or after.authorizations or after.ineffective or after.arrivals
        if one.own or without_desk or after.leftovers or proposed(after) or one.row.listed or concerns(after, rules):
            own = one.own or NOTHING_SAID
            lines = entries(one.after, own, rules)
            latest, searching = own.latest, own.open
            starts = _first_days(lines, "placed")
            missed = _first_days(lines, "missed") if not starts else []
            told = DeskNow(
                "open" if searching else None,
                date.fromisoformat(min(starts)) if starts else None,
                latest.closed_at if latest and latest.reason == "patient-declined" else None,
                tuple([_searching(one) for one in searching]) or None,
                date.fromisoformat(max(missed)) if missed else None,
                needs_referred(own.searches, after, rules.site) or None,
            )
            found[episode] = (AtTheDesk(bool(own), mark(lines), told), lines)
    return found


def _first_days(lines: Sequence[ListEntry], state: str) -> list[str]:
    return [e.content["start_date"] for e in lines if e.kind == "placement" and e.state == state]


def _searching(search: Search) -> SearchNow:
    level, facility = search.recommended_level, search.facility
    return SearchNow(search_id=search.search_id, level=level, facility=facility, ready_on=search.ready_on)


def _kept(
    changes: Mapping[str, EpisodeChange],
    made: Sequence[Outcome],
    lists: Mapping[str, tuple[AtTheDesk, tuple[ListEntry, ...]]],
) -> Writes:
    """The writes that store these changes; `made`: their outcomes, `lists`: of all changes."""
    periods = {one.saved.episode_id: one.sent for one in made if one.sent}
    opened = {period for one in made for period in one.opened}
    listed = {episode: lists[episode] for episode in changes if episode in lists}
    relisted = {e: lines for e, (desk, lines) in listed.items() if desk.listed != changes[e].row.listed}
    return [
        *store.keeping(chain((f for one in changes.values() for f in one.new), (f for one in made for f in one.own))),
        *store.saving([one.saved for one in made]),
        *store.keeping_periods(periods, opened),
        *store.keeping_stays(_moved(changes)),
        *desk_store.keeping_entries(relisted),
    ]


async def _keep_seats(connection: Connection, changes: Mapping[str, EpisodeChange]) -> None:
    own = {episode: one.own for episode, one in changes.items() if one.own is not None and _changes_seats(one)}
    if own:
        askers = {seat: asker for each in own.values() for seat, asker in seats_asked_for(each).items()}
        held_now = {episode: claims(each.seats) for episode, each in own.items()}
        await desk_store.put_seats(connection, held_now, askers)


def _moved(changes: Mapping[str, EpisodeChange]) -> dict[str, tuple[Presence, ...]]:
    """Episode → its times at programs, where these have changed or an older version of the fold made them."""
    found = {}
    for episode, one in changes.items():
        outdated = one.row.version and one.row.fold_version != FOLD_VERSION
        if not outdated and present_from(one.before) == present_from(one.after):
            continue
        there = presences(one.after)
        if outdated or there != presences(one.before):
            found[episode] = there
    return found


def _changes_seats(one: EpisodeChange) -> bool:
    if one.before.merged != one.after.merged:
        return True
    return any(f.writer == WRITER and _about_a_seat(f.value) for f in (*one.new, *one.stated))


def _about_a_seat(value: CareFact) -> bool:
    return isinstance(value, Seat) or (isinstance(value, FactCancelled) and value.cancelled_type in _SEATS)
