"""The data directory of one `up`: its lock, its secrets in files that only the owner may read, and its ports."""

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

LASTING_PORTS = range(20000, 32000)  # Linux gives outgoing connections 32768 and up, others (RFC 6335) 49152 and up
PATIENCE = 3.0
"""Seconds to wait until a port that this data directory had before is free."""
FREE_BYTES = 300 * 1024 * 1024  # what initdb, its first WAL segments and a demo's topics take, with room


@dataclass(frozen=True)
class Folder:
    """A data directory that this process has locked; `release`, or the end of the process, unlocks it."""

    path: Path
    lock: int

    def inside(self, name: str) -> Path:
        """A folder inside, made with mode 0700 where it is missing."""
        found = self.path / name
        found.mkdir(mode=0o700, parents=True, exist_ok=True)
        return found

    def log(self, name: str) -> Path:
        """The log file of a child process."""
        return self.inside("logs") / f"{name}.log"

    def secret(self, name: str, text: str) -> Path:
        """Write a secret to a file of mode 0600, in one step; returns its path."""
        path = self.inside("secrets") / name
        write_privately(path, text)
        return path

    def kept_secret(self, name: str, make: str) -> Path:
        """The path of a secret that stays the same over restarts: `make` is written only where there is none yet."""
        path = self.path / "secrets" / name
        return path if path.exists() else self.secret(name, make)

    def ports(self, wanted: dict[str, int], say: Callable[[str], None]) -> dict[str, int]:
        """Name → port. `wanted` 0: the port that it had before the restart, at first any free one. `say` gets a
        sentence where that port is taken. Raises SetUpError where a wanted port is taken."""
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
        """Unlock the data directory."""
        os.close(self.lock)


def claim(path: Path) -> Folder:
    """Make the data directory (mode 0700) and lock it for this process. Raises SetUpError where it cannot be written,
    or another process has locked it."""
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
    """Try to lock for 0.2 s, since a command's `is_claimed` may hold the lock for an instant."""
    for _ in range(10):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False


def is_claimed(path: Path) -> bool:
    """True where an `up` runs on a data directory."""
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
    """Raise SetUpError where the disk of the data directory has fewer than `needed` bytes free."""
    free = shutil.disk_usage(path).free
    if free < needed:
        raise full_disk(path, f"{free // 2**20} MB free, {needed // 2**20} MB needed")


def full_disk(path: Path, detail: str) -> SetUpError:
    """The error for a full disk, to be raised; it names the data directory."""
    return SetUpError(f"the disk of {path} is full ({detail}): free some space, or name another place with --data")


def tells_full_disk(log: Path) -> bool:
    """True where the end of a child's log says that the disk is full (ENOSPC)."""
    return names_full_disk(last_words(log, 4000))


def names_full_disk(text: str) -> bool:
    """True where a program's output says that the disk is full, in the system's words or by PostgreSQL's hint."""
    return any(words in text.lower() for words in (os.strerror(errno.ENOSPC).lower(), "check free disk space"))


def last_words(log: Path, length: int = 300) -> str:
    """The last `length` bytes of a child's log as text; empty where it cannot be read."""
    try:
        return log.read_bytes()[-length:].decode("utf-8", "replace").strip()
    except OSError:
        return ""


def write_privately(path: Path, text: str) -> None:
    """Write a file of mode 0600 in one step: a reader sees the old or the new content, never a part of it. Raises
    SetUpError where the disk is full, else OSError."""
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
    """A random password of 24 bytes, as text that needs no quoting in a URL."""
    return secrets.token_urlsafe(24)


def new_message_key() -> str:
    """A random key of 32 bytes as STEPDOWN_MESSAGE_KEYS has it: `id:base64`."""
    return f"{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def ports(wanted: dict[str, int], host: str = "127.0.0.1") -> dict[str, int]:
    """Name → port, where 0 is replaced by a free one. Raises SetUpError where a wanted port is taken."""
    return kept_ports(wanted, {}, lambda _: None, host)


def kept_ports(
    wanted: dict[str, int], before: dict[str, int], say: Callable[[str], None], host: str = "127.0.0.1"
) -> dict[str, int]:
    """The same, where 0 is replaced by the port `before`; where that is taken, by a free one, and `say` gets a
    sentence."""
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
    """True where the port could be bound within PATIENCE: a system that was killed may hold it for a moment."""
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
    """A free port of LASTING_PORTS, which systems do not give to outgoing connections, so that it is still free when a
    service listens there; 0 where none of 50 is free."""
    for port in random.sample([port for port in LASTING_PORTS if port not in given], 50):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((host, port))
            except OSError:
                continue
            return port
    return 0


def answers(host: str, port: int, seconds: float = 0.3) -> bool:
    """True where something accepts a connection at this address within `seconds`."""
    try:
        with socket.create_connection((host, port), timeout=seconds):
            return True
    except OSError:
        return False
