"""What people stated while another patient's records counted in an episode, and what hangs on the records of neither
once the merge is taken back (contract 3.6 rule 11). Pure.

A contact or an appointment stays where it was recorded until a person says whose it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.aftercare.decisions.commands import SayWhose
from services.aftercare.decisions.merges import about, given_to, home_of
from services.aftercare.decisions.own_facts import derived
from services.aftercare.decisions.situation import Decided, Situation
from shared.errors import Rejected
from shared.events.episodes import EpisodeState, MergeBefore
from shared.events.merging import LeftoverSettled
from shared.facts.envelope import Fact


class Leftover(NamedTuple):
    """Facts about one thing, such as an appointment and the contact that kept it, oldest first; `kept`: a person said
    that they stay."""

    facts: tuple[Fact, ...]
    merge: MergeBefore
    kept: bool

    @property
    def id(self) -> str:
        """The ce_id of the first of them."""
        return self.facts[0].id


def leftovers(document: EpisodeState, standing: Sequence[Fact]) -> tuple[Leftover, ...]:
    """What merges that were taken back left in this episode, by sequence. `standing`: all facts that stand there.

    What one facility recorded is left by its own merges alone: another's concern none of its records (contract 5.10).
    """
    if not document.ended_merges:
        return ()
    by_rule = {fact.id for fact in derived(standing)}
    mine = {name for fact in standing if fact.id in by_rule and not fact.copy_of for name in about(fact.value)}
    kept = set(given_to(standing, None))
    found: list[tuple[set[str], list[Fact], MergeBefore]] = []
    for fact in standing:
        if fact.id in by_rule or fact.copy_of or isinstance(fact.value, LeftoverSettled):
            continue
        if home_of(fact.value, document) is not None:
            continue
        names, at = about(fact.value), fact.value.recorded_at
        group = next((one for one in found if one[0] & names), None)
        here = (one for one in document.ended_merges if one.facility == fact.value.facility)
        merge = next((one for one in here if one.since <= at < one.until), None)
        if group is not None:
            group[0].update(names)
            group[1].append(fact)
        elif merge is None or names & mine:
            mine |= names
        else:
            found.append((names, [fact], merge))
    return tuple(Leftover(tuple(facts), merge, facts[0].id in kept) for _, facts, merge in found)


def stays(now: Situation, leftover_id: str, _: SayWhose) -> Decided:
    """It is this patient's. Raises Rejected: `gone`, `settled`."""
    return _settled(now, leftover_id, back=False)


def goes_back(now: Situation, leftover_id: str, _: SayWhose) -> Decided:
    """It is the other patient's, in whose episode it is stated instead. Raises Rejected: `gone`."""
    return _settled(now, leftover_id, back=True)


def _settled(now: Situation, leftover_id: str, *, back: bool) -> Decided:
    one = next((each for each in leftovers(now.document, now.everything) if each.id == leftover_id), None)
    if one is None:
        raise Rejected("gone", "it is not what a merge left here: the merge stands again, or it was given back")
    if one.kept and not back:
        raise Rejected("settled", "it was said already that it stays", possible=("goes-back",), state="stays")
    fact = LeftoverSettled(
        **now.heading(one.facts[0].value.facility),
        facts=tuple(each.id for each in one.facts),
        goes_to=one.merge.episode_id if back else None,
    )
    return Decided((fact,), subject=leftover_id)
