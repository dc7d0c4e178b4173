"""The development issuer of bearer tokens: exists only where broker, database and doors are all on loopback."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from services.stack.folder import Folder, is_loopback
from shared.auth import DEV_ISSUER, dev_key, dev_tokens


def only_this_machine(kafka: str, database_url: str) -> bool:
    """Whether broker and database are on loopback (the doors of `up` always are)."""
    brokers = [server.rpartition(":")[0] for server in kafka.split(",")]
    return all(map(is_loopback, brokers)) and is_loopback(urlsplit(database_url).hostname or "")


def issue(folder: Folder) -> tuple[dict[str, str], dict[str, str]]:
    """Role → token for the ready file, and the environment by which the services know their issuer."""
    tokens = dev_tokens(dev_key(folder.path), datetime.now(UTC))
    known_by = {
        "STEPDOWN_TOKEN_SECRET_FILE": str(folder.path / "dev-issuer.key"),
        "STEPDOWN_TOKEN_ISSUER": DEV_ISSUER,
    }
    return tokens, known_by
