"""POST /api/messages/{id}/agreed and /agreed-taken-back: a person lets a message delete a visit long after its end, or
takes that back."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

from pydantic import BaseModel

from services.intake.receiving import deletions
from services.intake.receiving.receive import Intake
from shared.storage import audit
from shared.storage.database import Connection
from shared.web.app import Problem
from shared.web.auth import Caller
from shared.web.commands import Command

DECIDERS = ("identity",)


class DeletionDecided(Command):
    """`POST /api/messages/{id}/agreed`, `agreed-taken-back`: the address says it all."""


class DeletionStated(BaseModel):
    """A message that deletes a visit, and what became of it."""

    message_id: str
    note: str
    reason: str | None


async def _decide(
    agreed: bool,
    intake: Intake,
    connection: Connection,
    who: Caller,
    message_id: str,
    _: Command,
) -> DeletionStated:
    """Note what the caller says. Raises Rejected, and a Problem (404) where the message is not the caller's."""
    found = None
    if "\0" not in message_id:
        found = await deletions.decide(connection, intake, who.scope, message_id, agreed=agreed)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", "there is no such message in your scope")
    action = "deletion-agreed" if agreed else "deletion-taken-back"
    await audit.note(connection, [audit.Entry(intake.clock(), who.subject, action, message_id)])
    return DeletionStated(message_id=message_id, note=found.note, reason=found.reason)


agree, take_back = partial(_decide, True), partial(_decide, False)
