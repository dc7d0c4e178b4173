"""What the stories need of the other side: three calls. Stepdown's own are in `ours`; another system brings a class."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple, Protocol

from shared.errors import WrongUsage


class VisitSeen(NamedTuple):
    """A visit as the other side has it, in its own numbers and codes: PV1-19, PID-3.1, PV1-3.1, and local times without
    a zone (ISO 8601).

    `places`: each place with since when, the oldest first; `leaves`: (since, until or None); `ended`: None while open.
    A visit that was cancelled, or is only expected, is none.
    """

    visit: str
    patient: str
    places: Sequence[tuple[str, str]]
    leaves: Sequence[tuple[str, str | None]] = ()
    ended: str | None = None


class Adapter(Protocol):
    """One system under test. It is made with the HOST and PORT of the command."""

    def __init__(self, host: str, port: int) -> None: ...

    async def reset(self) -> None:
        """Called once, before the first message: every number of a run is new, so most need nothing here."""
        ...

    async def send(self, message: bytes) -> str:
        """Send one message (ER7, segments ended by CR, without MLLP bytes); return MSA-1 of its answer. Concurrent
        calls come for different patients alone."""
        ...

    async def stands(self, patients: Sequence[str]) -> Sequence[VisitSeen]:
        """The visits of these patients (PID-3.1, all that this run has used) that stand now. It is called again until
        nothing changes any more."""
        ...


def named(text: str) -> type[Adapter]:
    """The class `module:Class`. Raises WrongUsage where there is none."""
    module, _, name = text.partition(":")
    try:
        found: type[Adapter] = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        raise WrongUsage(f"there is no adapter {text}: name it as module:Class, importable from here") from None
    return found
