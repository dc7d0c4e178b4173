"""How many connections an MLLP or HTTP port holds, and which one is closed when another comes. Decides only: it knows
neither sockets nor frames.

A port stays open to the others (contract 6): where an address has its share, a new connection of it closes its own one
that is idle longest, and nobody is turned away while there is an idle one to close.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Generic, TypeVar

Held = TypeVar("Held", bound=Hashable)
"""What stands for a connection: whatever its port knows it by."""


class _Line(Generic[Held]):
    """Connections in the order in which they began to wait, of all addresses together and of each one."""

    def __init__(self) -> None:
        self._since: OrderedDict[Held, float] = OrderedDict()
        self._of: dict[str, OrderedDict[Held, None]] = {}

    def __contains__(self, one: Held) -> bool:
        return one in self._since

    def join(self, one: Held, address: str, now: float, *, last: bool = True) -> None:
        self._since[one] = now
        self._of.setdefault(address, OrderedDict())[one] = None
        self._since.move_to_end(one, last)
        self._of[address].move_to_end(one, last)

    def leave(self, one: Held, address: str) -> None:
        if self._since.pop(one, None) is not None:
            del self._of[address][one]
            if not self._of[address]:
                del self._of[address]

    def first(self, address: str | None, before: float) -> Held | None:
        """The connection that has waited longest, of one address or (None) of all; None where it began to wait after
        `before`, a number of seconds on the clock of `join`."""
        one = next(iter(self._since if address is None else self._of.get(address, ())), None)
        return one if one is not None and self._since[one] <= before else None


@dataclass(slots=True)
class ConnectionSlots(Generic[Held]):
    """The connections of one port: `number` at most, of which one address has at most `share`.

    Each is idle, slow (has begun a request or frame that is not complete) or busy (waits for our answer). For a
    newcomer the one that is idle longest is closed; where none is idle, the one that has been slow for longest, once
    that is `grace` seconds. `now` is a monotonic clock in seconds. Every call costs the same, however many connections
    there are.
    """

    number: int
    share: int
    grace: float
    now: Callable[[], float]
    _address: dict[Held, str] = field(default_factory=dict)
    _count: Counter[str] = field(default_factory=Counter)
    _idle: _Line[Held] = field(default_factory=_Line)
    _slow: _Line[Held] = field(default_factory=_Line)

    def __len__(self) -> int:
        return len(self._address)

    def give_way(self, address: str) -> tuple[bool, Held | None]:
        """(Whether a newcomer from this address may come in, the connection that the caller of this must close first or
        None)."""
        if self._count[address] >= self.share:
            leaves = self._longest(address)
        elif len(self) >= self.number:
            leaves = self._longest(None)
        else:
            return True, None
        return leaves is not None, leaves

    def _longest(self, address: str | None) -> Held | None:
        now = self.now()
        return self._idle.first(address, now) or self._slow.first(address, now - self.grace)

    def take(self, one: Held, address: str) -> None:
        """A newcomer is in; it is idle until it sends something."""
        self._address[one] = address
        self._count[address] += 1
        self._idle.join(one, address, self.now())

    def leave(self, one: Held) -> None:
        """A connection is closed; does nothing for one that is not here."""
        address = self._address.pop(one, None)
        if address is None:
            return
        self._idle.leave(one, address)
        self._slow.leave(one, address)
        self._count[address] -= 1
        if not self._count[address]:
            del self._count[address]

    def idle(self, one: Held) -> None:
        """A connection has begun nothing and waits for nothing. One that was slow and has not completed a request
        becomes the first to be closed: sending half of one does not make it newer."""
        address = self._address.get(one)
        if address is not None and one not in self._idle:
            self._idle.join(one, address, self.now(), last=one not in self._slow)
            self._slow.leave(one, address)

    def slow(self, one: Held) -> None:
        """A connection has begun a request or frame, and waits for nothing from us."""
        address = self._address.get(one)
        if address is not None and one not in self._slow:
            self._slow.join(one, address, self.now())
            self._idle.leave(one, address)

    def busy(self, one: Held) -> None:
        """A connection waits for our answer: it is not closed for another."""
        address = self._address.get(one)
        if address is not None:
            self._idle.leave(one, address)
            self._slow.leave(one, address)


def sender_of(peer: object) -> str:
    """What counts as one address of a socket's peer: an IPv4 address, or the /64 network of an IPv6 address, since one
    sender usually has a whole one. Empty where the peer has no address."""
    host = str(peer[0]) if isinstance(peer, tuple) and peer else ""
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    mapped = getattr(found, "ipv4_mapped", None)
    if found.version == 4 or mapped is not None:
        return str(mapped or found)
    return str(ip_network((found, 64), strict=False))
