"""Addresses as they are typed: what can't be one is wrong usage, said in one sentence; a URL's password is in none."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import click

MOST = 65535


class HostPort(click.ParamType[str]):
    """`host:port`; the value is the text as it was given."""

    name = "host:port"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text, where it is such an address."""
        if split(value) is None:
            self.fail(f"it is HOST:PORT, and a port is 1 to {MOST}", param, ctx)
        return value


def split(place: str) -> tuple[str, int] | None:
    """Host and port; None for what is no such address."""
    host, _, port = place.strip().rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= MOST:
        return None
    return host.strip("[]"), int(port)


class DatabaseUrl(click.ParamType[str]):
    """`postgresql://user:password@host:port/name`; the host may be a folder of sockets (`?host=`)."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text, where it is such a URL."""
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
