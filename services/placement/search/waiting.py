"""Programs' waiting lists: joining and leaving one, and leaving all when the search is over. Pure.

A fact states the place in the list at the time of joining; the present places are read from the desk's lists.
"""

from __future__ import annotations

from collections.abc import Callable

from services.placement.continuum.about import About
from services.placement.search.search import Desk
from services.placement.search.searches import DeskFacts, Search
from services.placement.search.states import MEANING, No, SearchState
from shared.errors import Rejected
from shared.events.placing import Placed, Waitlisted, WaitlistLeft
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts

SEATED, OVER = "seated", "search-closed"
"""Reasons with which who waits leaves by rule."""
AboutAt = Callable[[str], About]
"""From a program's id to what facts about this episode and that program are about."""


def waiting(own: OwnFacts) -> dict[str, Fact]:
    """Program → the fact with which the patient joined its waiting list, for each that they are still on.

    `own`: placement's facts of the episode.
    """
    found = dict[str, Fact]()
    for fact in own:
        match fact.value:
            case Waitlisted(program=program) if fact.id not in own.cancelled:
                found.setdefault(program, fact)
            case WaitlistLeft(program=program) if fact.id not in own.cancelled:
                found.pop(program, None)
    return found


def join(desk: Desk, about: About, program: str, own: OwnFacts, before: int) -> Waitlisted:
    """The patient joins a program's waiting list, on which `before` others are already.

    Raises Rejected: `search-closed`, `already-waiting`.
    """
    if desk.search is None or desk.search.state is not SearchState.OPEN:
        raise Rejected(No.SEARCH_CLOSED.value, MEANING[No.SEARCH_CLOSED], possible=("search-opened",))
    if program in waiting(own):
        raise Rejected("already-waiting", "the patient waits for this program already", possible=("left",))
    return Waitlisted(**about.heading(desk.now), program=program, position=before + 1)


def leave(desk: Desk, about: About, program: str, own: OwnFacts, reason: str) -> WaitlistLeft:
    """The patient leaves a program's waiting list. Raises Rejected `not-waiting`."""
    if program not in waiting(own):
        raise Rejected("not-waiting", "the patient does not wait for this program")
    return WaitlistLeft(**about.heading(desk.now), program=program, reason=reason)


def over(desk: Desk, about_at: AboutAt, own: DeskFacts) -> tuple[WaitlistLeft, ...]:
    """When no search is open, the facts that the patient leaves every waiting list: with reason SEATED at the program
    that took the patient, else OVER."""
    if [one for one in own.searches if one.state is SearchState.OPEN]:
        return ()
    seated = _program(desk.search, own)
    return tuple(
        leave(desk, about_at(program), program, own, SEATED if program == seated else OVER) for program in waiting(own)
    )


def _program(search: Search | None, own: OwnFacts) -> str | None:
    """The program of the search's placement."""
    placement_id = search.placement_id if search else None
    found = (fact.value for fact in own)
    return next((one.program for one in found if isinstance(one, Placed) and one.placement_id == placement_id), None)
