"""Whether aftercare's tables hold what is promised (contract 5), for `stepdown verify`; reads, changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, NamedTuple

from services.aftercare.decisions import own_facts
from services.aftercare.decisions import windows as model
from services.aftercare.decisions.own_facts import ActiveFact
from services.aftercare.engine import views
from services.aftercare.engine.derive import derive
from services.aftercare.referrals import referrals
from services.aftercare.windows.marks import marks
from services.aftercare.worklists.entries import Entry, entries
from shared.clock import Clock
from shared.errors import SetUpError
from shared.events.episodes import EpisodeState, read_episode
from shared.events.follow_ups import FollowUpMissed
from shared.messaging.positions import counted
from shared.site.config import Site
from shared.storage.database import Connection, Database

PAGE = 1000


class Broken(NamedTuple):
    """A promise that isn't kept: which, of what (an episode's id, a consumer's name), and how."""

    promise: str
    subject: str
    text: str


async def broken(connection: Connection, site: Site, clock: Clock) -> list[Broken]:
    """Everything that isn't as promised; empty when all is well. Episodes page by page."""
    found = [
        Broken("positions-add-up", f"{row['consumer']}/{row['partition']}", "the counts do not add up to received")
        for row in await views.where_consumers_stand(connection)
        if not counted(row)
    ]
    after = ""
    while page := await views.episodes_after(connection, after, PAGE):
        after = page[-1]["episode_id"]
        found += await _broken_in(connection, page, site, clock)
    return found


async def _broken_in(connection: Connection, page: Sequence[dict[str, Any]], site: Site, clock: Clock) -> list[Broken]:
    ids = [row["episode_id"] for row in page]
    facts, rows, listed = (
        _by_episode(await views.facts_of(connection, ids)),
        _by_episode(await views.windows_of(connection, ids)),
        _by_episode(await views.entries_of(connection, ids)),
    )
    found = []
    for row in page:
        episode_id = row["episode_id"]
        whole = _Whole(row, facts[episode_id], rows[episode_id], listed[episode_id], site, clock)
        found += [Broken(promise, episode_id, text) for promise, text in _of_one(whole)]
    return found


def _by_episode(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["episode_id"]].append(row)
    return found


class _Whole(NamedTuple):
    """All that is held of one episode, and what it is judged by."""

    row: dict[str, Any]
    facts: list[dict[str, Any]]
    windows: list[dict[str, Any]]
    entries: list[dict[str, Any]]
    site: Site
    clock: Clock


def _of_one(whole: _Whole) -> Iterator[tuple[str, str]]:
    row, facts = whole.row, whole.facts
    if [f["sequence"] for f in facts] != list(range(1, row["sequence"] + 1)):
        yield "sequences-have-no-gap", "aftercare's own facts are not numbered 1, 2, 3… up to the row's sequence"
    said = {f["ce_id"] for f in facts if f["stands"]}
    if said != set(_standing_by_the_log(facts)):
        yield "taken-back-is-gone", "a fact stands that was cancelled or replaced, or one fell that was not"
    stands = tuple(ActiveFact(f["sequence"], f["ce_id"], f["name"], f["value"]) for f in facts if f["stands"])
    if {r["follow_up_id"]: r["state"] for r in whole.windows} != {k: w.state for k, w in model.rows(stands).items()}:
        yield "lists-are-the-facts", "the list of windows differs from the facts that stand"
    if any(referral.illegal for referral in referrals.fold(stands).values()):
        yield "moves-are-the-table-s", "a referral made a move that its state does not have"
    if row["site_version"] != whole.site.version:
        yield "windows-follow-the-stays", "decided under another site config; start aftercare to have it decided anew"
    elif row["document"] is not None:
        yield from _by_document(read_episode(row["document"]), stands, whole)


def _standing_by_the_log(facts: Sequence[dict[str, Any]]) -> Iterator[str]:
    gone = {f["value"].get("cancels") or f["value"].get("replaces") for f in facts}
    return (f["ce_id"] for f in facts if f["ce_id"] not in gone and f["name"] != "fact-cancelled")


def _by_document(document: EpisodeState, stands: tuple[ActiveFact, ...], whole: _Whole) -> Iterator[tuple[str, str]]:
    """Derived facts that stand are those that the stays and what people told give; a missed one belongs to a window
    that is over and was not kept; lists are folded from the facts."""
    now, decided = whole.clock(), marks((f["name"], f["value"]) for f in whole.facts)
    try:
        derived = derive(document, stands, decided, site=whole.site, now=now)
        listed = entries(document, stands, whole.site)
    except SetUpError:
        yield "windows-follow-the-stays", "site config does not have a facility of this episode"
        return
    if own_facts.difference(stands, derived.facts):
        yield "windows-follow-the-stays", "the facts that stand are not those that the episode's stays give"
    over = {window.follow_up_id for window in derived.windows if window.over_at <= now}
    missed = {s.value["follow_up_id"] for s in stands if s.name == FollowUpMissed.TYPE}
    if missed - over:
        yield "missed-is-over", "a window is told missed before its last day was over"
    shown = {r["id"]: (r["kind"], r["facility"], r["state"], r["sort_at"], r["value"]) for r in whole.entries}
    if shown != {each.id: _shown(each) for each in listed}:
        yield "lists-are-the-facts", "a list of plans, referrals, contacts or risks differs from the facts that stand"


def _shown(entry: Entry) -> tuple[Any, ...]:
    return entry.kind, entry.facility, entry.state, entry.sort_at, entry.value


def stated(database: Database) -> AsyncIterator[tuple[str, str, int, str]]:
    """(writer, episode, sequence, ce_id) of every fact that aftercare stated, those of an episode in order."""
    return database.rows(views.ALL_FACTS)


def told(database: Database) -> AsyncIterator[tuple[str, int]]:
    """(episode, version) of every document that was taken in."""
    return database.rows(views.ALL_TOLD)
