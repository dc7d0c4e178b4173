"""How commands find the broker and the databases of a system: by its data directory and the environment."""

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
    """What a command needs to reach a system. `settings` name the broker; `urls`: service → URL of its database, by its
    application role; `ready`: the ready file, None where no `up` runs on the data directory or it is still starting.
    """

    settings: Settings
    urls: dict[str, str] = field(repr=False)
    ready: ready.Ready | None


def databases(data: Path | None) -> dict[str, str]:
    """Service → URL of its database, from STEPDOWN_<SERVICE>_DATABASE_URL (or …_FILE), else from the data directory's
    secrets. Raises SetUpError where neither has one."""
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
    """What decrypts a service's dead letters, with the keys of `keys_of`. Raises SetUpError as that."""
    from shared.storage.sealing import Seal  # noqa: PLC0415 - few commands open anything

    return Seal(keys_of(service, data))


def keys_of(service: str, data: Path | None) -> dict[str, bytes]:
    """A service's keys by id: those of STEPDOWN_<SERVICE>_MESSAGE_KEYS (or …_FILE), else of STEPDOWN_MESSAGE_KEYS, else
    of the data directory. Raises SetUpError where there is none, or it cannot be read."""
    kept = ready.data_directory(data) / "secrets" / "message.keys"
    text = variable(f"{service}_message_keys") or variable("message_keys")
    if not text and kept.exists():
        text = kept.read_text("utf-8")
    if not text:
        raise SetUpError(
            f"what {service} keeps is sealed: set STEPDOWN_{service.upper()}_MESSAGE_KEYS_FILE to its keys, "
            f"or put them into {kept}"
        )
    try:
        return parse_keys(text)
    except ValueError as wrong:
        raise SetUpError(f"the message keys of {service} can't be read: {wrong}") from None


def owners() -> dict[str, str]:
    """Service → URL of its owner role, from STEPDOWN_<SERVICE>_DATABASE_OWNER_URL (or …_FILE); empty where none is set.
    Raises SetUpError where only some are set."""
    found = {name: variable(f"{name}_database_owner_url") for name in SERVICES}
    missing = [f"STEPDOWN_{name.upper()}_DATABASE_OWNER_URL" for name, url in found.items() if not url]
    if 0 < len(missing) < len(SERVICES):
        raise SetUpError(f"some owner roles are given and some are not: set {' and '.join(missing)} too")
    return {name: url for name, url in found.items() if url}


def reach(data: Path | None) -> Access:
    """The broker and databases of the system on the data directory, else those that the environment names. Raises
    SetUpError, which says how to start a system or what to set."""
    found = _running(data)
    if found is None and not os.environ.get("STEPDOWN_KAFKA"):
        ready.find(data)
    settings = load(kafka=found.kafka) if found else load()
    return Access(settings, databases(data), found)


def broker(data: Path | None) -> Settings:
    """Settings with the broker of the system on the data directory; without `data`, with that of STEPDOWN_KAFKA where
    it is set. Raises SetUpError where no system runs there."""
    if data is None and os.environ.get("STEPDOWN_KAFKA"):
        return load()
    return load(kafka=ready.find(data).kafka)


def _running(data: Path | None) -> ready.Ready | None:
    place = ready.data_directory(data)
    return ready.find(data) if is_claimed(place) and (place / ready.NAME).exists() else None
