"""How commands reach what a system stands on: its broker and its databases, by data directory and environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import SetUpError
from shared.settings import Settings, load, parse_keys, variable
from tools.stack import SERVICES, ready
from tools.stack.folder import is_claimed

if TYPE_CHECKING:
    from shared.storage.sealing import Seal


@dataclass(frozen=True)
class Access:
    """`settings` have the broker; `urls` are the databases by service, as their application roles.

    `ready` is None where no `up` runs on the data directory, or where it is still starting.
    """

    settings: Settings
    urls: dict[str, str] = field(repr=False)
    ready: ready.Ready | None


def databases(data: Path | None) -> dict[str, str]:
    """Service → database URL: STEPDOWN_<SERVICE>_DATABASE_URL (or …_FILE), else the data directory's secrets."""
    place = ready.data_directory(data)
    try:
        return {
            name: variable(f"{name}_database_url") or (place / "secrets" / f"{name}.url").read_text("utf-8")
            for name in SERVICES
        }
    except OSError:
        raise SetUpError(
            f"no databases are known of {place}: name the directory of a running `stepdown up` with --data, "
            "or set STEPDOWN_INTAKE_DATABASE_URL, STEPDOWN_PLACEMENT_DATABASE_URL and STEPDOWN_AFTERCARE_DATABASE_URL"
        ) from None


def seal_of(service: str, data: Path | None) -> Seal:
    """What opens a service's dead letters: the keys of STEPDOWN_<SERVICE>_MESSAGE_KEYS (or …_FILE), else of
    STEPDOWN_MESSAGE_KEYS, else those of the data directory."""
    from shared.storage.sealing import Seal  # noqa: PLC0415 - few commands open anything

    kept = ready.data_directory(data) / "secrets" / "message.keys"
    text = variable(f"{service}_message_keys") or variable("message_keys")
    if not text and kept.exists():
        text = kept.read_text("utf-8")
    if not text:
        raise SetUpError(
            f"what {service} keeps is sealed: set STEPDOWN_{service.upper()}_MESSAGE_KEYS_FILE to its keys"
        )
    try:
        return Seal(parse_keys(text))
    except ValueError as wrong:
        raise SetUpError(f"the message keys of {service} can't be read: {wrong}") from None


def owners() -> dict[str, str]:
    """Service → URL of its owner role by STEPDOWN_<SERVICE>_DATABASE_OWNER_URL (or …_FILE); all of them, or none."""
    found = {name: variable(f"{name}_database_owner_url") for name in SERVICES}
    missing = [f"STEPDOWN_{name.upper()}_DATABASE_OWNER_URL" for name, url in found.items() if not url]
    if 0 < len(missing) < len(SERVICES):
        raise SetUpError(f"some owner roles are given and some are not: set {' and '.join(missing)} too")
    return {name: url for name, url in found.items() if url}


def reach(data: Path | None) -> Access:
    """Broker and databases. SetUpError says how to start a system, or what to set."""
    found = _running(data)
    if found is None and not os.environ.get("STEPDOWN_KAFKA"):
        ready.find(data)
    settings = load(kafka=found.kafka) if found else load()
    return Access(settings, databases(data), found)


def broker(data: Path | None) -> Settings:
    """Settings that name the broker: of the system on the data directory, else of the environment."""
    if data is None and os.environ.get("STEPDOWN_KAFKA"):
        return load()
    return load(kafka=ready.find(data).kafka)


def _running(data: Path | None) -> ready.Ready | None:
    place = ready.data_directory(data)
    return ready.find(data) if is_claimed(place) and (place / ready.NAME).exists() else None
