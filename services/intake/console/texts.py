"""Opens the sealed text of a message."""

from __future__ import annotations

from typing import NamedTuple

from services.intake.console import views
from services.intake.hl7 import charsets
from shared.scope import Scope
from shared.storage.database import Connection
from shared.storage.sealing import Seal


class OpenedText(NamedTuple):
    """The text of a message, its segments as lines; `kept`: False where it is deleted already (site's retention)."""

    text: str
    kept: bool

    def __repr__(self) -> str:
        return "<OpenedText>"


async def opened(connection: Connection, seal: Seal, message_id: str, scope: Scope) -> OpenedText | None:
    """The text of a message; None where there is no such message in scope. Raises CannotOpen for a missing key."""
    found = await views.text_of(connection, message_id, scope) if "\0" not in message_id else None
    if found is None:
        return None
    if found.sealed is None:
        return OpenedText("", kept=False)
    return OpenedText(_lines(seal.open(found.sealed, message_id), found.charset), kept=True)


def _lines(raw: bytes, charset: str) -> str:
    """The bytes as text: in the charset that the message was read in, else in one that fits."""
    if charsets.is_wide(raw):
        charset = "utf-8"
    if not charset:
        charset = charsets.decode(charsets.widen(raw), "")[1]
    text = charsets.widen(raw).decode(charset, "replace")
    return "\n".join(text.replace("\r\n", "\r").replace("\n", "\r").split("\r")).strip("\n")
