"""A referral or an assessment that is stated anew with other needs: the searches that are open look for these. Pure.

What a person has changed of a search since stays as the person said. Called again with what it states among the facts,
it states nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from msgspec import structs

from services.placement.continuum.model import Folded
from services.placement.continuum.standing import FirstReferral, LatestAssessment
from services.placement.search.needs import told_needs
from services.placement.search.searches import DeskFacts
from shared.events.placing import Needs, SearchOpened

_OWN: Final = tuple(name for name in Needs.__struct_fields__ if name != "also")
Asking = FirstReferral | LatestAssessment


def told_anew(before: Folded, after: Folded, own: DeskFacts, now: datetime) -> tuple[SearchOpened, ...]:
    """Each open search stated anew with the needs that came, and without those that went. `before`, `after`: the folds
    around the change."""
    changes = [*_change(before.referral, after.referral), *_change(before.assessment, after.assessment)]
    if not changes:
        return ()
    found = []
    for search in own.open:
        needs = search.needs
        for was, told in changes:
            needs = _with(needs, was, told)
        if needs != search.needs:
            value = next(fact.value for fact in own if fact.id == search.fact)
            found.append(structs.replace(value, needs=needs, recorded_at=now, replaces=search.fact))
    return tuple(one for one in found if isinstance(one, SearchOpened))


def _change(was: Asking | None, told: Asking | None) -> Iterator[tuple[Needs, Needs]]:
    """What one statement told before, and tells now that it is stated anew."""
    if was is not None and told is not None and was.root == told.root and was.needs != told.needs:
        yield told_needs(was.needs), told_needs(told.needs)


def _with(needs: Needs, was: Needs, told: Needs) -> Needs:
    """The needs of a search, where they are as they were told before, as they are told now."""
    given = {name: getattr(told, name) for name in _OWN if _moves(name, needs, was, told)}
    return structs.replace(needs, **given, also=_also(needs.also or {}, was.also or {}, told.also or {}))


def _moves(name: str, needs: Needs, was: Needs, told: Needs) -> bool:
    before, here = getattr(was, name), getattr(needs, name)
    return before != getattr(told, name) and (here == before or not here)


def _also(
    here: Mapping[str, tuple[str, ...]], was: Mapping[str, tuple[str, ...]], told: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]] | None:
    found = dict(here)
    for key in {*was, *told}:
        if was.get(key) != told.get(key) and here.get(key) in {None, was.get(key)}:
            found[key] = told.get(key, ())
    return {key: values for key, values in found.items() if values} or None
