"""One host for three services: each answers below its own prefix too (`/placement/api/searches` as `/api/searches`).

The front door passes addresses on as they are (docs/run-it.md, The desks). Here the prefix is taken off the path and
becomes the request's ASGI `root_path`; without it a request is handled as it came.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request

INSIDE_ONLY = ("/health/", "/metrics")
"""Where the addresses begin that machines of the same network ask for: they are not answered below the prefix."""
_MADE_WITHOUT = frozenset({HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.TEMPORARY_REDIRECT})
"""Statuses of answers whose Location knows no prefix: those of the API, and the router's own about a slash at the
end. Redirects of pages are 303 and name the whole address."""


def base(request: Request) -> str:
    """What every address of the own service begins with in the answer to this request: its prefix, or nothing."""
    return str(request.scope.get("root_path", ""))


class Prefix:
    """Middleware: takes `prefix` (`/placement`) off the paths that begin with it, and puts it before the Location of
    their answers."""

    def __init__(self, app: Any, prefix: str) -> None:
        self.app, self.prefix = app, prefix

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        own = self._rest(scope["path"]) if scope["type"] == "http" else None
        if own is None:
            await self.app(scope, receive, send)
            return

        async def with_prefix(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] in _MADE_WITHOUT:
                message = {**message, "headers": [self._located(*each) for each in message["headers"]]}
            await send(message)

        shorter: dict[str, Any] = {"path": own, "root_path": self.prefix}
        if raw := self._rest(scope.get("raw_path", b"").decode("latin-1")):
            shorter["raw_path"] = raw.encode("latin-1")
        await self.app({**scope, **shorter}, receive, with_prefix)

    def _rest(self, path: str) -> str | None:
        """The path after the prefix; None where it has none, or has it twice, which the router would take off too."""
        if path == self.prefix:
            return "/"
        rest = path.removeprefix(self.prefix)
        if rest == path or not rest.startswith("/"):
            return None
        twice = rest == self.prefix or rest.startswith(f"{self.prefix}/")
        return None if twice or rest.startswith(INSIDE_ONLY) else rest

    def _located(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name != b"location":
            return name, value
        there = urlsplit(value.decode("latin-1"))
        return name, there._replace(path=self.prefix + there.path).geturl().encode("latin-1")
