"""Headers that a proxy takes away or sets (RFC 9110 7.6). Pure; names are lower case, as ASGI and httpx give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Header = tuple[bytes, bytes]

_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade", b"expect",
})  # fmt: skip
"""They are about one connection only; each side of the front door has its own."""
_TOLD_BY_PROXIES = (b"x-forwarded-", b"forwarded", b"x-real-ip")
"""How the names of headers begin in which a proxy says who asks: a browser has no say in that."""


def asked(scope: Mapping[str, Any]) -> list[Header]:
    """The headers of a request as the service gets them: the browser's, and who asks, by which scheme and host."""
    came = list(scope["headers"])
    gone = _about_this_connection(came)
    if any(name == b"transfer-encoding" for name, _ in came):
        gone |= {b"content-length"}  # the length that counts is that of the parts (RFC 9112 6.3)
    passed = [(name, value) for name, value in came if name not in gone and not name.startswith(_TOLD_BY_PROXIES)]
    return [*passed, *_who(scope, came)]


def _who(scope: Mapping[str, Any], came: Iterable[Header]) -> Iterator[Header]:
    client = scope.get("client")
    if client:
        yield b"x-forwarded-for", client[0].encode()
    yield b"x-forwarded-proto", scope["scheme"].encode()
    for name, value in came:
        if name == b"host":
            yield b"x-forwarded-host", value


def answered(came: Iterable[Header]) -> list[Header]:
    """The headers of an answer as the browser gets them; the server that passes it on sets its own date."""
    lower = [(name.lower(), value) for name, value in came]
    gone = _about_this_connection(lower) | {b"date"}
    return [(name, value) for name, value in lower if name not in gone]


def _about_this_connection(came: Iterable[Header]) -> set[bytes]:
    """The names of hop-by-hop headers, with those that Connection names."""
    named = (part.strip().lower() for name, value in came if name == b"connection" for part in value.split(b","))
    return {*_HOP, *named}
