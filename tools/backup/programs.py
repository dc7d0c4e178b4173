"""PostgreSQL's own pg_dump and pg_restore: those on PATH, else those of the embedded PostgreSQL's wheel.

They get a password by their environment, never as an argument. What pg_restore says is not told on: it quotes rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from shared.errors import SetUpError
from tools.backup.manifest import CHUNK, BackupFile
from tools.stack import postgres

AT_TABLE = re.compile(rb'(?:dumping contents of|processing data for) table "public\.(\w+)"')
AtTable = Callable[[str], None]
"""Takes the name of the table that is worked on now."""


def program(name: str, server: int) -> str:
    """The path of pg_dump or pg_restore, of the version nearest to the server's major version `server` and not older.
    Raises SetUpError where there is none."""
    usable = [(version, path) for path in _installed(name) if (version := _version(path)) >= server]
    if not usable:
        raise SetUpError(f"there is no {name} {server} or newer here: install PostgreSQL's client programs")
    return min(usable)[1]


def _installed(name: str) -> list[str]:
    found = [path for path in (shutil.which(name),) if path]
    with contextlib.suppress(SetUpError):  # no wheel for this platform
        found.append(str(postgres.binaries() / "bin" / name))
    return found


def _version(path: str) -> int:
    try:
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    number = re.search(r"\) (\d+)", told)
    return int(number[1]) if number else 0


async def dump(url: str, snapshot: str, server: int, file: Path, at_table: AtTable) -> BackupFile:
    """Write a dump of a database, as a snapshot sees it, to a new file of mode 0600; returns what was written. Raises
    SetUpError where pg_dump fails or the file can't be written."""
    how = ["--format=custom", "--no-owner", "--no-privileges", "--verbose", f"--snapshot={snapshot}"]
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            async with _running(program("pg_dump", server), how, url, at_table, wants_output=True) as process:
                assert process.stdout is not None  # noqa: S101
                while part := await process.stdout.read(CHUNK):
                    digest.update(part)
                    size += out.write(part)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise SetUpError(f"{file} can't be written ({error.strerror})") from None
    return BackupFile(file.name, size, digest.hexdigest())


async def load(url: str, server: int, file: Path, at_table: AtTable) -> None:
    """Make a dump's tables and rows in a database without them, in one transaction. Raises SetUpError where pg_restore
    fails; nothing of it is kept then."""
    how = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", "--verbose", str(file)]
    async with _running(program("pg_restore", server), how, url, at_table, wants_output=False):
        pass


@asynccontextmanager
async def _running(
    path: str, how: Sequence[str], url: str, at_table: AtTable, *, wants_output: bool
) -> AsyncIterator[Process]:
    """The program while the body of `async with` reads its output; waited for afterwards, and killed on an error.
    Raises SetUpError where it fails."""
    place, secrets = without_password(url)
    process = await asyncio.create_subprocess_exec(
        path, *how, f"--dbname={place}", stdin=DEVNULL, stdout=PIPE if wants_output else DEVNULL, stderr=PIPE,
        env=_environment() | secrets,
    )  # fmt: skip
    following = asyncio.create_task(_follow(process, at_table))
    try:
        yield process
        await following
        code = await process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    finally:
        following.cancel()
    if code:
        name = Path(path).name
        raise SetUpError(f"{name} failed at {urlsplit(url).path.strip('/')} (exit {code}): the server's log says why")


async def _follow(process: Process, at_table: AtTable) -> None:
    """Read what it says, to know the table that it is at."""
    assert process.stderr is not None  # noqa: S101
    rest = b""
    while part := await process.stderr.read(CHUNK):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if named := AT_TABLE.search(line):
                at_table(named[1].decode())


def without_password(url: str) -> tuple[str, dict[str, str]]:
    """(A database's URL without its password, as libpq reads it; the environment variable that has the password.)"""
    parts = urlsplit(url)
    user, _, server = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    secret = {"PGPASSWORD": unquote(parts.password)} if parts.password else {}
    kept = parts._replace(scheme="postgresql", netloc=f"{name}@{server}" if name else server)
    return urlunsplit(kept), secret


def _environment() -> dict[str, str]:
    """Ours without the operator's PG* variables but those of TLS and service files, which a URL may lean on."""
    kept = ("PGSSL", "PGPASSFILE", "PGSERVICE")
    return {name: text for name, text in os.environ.items() if not name.startswith("PG") or name.startswith(kept)}
