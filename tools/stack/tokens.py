"""The development issuer of bearer tokens, which `up` has only where broker, database and services are on loopback."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from shared.settings import is_loopback
from tools.stack.folder import Folder
from tools.stack.front import ISSUER_PATH

CLIENT = "stepdown"
"""The name by which intake is known there."""


def only_this_machine(kafka: str, database_url: str) -> bool:
    """True where broker and database are on loopback, as the services of `up` always are."""
    brokers = [server.rpartition(":")[0] for server in kafka.split(",")]
    return all(map(is_loopback, brokers)) and is_loopback(urlsplit(database_url).hostname or "")


def known_by(folder: Folder, front: str) -> dict[str, str]:
    """The environment variables by which services accept this issuer's tokens, and lead people to it, who sign in at
    the front door's address `front`. The issuer's name is set empty, so that none is inherited from our own
    environment."""
    return {
        "STEPDOWN_TOKEN_SECRET_FILE": str(folder.path / "dev-issuer.key"),
        "STEPDOWN_TOKEN_ISSUER": "",
        "STEPDOWN_ISSUER": front + ISSUER_PATH,
        "STEPDOWN_CLIENT_ID": CLIENT,
        "STEPDOWN_CLIENT_SECRET_FILE": str(client_secret(folder)),
        "STEPDOWN_DESK_URL": front,
    }


def client_secret(folder: Folder) -> Path:
    """The file with the secret that intake shows at the development issuer, made the first time."""
    return folder.kept_secret("sign-in.client", secrets.token_urlsafe(32))


def issue(folder: Folder) -> dict[str, str]:
    """Role → token, for the ready file; the issuer's secret is made the first time."""
    from shared.web.auth import dev_key, dev_tokens  # noqa: PLC0415  # takes a while to import

    return dev_tokens(dev_key(folder.path), datetime.now(UTC))
