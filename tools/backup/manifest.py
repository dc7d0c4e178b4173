"""The manifest of a backup: what its files are, of which moment and versions, and which keys it needs. It holds no
value of a message, and no key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from shared.errors import SetUpError
from tools.stack import SERVICES
from tools.stack.folder import write_privately

NAME = "manifest.json"
PRODUCT = "stepdown"
FORMAT = 1
"""The number of this layout; another one is refused."""
CHUNK = 1 << 20
"""Bytes that are read or written at a time."""
Progress = Callable[[int], None]
"""Takes the number of MiB, or of other steps, that were just done."""


class BackupFile(msgspec.Struct, frozen=True):
    """A file of the backup: its path in the folder, its bytes and their SHA-256 in hexadecimal digits."""

    path: str
    size: int
    sha256: str


class ConsumerPosition(msgspec.Struct, frozen=True):
    """Where a consumer stood: the next offset that it would read, and the `ce_id` of the last record that it had."""

    consumer: str
    topic: str
    partition: int
    next_offset: int
    last_id: str | None


class DatabaseCopy(msgspec.Struct, frozen=True):
    """A service's database at the moment: its dump, the revision of its schema, the major version of its PostgreSQL,
    bytes by table there; where its consumers stood, and how many records its relay had yet to send."""

    path: str
    revision: str
    postgres: int
    tables: dict[str, int]
    positions: tuple[ConsumerPosition, ...]
    unsent_records: int


class KeyName(msgspec.Struct, frozen=True):
    """A key that seals, by its id and a fingerprint from which the key can't be had: it is random, of 32 bytes."""

    id: str
    fingerprint: str


class PartitionEnd(msgspec.Struct, frozen=True):
    """The offset of the next record of a partition, read just after the moment."""

    topic: str
    partition: int
    end: int


class SiteCopy(msgspec.Struct, frozen=True):
    """The site config in force: its name and version; the files are in `config/` of the backup."""

    name: str
    version: str


class Manifest(msgspec.Struct, frozen=True):
    """The whole of it. `taken_at`: RFC 3339, by the clock of intake's database server; `keys` and `databases` by
    service; `topics` is empty where the broker did not answer."""

    product: str
    format: int
    version: str
    taken_at: str
    databases: dict[str, DatabaseCopy]
    keys: dict[str, tuple[KeyName, ...]]
    site: SiteCopy
    topics: tuple[PartitionEnd, ...]
    files: tuple[BackupFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


def write(folder: Path, manifest: Manifest) -> None:
    """Write it with mode 0600, as the last file of a backup: a folder without it is none."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    write_privately(folder / NAME, text.decode() + "\n")


def read(folder: Path) -> Manifest:
    """The manifest of a backup. Raises SetUpError where the folder is none, or one of another product or layout."""
    try:
        raw = msgspec.json.decode((folder / NAME).read_bytes())
    except OSError as error:
        raise SetUpError(f"{folder} is no whole backup: its {NAME} can't be read ({error.strerror})") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SetUpError(f"{folder} is no whole backup: its {NAME} is cut or changed") from None
    found: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    if (found.get("product"), found.get("format")) != (PRODUCT, FORMAT):
        raise SetUpError(f"{folder} has a backup of another product, or by a newer Stepdown: restore it with that one")
    try:
        return _complete(msgspec.convert(found, Manifest))
    except msgspec.ValidationError:
        raise SetUpError(f"{folder} is no whole backup: its {NAME} is cut or changed") from None


def _complete(manifest: Manifest) -> Manifest:
    """The same. Raises ValidationError where a service is missing, or a path leads out of the folder."""
    listed = {file.path for file in manifest.files}
    dumps = {copy.path for copy in manifest.databases.values()}
    leading_out = [path for path in listed if Path(path).is_absolute() or ".." in Path(path).parts]
    if set(manifest.databases) != set(SERVICES) or not dumps <= listed or leading_out:
        raise msgspec.ValidationError
    return manifest


def check(folder: Path, manifest: Manifest, moved: Progress) -> None:
    """Compare every file with its size and checksum; `moved` gets MiB. Raises SetUpError with the name of the first
    that differs."""
    for file in manifest.files:
        found = folder / file.path
        try:
            size = found.stat().st_size
            same = size == file.size and sha256(found, moved) == file.sha256
        except OSError as error:
            raise SetUpError(f"{found} can't be read ({error.strerror}): this backup is not whole") from None
        if not same:
            what = f"has {size} bytes of {file.size}" if size != file.size else "is not what was written"
            raise SetUpError(f"{found} {what}: this backup is damaged, take another one")


def sha256(path: Path, moved: Progress) -> str:
    """The checksum of a file, which is read 1 MiB at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(CHUNK):
            digest.update(part)
            moved(1)
    return digest.hexdigest()
