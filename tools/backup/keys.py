"""The keys that seal what services keep: named in a backup by fingerprints, never copied."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from shared.errors import SetUpError
from tools.backup.manifest import KeyName
from tools.stack import SERVICES, access


def named(data: Path | None) -> dict[str, tuple[KeyName, ...]]:
    """Service → its keys by name, of the environment, else of the data directory. Raises SetUpError where a service's
    are not known here: that a backup can't say what opens it would be found out too late."""
    try:
        return {service: _names(access.keys_of(service, data)) for service in SERVICES}
    except SetUpError as unknown:
        raise SetUpError(f"{unknown}; or say --without-keys, and the backup does not name what opens it") from None


def compare(wanted: Mapping[str, tuple[KeyName, ...]], data: Path | None) -> None:
    """Raise SetUpError where a key that the backup names is not here, or another one has its id."""
    for service, names in wanted.items():
        if not names:
            continue
        here = {one.id: one.fingerprint for one in _names(access.keys_of(service, data))}
        missing = [one.id for one in names if one.id not in here]
        other = [one.id for one in names if here.get(one.id, one.fingerprint) != one.fingerprint]
        if missing or other:
            raise SetUpError(
                f"the keys of {service} here are not those of the backup: "
                + "; ".join(
                    f"{word} {', '.join(ids)}" for word, ids in (("missing", missing), ("another", other)) if ids
                )
                + ". Bring them from your vault, or say --without-keys: what they sealed can't be opened then"
            )


def _names(keys: Mapping[str, bytes]) -> tuple[KeyName, ...]:
    return tuple(KeyName(name, fingerprint(key)) for name, key in keys.items())


def fingerprint(key: bytes) -> str:
    """16 hexadecimal digits that tell keys apart; a key is 32 random bytes, so nobody finds it from them."""
    return hashlib.sha256(b"stepdown key fingerprint" + key).hexdigest()[:16]
