"""Asks a service of the running system over HTTP, with the token of a role of its ready file."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from shared.errors import SetUpError, StepdownError

ROLES = ("interface", "admin")


@dataclass(frozen=True)
class Service:
    """A service's name and address, and the token that it is asked with."""

    name: str
    url: str
    token: str = field(repr=False)

    @classmethod
    def of(
        cls, data: Path | None, name: Literal["intake", "placement"] = "intake", roles: tuple[str, ...] = ROLES
    ) -> Service:
        """That of the system on a data directory, asked with STEPDOWN_TOKEN, else as the first of these roles that it
        has a token of. Raises SetUpError where no system runs or there is no token."""
        from tools.stack import ready

        running = ready.find(data)
        own = (running.tokens.get(role) for role in roles)
        token = os.environ.get("STEPDOWN_TOKEN") or next(filter(None, own), None)
        if not token:
            raise SetUpError(f"a token is needed: set STEPDOWN_TOKEN to one with the role {' or '.join(roles)}")
        return cls(name, getattr(running, name), token)

    def get(self, path: str) -> Mapping[str, Any]:
        """The JSON of the answer. Raises StepdownError with the problem's sentence, or where nobody answers."""
        return self._asked(urllib.request.Request(self.url + path, headers=self._headers()))  # noqa: S310

    def post(self, path: str, body: bytes, kind: str) -> Mapping[str, Any]:
        """The JSON of the answer to a body of this media type. Raises StepdownError as `get`."""
        headers = {**self._headers(), "content-type": kind}
        return self._asked(urllib.request.Request(self.url + path, body, headers))  # noqa: S310

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def _asked(self, request: urllib.request.Request) -> Mapping[str, Any]:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - from the ready file
                told: Mapping[str, Any] = json.load(answer)
                return told
        except urllib.error.HTTPError as refused:
            raise StepdownError(f"{self.name} answered {refused.code}: {_detail(refused)}") from None
        except (OSError, ValueError) as fault:
            raise StepdownError(f"{self.name} can't be asked ({type(fault).__name__}): is it running?") from None


def _detail(refused: urllib.error.HTTPError) -> str:
    try:
        told = json.load(refused)
    except ValueError:
        return "without saying why"
    fields = ", ".join(str(each.get("field")) for each in told.get("fields", ()))
    return f"{told.get('detail') or 'without saying why'}" + (f": {fields}" if fields else "")
