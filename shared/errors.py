"""The exceptions by which the project decides what happens next; no code catches others to guess.

StepdownError
├── InvalidMessage   never: waiting cannot make it right        → dead letter
├── Rejected         no: a rule refused it, with its reason     → recorded refusal, HTTP 409 or 422
├── Stale            no: it changed since the asker saw it      → HTTP 412
├── Transient        not yet: something needed is unavailable   → wait with bounded back-off, same partition
│   └── StalePosition  another consumer of the group went on    → read the stored position again and seek to it
└── SetUpError       the operator has to set something right    → one sentence on stderr, exit 1
    └── WrongUsage   the command does not fit the system that it talks to → the same, exit 2

A text says what happened, to what (ids, never a field's value), and what can be done now.
"""

from __future__ import annotations


class StepdownError(Exception):
    """The base of all exceptions that the project raises on purpose."""


class InvalidMessage(StepdownError):
    """A record or HL7 frame that is wrong, and that no later message can make right."""


class Rejected(StepdownError):
    """A rule refused it. `code` is a stable word for programs, `text` a sentence for people; `state` is the current
    state, `possible` what can be done from it."""

    def __init__(self, code: str, text: str, *, possible: tuple[str, ...] = (), state: str | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.possible = possible
        self.state = state


class Stale(StepdownError):
    """What the asker saw has changed since: read it again, then ask again."""


class Transient(StepdownError):
    """Something that is needed is unavailable; the same work may succeed later."""


class StalePosition(Transient):
    """The stored position was moved by another consumer of the group, which has handled these records."""


class SetUpError(StepdownError):
    """The operator has to set something right; the text says what, in one sentence."""


class WrongUsage(SetUpError):
    """What a command was given does not fit the system that it talks to; nothing was done."""
