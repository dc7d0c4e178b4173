"""POST /api/messages/{id}/agreed and /agreed-taken-back: a person lets a message delete a visit (long after its end, or
one that the person chooses) or what its facility told of a person, or takes that back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import TypeAlias

from pydantic import BaseModel

from services.intake.receiving import deletions
from services.intake.receiving.receive import Intake
from shared.storage import audit
from shared.storage.database import Connection
from shared.web.app import Problem
from shared.web.auth import Caller
from shared.web.commands import Command, Name

DECIDERS = ("identity",)
Deciding: TypeAlias = Callable[[str], Awaitable[deletions.DeletionAsked | None]]


class DeletionAgreed(Command):
    """`POST /api/messages/{id}/agreed`. `visit_id`: which visit, where the message (A23) names none."""

    visit_id: Name | None = None


class DeletionDecided(Command):
    """`POST /api/messages/{id}/agreed-taken-back`: the address says it all."""


class DeletionStated(BaseModel):
    """A message that deletes a visit or a person's data, and what became of it."""

    message_id: str
    note: str
    reason: str | None


async def agree(
    intake: Intake, connection: Connection, who: Caller, message_id: str, command: DeletionAgreed
) -> DeletionStated:
    """It is deleted. Raises Rejected, and a Problem (404) where the message is not the caller's."""
    done = partial(deletions.decide, connection, intake, who.scope, agreed=True, visit_id=command.visit_id)
    return await _audited(intake, connection, who, message_id, (done, "deletion-agreed"))


async def take_back(
    intake: Intake, connection: Connection, who: Caller, message_id: str, _: DeletionDecided
) -> DeletionStated:
    """What was deleted stands again. Raises as `agree` does."""
    done = partial(deletions.decide, connection, intake, who.scope, agreed=False)
    return await _audited(intake, connection, who, message_id, (done, "deletion-taken-back"))


async def _audited(
    intake: Intake, connection: Connection, who: Caller, message_id: str, act: tuple[Deciding, str]
) -> DeletionStated:
    """`act`: what is done of the message with this id, and its name in the audit."""
    decide, action = act
    found = await decide(message_id) if "\0" not in message_id else None
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", "there is no such message in your scope")
    await audit.note(connection, [audit.Entry(intake.clock(), who.subject, action, message_id)])
    return DeletionStated(message_id=message_id, note=found.note, reason=found.reason)
