"""The family of errors that decides what happens next; nobody catches anything else to guess.

StepdownError
├── InvalidMessage   never: it can't become right by waiting   → dead letter
├── Rejected         no: a rule says so, with its reason        → recorded refusal, HTTP 409/422
├── Stale            no: it went on since the asker saw it      → HTTP 412
├── Transient        not yet: something we need is away         → wait, bounded back-off, same place
│   └── StalePosition  another member of the group went on      → read the position again and seek
└── SetUpError       the operator has something to do           → one sentence on stderr, exit 1
    └── WrongUsage   the command was asked with something else than the system it talks to → the same, exit 2

A message says what happened, to what (ids, never a field's value), and what is possible now.
"""

from __future__ import annotations


class StepdownError(Exception):
    """The root of everything Stepdown raises on purpose."""


class InvalidMessage(StepdownError):
    """A record or frame that no later message can make right."""


class Rejected(StepdownError):
    """A rule said no. `code` is a stable word for machines, `text` a sentence for people; `state` is what is so now,
    `possible` what may be done about it."""

    def __init__(self, code: str, text: str, *, possible: tuple[str, ...] = (), state: str | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.possible = possible
        self.state = state


class Stale(StepdownError):
    """What the asker saw is not so any more: read it again, then ask again."""


class Transient(StepdownError):
    """Something that is needed is away; the same work may succeed later."""


class StalePosition(Transient):
    """The stored position moved under us: another member of the group handled these records."""


class SetUpError(StepdownError):
    """The operator has something to do; the text says what, in one sentence."""


class WrongUsage(SetUpError):
    """What a command was given does not go with the system that it talks to; nothing was done."""
