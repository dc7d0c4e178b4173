"""Types of click options for addresses. What is no address is wrong usage; no error repeats a URL, which has a
password."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import click

MOST = 65535


class HostPort(click.ParamType[str]):
    """An option's value `host:port`, as it was given."""

    name = "host:port"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value. Raises BadParameter where it is not `host:port`."""
        if split(value) is None:
            self.fail(f"it is HOST:PORT, and a port is 1 to {MOST}", param, ctx)
        return value


def split(place: str) -> tuple[str, int] | None:
    """(Host, port) of `host:port`, an IPv6 host without its brackets; None for any other text."""
    host, _, port = place.strip().rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= MOST:
        return None
    return host.strip("[]"), int(port)


class DatabaseUrl(click.ParamType[str]):
    """An option's value `postgresql://user:password@host:port/name`; `?host=` may name a folder of Unix sockets."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value. Raises BadParameter where it is not such a URL."""
        if not _is_database(value):
            self.fail("it is postgresql://user:password@host:port/name", param, ctx)
        return value


def _is_database(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme.partition("+")[0] in {"postgresql", "postgres"}
            and bool(parts.hostname or parse_qs(parts.query).get("host"))
            and parts.port != 0
        )
    except ValueError:  # a port that is none
        return False
