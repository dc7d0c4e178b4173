"""The data directory of one `up`: claimed by one process, secrets in 0600 files, ports; no broker, no database."""

from __future__ import annotations

import base64
import errno
import fcntl
import json
import os
import random
import secrets
import shutil
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from shared.errors import SetUpError

LASTING = range(20000, 32000)  # Linux gives outgoing connections 32768 and up, others (RFC 6335) 49152 and up
PATIENCE = 3.0
"""Seconds to wait for a port that was ours before."""
FREE_BYTES = 300 * 1024 * 1024  # what initdb, its first WAL segments and a demo's topics take, with room


@dataclass(frozen=True)
class Folder:
    """A claimed data directory; `release` (or the end of the process) lets the next one in."""

    path: Path
    lock: int

    def inside(self, name: str) -> Path:
        """A folder inside, made with mode 0700 when it is missing."""
        found = self.path / name
        found.mkdir(mode=0o700, parents=True, exist_ok=True)
        return found

    def log(self, name: str) -> Path:
        return self.inside("logs") / f"{name}.log"

    def secret(self, name: str, text: str) -> Path:
        """Write a secret (mode 0600, replaced in one step) and say where it is."""
        path = self.inside("secrets") / name
        write_privately(path, text)
        return path

    def kept_secret(self, name: str, make: str) -> Path:
        """A secret that stays the same over restarts: written the first time only."""
        path = self.path / "secrets" / name
        return path if path.exists() else self.secret(name, make)

    def ports(self, wanted: dict[str, int], say: Callable[[str], None]) -> dict[str, int]:
        """Name → port, the same ones over restarts (0: any); who knows an address finds it again."""
        path = self.path / "ports.json"
        try:
            before = {str(name): int(port) for name, port in json.loads(path.read_text(encoding="utf-8")).items()}
        except (OSError, ValueError, AttributeError):
            before = {}
        found = kept_ports(wanted, before, say)
        if found != before:
            write_privately(path, json.dumps(found) + "\n")
        return found

    def release(self) -> None:
        os.close(self.lock)


def claim(path: Path) -> Folder:
    """Make the data directory (0700) and take it for this process; SetUpError says why that is not possible."""
    path = path.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SetUpError(
            f"the data directory {path} can't be written ({error.strerror}): name another with --data"
        ) from None
    if not _taken(lock):
        os.close(lock)
        raise SetUpError(
            f"another `stepdown up` is running on {path}: end it first, or name another directory with --data"
        )
    return Folder(path, lock)


def _taken(lock: int) -> bool:
    """A few tries: `is_claimed` of a command may hold the lock for an instant."""
    for _ in range(10):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False


def is_claimed(path: Path) -> bool:
    """Whether an `up` is running on a data directory."""
    try:
        lock = os.open(path / "up.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def has_room(path: Path, needed: int = FREE_BYTES) -> None:
    """SetUpError when the disk of the data directory is (nearly) full."""
    free = shutil.disk_usage(path).free
    if free < needed:
        raise full_disk(path, f"{free // 2**20} MB free, {needed // 2**20} MB needed")


def full_disk(path: Path, detail: str) -> SetUpError:
    return SetUpError(f"the disk of {path} is full ({detail}): free some space, or name another place with --data")


def tells_full_disk(log: Path) -> bool:
    """Whether a child's last words were that the disk is full (ENOSPC)."""
    return names_full_disk(last_words(log, 4000))


def names_full_disk(text: str) -> bool:
    """Whether a program says so in the system's words, or in PostgreSQL's hint for a write that was cut short."""
    return any(words in text.lower() for words in (os.strerror(errno.ENOSPC).lower(), "check free disk space"))


def last_words(log: Path, length: int = 300) -> str:
    """The end of a child's log."""
    try:
        return log.read_bytes()[-length:].decode("utf-8", "replace").strip()
    except OSError:
        return ""


def write_privately(path: Path, text: str) -> None:
    """Write a file of mode 0600 in one step: a reader sees the old or the new one, never half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        if error.errno == errno.ENOSPC:
            raise full_disk(path.parent, "nothing more can be written") from None
        raise


def new_password() -> str:
    return secrets.token_urlsafe(24)


def new_message_key() -> str:
    """`id:base64` of 32 random bytes, as STEPDOWN_MESSAGE_KEYS wants it."""
    return f"{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def ports(wanted: dict[str, int], host: str = "127.0.0.1") -> dict[str, int]:
    """Name → port; 0 becomes a free one. SetUpError when a wanted one is taken."""
    return kept_ports(wanted, {}, lambda _: None, host)


def kept_ports(
    wanted: dict[str, int], before: dict[str, int], say: Callable[[str], None], host: str = "127.0.0.1"
) -> dict[str, int]:
    """The same; 0 becomes the port that it had `before`, and another one, which is said, where that is taken."""
    found: dict[str, int] = {}
    with ExitStack() as held:  # all are held until all are known
        for name in sorted(wanted, key=lambda name: (not wanted[name], name not in before)):
            door = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            given = set(found.values())  # two sockets that don't listen yet may share a port
            if not wanted[name] and name in before:
                if before[name] not in given and _bound(door, host, before[name]):
                    found[name] = before[name]
                    continue
                say(f"port {before[name]}, which {name} had, is taken: it gets another one")
            found[name] = _bind(door, host, wanted[name] or _lasting(host, given), name, given)
    return {name: found[name] for name in wanted}


def _bind(door: socket.socket, host: str, port: int, name: str, given: set[int]) -> int:
    try:
        if port in given:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        door.bind((host, port))
    except OSError as error:
        raise SetUpError(
            f"port {port} for {name} can't be had on {host} ({error.strerror}): "
            "end what uses it, or give another one (0: any free port)"
        ) from None
    return int(door.getsockname()[1])


def _bound(door: socket.socket, host: str, port: int) -> bool:
    """Whether the port can be had; a system that was killed may take a moment to let go of it."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            door.bind((host, port))
        except OSError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.1)
        else:
            return True


def _lasting(host: str, given: set[int]) -> int:
    """A port that is free and stays so until a service listens there: none that systems give outgoing connections."""
    for port in random.sample([port for port in LASTING if port not in given], 50):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((host, port))
            except OSError:
                continue
            return port
    return 0


def answers(host: str, port: int, seconds: float = 0.3) -> bool:
    """Whether something accepts a connection there."""
    try:
        with socket.create_connection((host, port), timeout=seconds):
            return True
    except OSError:
        return False
