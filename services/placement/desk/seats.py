"""Seats over HTTP: who has which and for how long; holding one for a patient, and releasing it."""

from __future__ import annotations

from services.placement.continuum.about import about
from services.placement.desk.answers import GoneShown, SeatShown
from services.placement.desk.commands import Because, HoldSeat
from services.placement.desk.frame import Listing, Parts, Rule, Subject, write
from services.placement.engine.act import Decided, Situation
from services.placement.programs.seats import Claim, held, released
from services.placement.worklists import views
from services.placement.worklists.lists import EVERYBODY
from services.placement.worklists.views import Line, ListQuestion
from shared.errors import Rejected
from shared.storage.database import Connection


def hold(now: Situation, _: str, asked: HoldSeat) -> Decided:
    """Hold a seat for some time. Raises Rejected: `program-full`, `group-full`, `empty-claim`, `unknown-program`,
    `ask-before-calling`."""
    program = now.rules.site.program(asked.program)
    if program is None:
        raise Rejected("unknown-program", "the site has no such program")
    if now.folded.deaths:
        raise Rejected("ask-before-calling", "somebody told that nobody is to be called for this patient now")
    claim = Claim(now.ids(), program.id, asked.begins, asked.until, asked.group)
    whose, told = about(now.folded, program.facility), now.count(claim)
    return Decided((held(whose, claim, now.now, "kept", told, asked_by=now.home),), (claim.seat_id,))


def release(now: Situation, seat_id: str, asked: Because) -> Decided:
    """Release a held seat. Raises Rejected: `placement-stands`, `over`."""
    claim = next((one for one in now.claimed if one.seat_id == seat_id), None)
    if claim is None or (claim.until is not None and claim.until <= now.now):
        raise Rejected("over", "the seat is nobody's any more", state="over")
    if claim.placement_id is not None:
        text = "the seat goes with its placement"
        raise Rejected("placement-stands", text, possible=("placement-cancelled", "completed", "discontinued"))
    program = now.rules.site.program(claim.program)
    whose = about(now.folded, program.facility if program else None)
    return Decided((released(whose, claim, now.now, asked.reason),), (seat_id,))


async def _listed(connection: Connection, parts: Parts, asked: ListQuestion) -> list[Line]:
    return await views.claimed(connection, asked, _facilities(parts))


async def _one(connection: Connection, parts: Parts, seat_id: str) -> Line | None:
    return await views.claim(connection, seat_id, _facilities(parts))


def _facilities(parts: Parts) -> dict[str, str]:
    return {program.id: program.facility for program in parts.rules.site.programs}


SUBJECT = Subject(
    Listing(
        "seats", "Seats of programs that are kept or taken, over time", EVERYBODY,
        ("episode_id", "program", "placement_id", "facility", "at"), finder=_one, searcher=_listed,
    ),
    (
        write(
            "/api/seats", HoldSeat, Rule(hold, claims=True), action="seat-held", operation="holdSeat",
            summary="Keep a seat for the patient for some time",
        ),
        write(
            "/api/seats/{id}/released", Because, Rule(release, asker=True), action="seat-released",
            operation="releaseSeat",
            told={"anyOf": [SeatShown, GoneShown]}, summary="Give a seat back that was kept",
        ),
    ),
)  # fmt: skip
