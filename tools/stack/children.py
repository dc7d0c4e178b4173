"""Starting a child process that cannot outlive its parent; knows no service, no broker and no database.

Linux: the kernel sends the child a signal when the parent's thread ends (PR_SET_PDEATHSIG, prctl(2)); so children are
started from the main thread only. Elsewhere, and for services everywhere: the child holds the reading end of a pipe
whose other end lives in the parent alone, and ends when it closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
LINUX = sys.platform.startswith("linux")
_libc = ctypes.CDLL(None, use_errno=True) if LINUX else None


@dataclass(frozen=True)
class Account:
    """An unprivileged account that a child runs as when we are root."""

    user: int
    group: int


@dataclass(frozen=True)
class Command:
    """What to start: arguments, environment, folder, where its output goes, and the signals that end it.

    `stop` asks for an orderly end; `orphaned` is what the kernel sends when the parent is gone.
    """

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None = None
    folder: Path | None = None
    account: Account | None = None
    stop: signal.Signals = signal.SIGTERM
    orphaned: signal.Signals = signal.SIGKILL
    pass_fds: tuple[int, ...] = field(default=())


async def start(command: Command) -> asyncio.subprocess.Process:
    """Start it in a session of its own, so that a terminal's Ctrl-C reaches the parent only."""
    account = command.account
    descriptor = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *command.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=command.environment,
            cwd=command.folder,
            start_new_session=True,
            pass_fds=command.pass_fds,
            preexec_fn=die_with(os.getpid(), command.orphaned),  # after the change of user, which would clear it
            user=account.user if account else None,
            group=account.group if account else None,
            extra_groups=[] if account else None,
        )
    finally:
        os.close(descriptor)


def die_with(parent: int, sign: signal.Signals) -> Callable[[], None] | None:
    """What a child runs before its program (Linux): the kernel will send `sign` when `parent` ends."""
    if _libc is None:
        return None
    prctl = _libc.prctl

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(sign), 0, 0, 0)
        if os.getppid() != parent:  # it ended before we could ask
            os._exit(1)

    return ask_the_kernel


def end_with_parent(pipe: int | None) -> None:
    """Called by a service: end this process at once when the parent's end of `pipe` closes."""
    if pipe is None:
        return

    def watch() -> None:
        while True:
            select.select([pipe], [], [])
            with contextlib.suppress(BlockingIOError):  # the pipe is shared, and whoever made it so does not block
                if not os.read(pipe, 1):
                    os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


async def stop(process: asyncio.subprocess.Process, sign: signal.Signals, seconds: float) -> bool:
    """Ask it to end, wait, kill it if it does not; True when it ended by itself."""
    if process.returncode is not None:
        return True
    _send(process, sign)
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        _send(process, signal.SIGKILL)
        await process.wait()
        return False
    return True


def _send(process: asyncio.subprocess.Process, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended on its own between the look and the signal
        process.send_signal(sign)


def is_running(pid: int, program: str) -> bool:
    """Whether `pid` is a live process of a program whose name holds `program`; a reused pid is not."""
    import subprocess  # noqa: PLC0415  # only where there is no /proc

    try:
        if LINUX:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
            return program in status.splitlines()[0] and "\nState:\tZ" not in status
        found = subprocess.run(["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return program in found.stdout
