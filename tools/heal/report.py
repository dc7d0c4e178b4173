"""What `heal` did or would do, by service and kind. Ids and numbers only, no values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Healed:
    """The result of one run. `dry`: nothing was written, and `done` says what would be."""

    dry: bool = False
    done: dict[str, Counter[str]] = field(default_factory=dict)
    """Service → kind → how many."""
    gone: list[str] = field(default_factory=list)
    """Sentences about what cannot come back."""
    seconds: float = 0.0

    def add(self, service: str, counts: Counter[str], gone: Iterable[str] = ()) -> None:
        """Count what was done for a service, and name what of it cannot come back, each once."""
        self.done[service] = self.done.get(service, Counter()) + counts
        self.gone += [text for each in gone if (text := f"{service}: {each}") not in self.gone]

    @property
    def nothing(self) -> bool:
        """True where all was in line."""
        return not any(self.done.values())

    def as_json(self) -> dict[str, Any]:
        """As `stepdown heal --json` prints it."""
        return {
            "dry_run": self.dry,
            "in_line": self.nothing,
            "done": {service: dict(counts) for service, counts in self.done.items()},
            "cannot_come_back": self.gone,
            "seconds": round(self.seconds, 2),
        }

    def sentence(self) -> str:
        """All of it in one line."""
        told = [
            f"{service} {number:,} {kind}" for service, counts in self.done.items() for kind, number in counts.items()
        ]
        return "databases and topics are in line" if not told else "healed: " + ", ".join(told)
