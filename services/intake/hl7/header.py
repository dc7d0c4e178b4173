"""The header of a message (MSH), read once: what reading asks of it, and what an acknowledgement mirrors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.intake.hl7.delimiters import USUAL, Delimiters
from services.intake.hl7.parser import NULL, Message

_LAST = 18


class Header(NamedTuple):
    """MSH: first components, unescaped and trimmed; the whole fields as sent. All empty for what has no MSH.

    A field that the sender left out is "".
    """

    marks: Delimiters = USUAL
    """The sender's own delimiters."""
    charset: str = "utf-8"
    """Python's name of the charset that the message was read in."""
    as_sent: Sequence[str] = ("",) * (_LAST + 1)
    """Each field up to MSH-18 at least, by its number, nothing unescaped."""
    sending_app: str = ""
    """MSH-3."""
    sending_facility: str = ""
    """MSH-4."""
    kind: str = ""
    """MSH-9.1: `ADT`."""
    trigger: str = ""
    """MSH-9.2: `A01`."""
    control_id: str = ""
    """MSH-10."""
    processing_id: str = ""
    """MSH-11; empty for the explicit null too."""
    accept: str = ""
    """MSH-15: when a commit acknowledgement is wanted (HL7 table 0155)."""
    application: str = ""
    """MSH-16: when an application acknowledgement is wanted (HL7 table 0155)."""

    def __repr__(self) -> str:
        return "<Header>"


def header(message: Message) -> Header:
    """The header of a message; never fails."""
    text = message.texts.get
    processing_id = text("MSH-11", "")
    return Header(
        marks=message.marks,
        charset=message.charset,
        as_sent=message.msh.raw_to(_LAST),
        sending_app=text("MSH-3", ""),
        sending_facility=text("MSH-4", ""),
        kind=text("MSH-9", ""),
        trigger=text("MSH-9.2", ""),
        control_id=text("MSH-10", ""),
        processing_id="" if processing_id == NULL else processing_id,
        accept=text("MSH-15", ""),
        application=text("MSH-16", ""),
    )
