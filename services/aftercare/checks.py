"""Read-only checks that aftercare's tables keep the invariants of contract 5, for `stepdown verify`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from services.aftercare.decisions import own_facts
from services.aftercare.decisions import windows as model
from services.aftercare.decisions.merges import counting
from services.aftercare.decisions.windows import Outcome
from services.aftercare.engine import merging, store, views
from services.aftercare.engine.derive import derive
from services.aftercare.engine.views import KeptFact, StoredEntry, StoredEpisode
from services.aftercare.referrals import referrals
from services.aftercare.windows.marks import marks
from services.aftercare.worklists.entries import VALUES, Entry, entries
from services.aftercare.worklists.listed import ListedWindow
from shared.clock import Clock
from shared.errors import SetUpError
from shared.events.episodes import EpisodeState, read_episode
from shared.events.follow_ups import FollowUpMissed
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts
from shared.site.config import Site
from shared.storage.database import Connection, Database

PAGE = 1000
_Row = TypeVar("_Row", StoredEntry, ListedWindow)


class Broken(NamedTuple):
    """One broken invariant: its name, what it is broken for (an episode's id or a consumer's name), and a sentence."""

    promise: str
    subject: str
    text: str


async def broken(connection: Connection, site: Site, clock: Clock) -> list[Broken]:
    """Check all of aftercare's tables, 1,000 episodes at a time; returns what is broken, an empty list when all is
    well."""
    found = [
        Broken("positions-add-up", name, "the counts do not add up to received")
        for name in await views.miscounted(connection)
    ]
    after = ""
    while page := await views.episodes_after(connection, after, PAGE):
        after = page[-1].episode_id
        found += await _broken_in(connection, page, site, clock)
    return found


async def _broken_in(connection: Connection, page: Sequence[StoredEpisode], site: Site, clock: Clock) -> list[Broken]:
    ids = [row.episode_id for row in page]
    facts, rows, listed = (
        await views.facts_of(connection, ids),
        _by_episode(await views.windows_of(connection, ids)),
        _by_episode(await views.entries_of(connection, ids)),
    )
    stored = await store.stored_of(connection, ids)
    decided = await merging.decided(connection, stored, site)
    found = []
    for row in page:
        episode_id = row.episode_id
        of_people = marks(decided[episode_id])
        whole = _Whole(row, facts[episode_id], rows[episode_id], listed[episode_id], of_people, site, clock)
        found += [Broken(promise, episode_id, text) for promise, text in _of_one(whole)]
    for surviving in await merging.out_of_step(connection, stored, site, clock()):
        found.append(Broken("copies-are-what-stands", surviving, "its copies are not what stands in a merged episode"))
    return found


def _by_episode(rows: Sequence[_Row]) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        found[row.episode_id].append(row)
    return found


class _Whole(NamedTuple):
    """One episode's row, facts, windows and list entries, and what people decided of windows, with the site config and
    the clock they are checked by."""

    row: StoredEpisode
    facts: list[KeptFact]
    windows: list[ListedWindow]
    entries: list[StoredEntry]
    decided: dict[str, Outcome]
    site: Site
    clock: Clock


def _of_one(whole: _Whole) -> Iterator[tuple[str, str]]:
    row, facts = whole.row, whole.facts
    if [each.fact.sequence for each in facts] != list(range(1, row.sequence + 1)):
        yield "sequences-have-no-gap", "aftercare's own facts are not numbered 1, 2, 3… up to the row's sequence"
    stands = tuple(each.fact for each in facts if each.stands)
    if {fact.id for fact in stands} != set(_standing_by_the_log([each.fact for each in facts])):
        yield "taken-back-is-gone", "a fact stands that was cancelled or replaced, or one fell that was not"
    windows = {key: model.state_of(window) for key, window in model.rows(stands).items()}
    if {row.follow_up_id: row.state for row in whole.windows} != windows:
        yield "lists-are-the-facts", "the list of windows differs from the facts that stand"
    document = read_episode(row.document) if row.document is not None else None
    if any(referral.illegal for referral in referrals.fold(counting(stands, document)).values()):
        yield "moves-are-the-table-s", "a referral made a move that its state does not have"
    if row.site_version != whole.site.version:
        yield "windows-follow-the-stays", "decided under another site config; start aftercare to have it decided anew"
    elif document is not None:
        yield from _by_document(document, stands, whole)


def _standing_by_the_log(facts: Sequence[Fact]) -> Iterator[str]:
    gone = OwnFacts(facts).fallen
    return (fact.id for fact in facts if fact.id not in gone and not isinstance(fact.value, FactCancelled))


def _by_document(document: EpisodeState, stands: tuple[Fact, ...], whole: _Whole) -> Iterator[tuple[str, str]]:
    """Compare with what the episode's document gives: derived facts equal those that the rules derive from it, a missed
    window is over, and list entries equal those computed from the facts. Yields (invariant, sentence) for each
    breakage."""
    now, counted = whole.clock(), counting(stands, document)
    try:
        derived = derive(document, counted, whole.decided, site=whole.site, now=now)
        listed = entries(document, counted, whole.site)
    except SetUpError:
        yield "windows-follow-the-stays", "site config does not have a facility of this episode"
        return
    if own_facts.difference(stands, derived.facts):
        yield "windows-follow-the-stays", "the facts that stand are not those that the episode's stays give"
    over = {window.follow_up_id for window in derived.windows if window.over_at <= now}
    missed = {told.follow_up_id for fact in stands if isinstance(told := fact.value, FollowUpMissed)}
    if missed - over:
        yield "missed-is-over", "a window is told missed before its last day was over"
    if {row.id: _shown(row) for row in whole.entries} != {each.id: _would_show(each) for each in listed}:
        yield "lists-are-the-facts", "a list of plans, referrals, contacts or risks differs from the facts that stand"


def _shown(row: StoredEntry) -> tuple[object, ...]:
    """A stored list entry in a form that can be compared. The value is compared as JSON bytes: in the hour that a
    zone's clocks go through twice, Python holds equal instants with different offsets unequal (PEP 495)."""
    try:
        value = msgspec.json.encode(msgspec.convert(row.value, VALUES[row.kind]))
    except msgspec.ValidationError:
        value = b"what nobody can read"
    return row.kind, row.facility, row.state, row.sort_at, value


def _would_show(entry: Entry) -> tuple[object, ...]:
    return entry.kind, entry.facility, entry.state, entry.sort_at, msgspec.json.encode(entry.value)


def stated(database: Database) -> AsyncIterator[tuple[str, str, int, str]]:
    """(writer, episode, sequence, ce_id) of every fact that aftercare stated, in the order of the sequences in an
    episode."""
    return database.rows(views.ALL_FACTS)


def told(database: Database) -> AsyncIterator[tuple[str, int]]:
    """(episode, version) of the newest care.episodes document that aftercare holds of each episode."""
    return database.rows(views.ALL_TOLD)
