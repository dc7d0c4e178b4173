"""Derives the facts of a visit from all of its messages, and chooses the episode that a visit belongs to.

Pure: time, ids and site config come in. Sources: contract 3.6 rules 2, 7, 12 and section 6; IHE ITI-31.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Literal, NamedTuple

from msgspec import structs

from services.intake.hl7.model import SiteMap, VisitMessage
from services.intake.visits.cancels import ASKS, TOOK_EFFECT, EffectiveStatements, effective_statements
from services.intake.visits.desired import DesiredFact, FactKey
from services.intake.visits.difference import ActiveFact, difference
from services.intake.visits.facts import other_facts, stay_facts
from services.intake.visits.moves import Walk, walk
from services.intake.visits.order import as_said
from services.intake.visits.place_told import walked_with_places
from services.intake.visits.plans import Arrivals, arrivals, plans
from services.intake.visits.repetition import REPEATED, repeated
from services.intake.visits.stays import Stay
from services.intake.visits.superseded import ENOUGH, DerivedSoFar, superseded
from services.intake.visits.updates import Update, amended, stay_of
from services.intake.visits.whole_visits import expanded
from shared.events.planning import DischargePlanCancelled
from shared.events.stays import Admitted, VisitStarted

__all__ = [
    "ActiveFact",
    "Derived",
    "DesiredFact",
    "FactKey",
    "KnownEpisode",
    "Note",
    "choose_episode",
    "derive",
    "difference",
]

Effect = Literal["applied", "no-effect", "waiting", "unmapped", "taken-back", "kept", "place-differs"]
PLACE_DIFFERS: Effect = "place-differs"
"""What became of a message that tells another place or class than the one in force; `transferred`: it is a transfer."""
_AMENDABLE = frozenset({"admitted", "discharged", "visit-ended"})
"""The facts of a stay with fields that an update may change."""
_WAITS = frozenset({"waiting", "not-on-leave", ASKS})
"""The reasons of messages that wait for another message or for a person; any other means that the message has no
effect."""


class Note(NamedTuple):
    """What became of one message, and the reason where it waits or has no effect.

    `kept`: it states nothing of a visit (A28, merges, what is only kept).
    """

    message_id: str
    effect: Effect
    reason: str | None = None


class Derived(NamedTuple):
    """The facts that ought to stand, stay by stay in clinical order, and a note for each message in the order said.

    `unmapped`: codes of the messages that are in no table of the site, as `kind field code`; only `meant_by` fills it.
    `said_until`: when the last of the messages was said; None where there is none.
    """

    facts: tuple[DesiredFact, ...]
    notes: tuple[Note, ...]
    unmapped: tuple[str, ...] = ()
    said_until: datetime | None = None
    superseded: frozenset[str] = frozenset()
    """Ids of updates that say nothing that later ones do not say again (superseded.py)."""
    was_superseded: frozenset[str] | None = None
    """Those that are noted so, where the messages are not at hand any more."""


class KnownEpisode(NamedTuple):
    """An episode of the patient: `ended_at` is its last known end, None while it is open; `begun_at` None: unknown."""

    episode_id: str
    ended_at: datetime | None
    begun_at: datetime | None = None


def derive(visit: str, messages: Iterable[VisitMessage], site: SiteMap) -> Derived:
    """The facts that all messages of one visit mean together, and what became of each, in whatever order they came.

    `visit` is the visit's id (`visit_id`); its stays are `visit`, `visit#2`, … (contract 3.6 rule 2).
    """
    said = as_said(messages)
    whole = False
    for one in said:
        if one.adt.whole is not None:
            said, whole = expanded(said), True
            break
    effective = effective_statements(said, site)
    walked, differing = walked_with_places(effective, walk(effective.live), site)
    stays = {update.turn: stay_of(update, walked.stays) for update in effective.updates}
    again = repeated(said, stays)
    updates = {one.turn: (one, stays[one.turn]) for one in effective.updates if one.turn not in again}
    expected = _expected(visit, effective, walked, site) if effective.arrivals else _NOBODY
    facts = list(expected.facts)
    for stay in walked.stays:
        stay_id = visit if stay.number == 1 else f"{visit}#{stay.number}"
        own = [update for update, of in updates.values() if of is stay and not _too_late(update, stay)]
        facts += stay_facts(stay, stay_id, own, site)
        facts += other_facts(stay, stay_id, own, site)
    if facts and (said[0].adt.by_account or not said[0].adt.visit_number):
        facts = _numbered(facts, said)
    moved = {step.statement.turn for stay in walked.stays for step in stay.steps}
    became = _Became(effective, walked, updates, expected, moved, differing, again)
    notes = tuple([Note(one.message_id, *became.of(turn, facts)) for turn, one in enumerate(said)])
    notes = _one_each(notes) if whole else notes
    gone: frozenset[str] = frozenset()
    if len(effective.updates) >= ENOUGH and not whole:
        gone = superseded(DerivedSoFar(effective, walked.stays, facts, again, differing), site)
    return Derived(tuple(facts), notes, said_until=said[-1].adt.stated_at if said else None, superseded=gone)


_MOST_FIRST: tuple[Effect, ...] = ("applied", "place-differs", "unmapped", "waiting", "no-effect", "taken-back", "kept")


def _one_each(notes: Iterable[Note]) -> tuple[Note, ...]:
    """One note for each message, where some make several statements: that of the statement that did most."""
    found: dict[str, Note] = {}
    for one in notes:
        before = found.get(one.message_id)
        if before is None or _MOST_FIRST.index(one.effect) <= _MOST_FIRST.index(before.effect):
            found[one.message_id] = one
    return tuple(found.values())


class _Became(NamedTuple):
    """What the messages of a visit came to. `moved`: turns of those that are a step of a stay; `differing`: of those
    that tell another place than the one in force; `again`: of updates that repeat the one before."""

    effective: EffectiveStatements
    walked: Walk
    updates: Mapping[int, tuple[Update, Stay | None]]
    expected: Arrivals
    moved: set[int]
    differing: set[int]
    again: Collection[int]

    def of(self, turn: int, facts: list[DesiredFact]) -> tuple[Effect, str | None]:
        """What became of one message."""
        if turn in self.differing:
            return PLACE_DIFFERS, "transferred" if turn in self.moved else None
        if turn not in self.effective.cancels and self.effective.amended.get(turn) != "":
            if turn in self.again:
                return "no-effect", REPEATED
            if turn in self.updates:
                return _updated(*self.updates[turn], facts)
        return _became(turn, self.effective, self.walked, self.expected, moved=turn in self.moved)


def _became(
    turn: int, effective: EffectiveStatements, walked: Walk, expected: Arrivals, *, moved: bool
) -> tuple[Effect, str | None]:
    """What became of a message that is no update; `moved`: it is a step of a stay."""
    if turn in effective.cancels:
        return _effect(_unmapped(walked, turn) or effective.cancels[turn])
    if turn in effective.amended:
        return "applied", None
    if turn in expected.reasons:
        return _effect(expected.reasons[turn])
    if turn in effective.taken_back:
        return "taken-back", None
    if turn in walked.reasons:
        return _effect(walked.reasons[turn])
    return ("applied" if moved else "kept"), None


_NOBODY = Arrivals([], {})


def _expected(visit: str, effective: EffectiveStatements, walked: Walk, site: SiteMap) -> Arrivals:
    """The arrivals that are expected, with what updates say of them."""
    said = sorted([*effective.arrivals, *effective.updates], key=itemgetter(0))
    return arrivals(visit, said, walked.stays, site)


def _too_late(update: Update, stay: Stay) -> bool:
    """Whether an update plans the end of a stay, or calls that off, after the end."""
    if stay.state != "ended" or not plans(update.said.adt):
        return False
    return update.said.adt.event.start > stay.steps[-1].at


def _numbered(facts: list[DesiredFact], said: Sequence[VisitMessage]) -> list[DesiredFact]:
    """The facts of a visit that was known by its account, or by nothing, at first: its starts with the visit number
    that was told first."""
    told = (one.adt.visit_number for one in said if one.adt.visit_number and not one.adt.by_account)
    number = next(told, None)
    if number is None:
        return facts
    own = {one.message_id for one in said if one.adt.visit_number and not one.adt.by_account}
    return [
        fact._replace(value=structs.replace(fact.value, visit_number=number))
        if isinstance(fact.value, Admitted | VisitStarted) and fact.said_by not in own
        else fact
        for fact in facts
    ]


def choose_episode(admitted_at: datetime, known: Iterable[KnownEpisode], limit_days: int = 30) -> str | None:
    """The episode that a visit belongs to, chosen once (contract 3.6 rule 12); None begins a new one.

    An open episode, else the one that ended last, at most `limit_days` calendar days before it.
    Where an episode's beginning is known, a visit more than `limit_days` before that is not of it.
    """
    day = admitted_at.date()

    def near(one: KnownEpisode) -> bool:
        zone = admitted_at.tzinfo
        since = None if one.ended_at is None else (day - one.ended_at.astimezone(zone).date()).days
        until = None if one.begun_at is None else (one.begun_at.astimezone(zone).date() - day).days
        return (since is None or since <= limit_days) and (until is None or until <= limit_days)

    found = [one for one in known if near(one)]
    still_open = [one for one in found if one.ended_at is None]
    if still_open:
        return min(still_open, key=lambda one: (one.begun_at or admitted_at, one.episode_id)).episode_id
    ended = [(one.ended_at, one.episode_id) for one in found if one.ended_at is not None]
    return max(ended)[1] if ended else None


def _updated(update: Update, stay: Stay | None, facts: list[DesiredFact]) -> tuple[Effect, str | None]:
    """What became of an update: applied where it changed a fact or was the first to tell one."""
    told = any(fact.said_by == update.said.message_id for fact in facts)
    if stay is None:
        return ("applied", None) if told else ("waiting", "waiting")
    if _too_late(update, stay):
        return "no-effect", "plan-over"
    if update.said.adt.means.cancels and not told:
        off = any(fact.key[0] == DischargePlanCancelled.TYPE for fact in facts)
        return ("no-effect", "already-told") if off else ("waiting", "waiting")
    steps = (step.statement for step in stay.steps if step.fact in _AMENDABLE)
    changed = any(amended(one, [update])[1] is update.said for one in steps)
    return ("applied", None) if changed or told else ("no-effect", "already-told")


def _unmapped(walked: Walk, turn: int) -> str:
    """`unmapped` for a cancel that is also a transfer (A12, A13) to a unit that is not mapped; else ""."""
    return "unmapped" if walked.reasons.get(turn) == "unmapped" else ""


def _effect(reason: str) -> tuple[Effect, str | None]:
    """What became of a message that did nothing for this reason; "": it was applied."""
    if reason in TOOK_EFFECT:
        return "applied", reason or None
    if reason == "unmapped":
        return "unmapped", None
    return ("waiting" if reason in _WAITS else "no-effect"), reason
