"""Who has a seat at a door, and whose is taken when another comes: decides, and knows neither sockets nor frames.

A door stays open for the others (contract 6): an address that has its share closes its own longest idle connection to
take a new one, and nobody is turned away while an idle one stands.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Generic, TypeVar

Seated = TypeVar("Seated", bound=Hashable)


class _Line(Generic[Seated]):
    """Connections in the order in which they came to wait, of all addresses and of each."""

    def __init__(self) -> None:
        self._since: OrderedDict[Seated, float] = OrderedDict()
        self._of: dict[str, OrderedDict[Seated, None]] = {}

    def __contains__(self, one: Seated) -> bool:
        return one in self._since

    def join(self, one: Seated, address: str, now: float, *, last: bool = True) -> None:
        self._since[one] = now
        self._of.setdefault(address, OrderedDict())[one] = None
        self._since.move_to_end(one, last)
        self._of[address].move_to_end(one, last)

    def leave(self, one: Seated, address: str) -> None:
        if self._since.pop(one, None) is not None:
            del self._of[address][one]
            if not self._of[address]:
                del self._of[address]

    def first(self, address: str | None, before: float) -> Seated | None:
        """The one that waits longest, of an address or of all, if it began no later than `before`."""
        one = next(iter(self._since if address is None else self._of.get(address, ())), None)
        return one if one is not None and self._since[one] <= before else None


@dataclass(slots=True)
class Seats(Generic[Seated]):
    """The seats of a door. `share` of them at most are one address's; an unfinished frame that is older than `grace`
    seconds gives way where nobody is idle, so that half frames don't hold what idle connections can't.

    Every question costs the same, however many are seated.
    """

    number: int
    share: int
    grace: float
    now: Callable[[], float]
    _address: dict[Seated, str] = field(default_factory=dict)
    _count: Counter[str] = field(default_factory=Counter)
    _idle: _Line[Seated] = field(default_factory=_Line)
    _slow: _Line[Seated] = field(default_factory=_Line)

    def __len__(self) -> int:
        return len(self._address)

    def give_way(self, address: str) -> tuple[bool, Seated | None]:
        """Whether a newcomer from there gets a seat, and who must leave for it (to be closed by the caller)."""
        if self._count[address] >= self.share:
            leaves = self._longest(address)
        elif len(self) >= self.number:
            leaves = self._longest(None)
        else:
            return True, None
        return leaves is not None, leaves

    def _longest(self, address: str | None) -> Seated | None:
        now = self.now()
        return self._idle.first(address, now) or self._slow.first(address, now - self.grace)

    def take(self, one: Seated, address: str) -> None:
        """A newcomer sits down; it is idle until it says something."""
        self._address[one] = address
        self._count[address] += 1
        self._idle.join(one, address, self.now())

    def leave(self, one: Seated) -> None:
        """Its seat is free."""
        address = self._address.pop(one, None)
        if address is None:
            return
        self._idle.leave(one, address)
        self._slow.leave(one, address)
        self._count[address] -= 1
        if not self._count[address]:
            del self._count[address]

    def idle(self, one: Seated) -> None:
        """It waits for nothing and has begun nothing. What ends as no message has not renewed it: it is first again."""
        address = self._address.get(one)
        if address is not None and one not in self._idle:
            self._idle.join(one, address, self.now(), last=one not in self._slow)
            self._slow.leave(one, address)

    def slow(self, one: Seated) -> None:
        """It has begun a frame and waits for nothing from us."""
        address = self._address.get(one)
        if address is not None and one not in self._slow:
            self._slow.join(one, address, self.now())
            self._idle.leave(one, address)

    def busy(self, one: Seated) -> None:
        """It waits for an answer: nobody takes its seat."""
        address = self._address.get(one)
        if address is not None:
            self._idle.leave(one, address)
            self._slow.leave(one, address)


def sender_of(peer: object) -> str:
    """What counts as one address: an IPv4 address, or an IPv6 network of 64 bits, which one sender has whole."""
    host = str(peer[0]) if isinstance(peer, tuple) and peer else ""
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    mapped = getattr(found, "ipv4_mapped", None)
    if found.version == 4 or mapped is not None:
        return str(mapped or found)
    return str(ip_network((found, 64), strict=False))
