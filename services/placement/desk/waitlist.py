"""Waiting lines over HTTP: who waits for a program, the longest first; joining and leaving."""

from __future__ import annotations

from typing import Any

from services.placement.continuum.about import about
from services.placement.desk.commands import Because, Wait
from services.placement.desk.frame import Listing, Parts, Rule, Subject, of_entries, write
from services.placement.engine.act import Decided, Situation
from services.placement.search import waiting
from services.placement.worklists import views
from services.placement.worklists.lists import EVERYBODY
from services.placement.worklists.views import Line
from shared.errors import Rejected
from shared.storage.database import Connection


def join(now: Situation, _: str, asked: Wait) -> Decided:
    """Put the patient in a program's waiting line. Raises Rejected: `unknown-program`, `search-closed`,
    `already-waiting`."""
    program = now.rules.site.program(asked.program)
    if program is None:
        raise Rejected("unknown-program", "the site has no such program")
    whose, before = about(now.folded, program.facility), now.queues.get(program.id, 0)
    return Decided((waiting.join(now.desk(asked.search_id), whose, program.id, now.own, before),))


def leave(now: Situation, waiting_id: str, asked: Because) -> Decided:
    """Take the patient out of the line. Raises Rejected `not-waiting`."""
    joined = waiting.waiting(now.own)
    program = next((name for name, fact in joined.items() if fact.id == waiting_id), None)
    if program is None:
        raise Rejected("not-waiting", "the patient waits there no longer")
    whose = about(now.folded, joined[program].value.facility)
    return Decided((waiting.leave(now.desk(), whose, program, now.own, asked.reason),), (waiting_id,))


async def _places(connection: Connection, _: Parts, found: list[Line]) -> list[dict[str, Any]]:
    """For each line the place in the waiting line now; it may have been another one on joining."""
    still = [line for line in found if line.state == "waiting" and line.program]
    places = await views.places_in_line(connection, {str(line.program) for line in still}) if still else {}
    return [{"position": places.get(line.id)} for line in found]


SUBJECT = Subject(
    Listing(
        "waitlist", "Who waits for a seat of which program, the longest first", EVERYBODY,
        ("state", "episode_id", "program", "facility"), of_entries("waiting"), teller=_places,
    ),
    (
        write(
            "/api/waitlist", Wait, Rule(join, claims=True), action="waitlisted", operation="joinWaitlist",
            summary="Wait for a seat of a program",
        ),
        write(
            "/api/waitlist/{id}/left", Because, Rule(leave, asker=True), action="waitlist-left",
            operation="leaveWaitlist", summary="Wait no longer",
        ),
    ),
)  # fmt: skip
