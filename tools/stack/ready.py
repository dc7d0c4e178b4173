"""The ready file, by which commands find a running system (contract 1); only `up` writes it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from shared.errors import SetUpError
from tools.stack.folder import is_claimed, write_privately

NAME = "ready.json"
DESKS = ("placement", "aftercare")
"""Services with pages for people."""


@dataclass(frozen=True)
class Ready:
    """The addresses of a running system: `host:port` of Kafka and MLLP, URLs of the services. `desk`: the URL of the
    front door, where people work at all three services.

    `config`: folder and version of the site config that it started with. `tokens`: role → bearer token, which are
    secrets; empty where tokens come from a real issuer. `sign_in`: desk → a link that signs a coordinator in; its token
    is behind `#`, which browsers do not send to the server.
    """

    kafka: str
    mllp: str
    intake: str
    placement: str
    aftercare: str
    desk: str = field(default="", kw_only=True)
    config: dict[str, str] = field(default_factory=dict, kw_only=True)
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    sign_in: dict[str, str] = field(default_factory=dict, repr=False)


def write(ready: Ready, path: Path) -> None:
    """Write the ready file with mode 0600, in one step. Raises SetUpError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_privately(path, json.dumps(asdict(ready)) + "\n")
    except OSError as error:
        raise SetUpError(f"the ready file {path} can't be written ({error.strerror})") from None


def data_directory(given: Path | None = None) -> Path:
    """The data directory that a command means: `given`, else STEPDOWN_DATA, else .stepdown in the current folder."""
    return given or Path(os.environ.get("STEPDOWN_DATA") or ".stepdown")


def find(data: Path | None = None) -> Ready:
    """The system that runs on a data directory. Raises SetUpError, which says how to start one, where none does."""
    path = data_directory(data) / NAME
    try:
        if not is_claimed(path.parent):  # a ready file without its `up` was left by one that was killed
            raise FileNotFoundError
        return Ready(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SetUpError(
            f"no system is running on {path.parent}: start one with `stepdown up`, or name its directory with --data"
        ) from None
    except (OSError, ValueError, TypeError) as error:
        raise SetUpError(
            f"the ready file {path} can't be read ({type(error).__name__}): restart `stepdown up`"
        ) from None
