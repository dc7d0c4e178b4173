"""Starts child processes that end when their parent ends. Knows no service, broker or database.

On Linux the kernel sends the child a signal when the thread that started it ends (PR_SET_PDEATHSIG, prctl(2)); so
children are started from the main thread only. On other systems, and for services everywhere, the child holds the
reading end of a pipe whose writing end only the parent has, and ends when that is closed.
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
LOOK_EVERY = 0.03
"""Seconds between two looks at a process that is to end."""
LINUX = sys.platform.startswith("linux")
_libc = ctypes.CDLL(None, use_errno=True) if LINUX else None


@dataclass(frozen=True)
class Account:
    """The user id and group id of an unprivileged account that a child runs as when its parent is root."""

    user: int
    group: int


@dataclass(frozen=True)
class Command:
    """What to start: arguments, environment (None: the parent's), working folder, and the file for its output (`log`).

    `stop`: the signal that asks it to end; `orphaned`: the signal that the kernel sends when the parent has ended;
    `pass_fds`: open files that it keeps.
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
    """Start the command in a session of its own, so that Ctrl-C in a terminal reaches the parent only."""
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
    """On Linux a function to call in the child before its program starts: after it the kernel sends `sign` to the child
    when `parent`, a process id, ends. None elsewhere."""
    if _libc is None:
        return None
    prctl = _libc.prctl

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(sign), 0, 0, 0)
        if os.getppid() != parent:  # it ended before we could ask
            os._exit(1)

    return ask_the_kernel


def end_with_parent(pipe: int | None) -> None:
    """End this process at once when the parent's end of `pipe`, a file descriptor, is closed; a service calls it."""
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
    """Send `sign`, wait for at most `seconds`, then send SIGKILL; True where the process ended without that."""
    if process.returncode is not None:
        return True
    _send(process, sign)
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        _send(process, signal.SIGKILL)
        await process.wait()
        return False
    return True


async def end_orphan(pid: int, program: str, sign: signal.Signals, seconds: float) -> None:
    """Let a process that outlived its parent end by itself; after `seconds` send it `sign`, after as many again
    SIGKILL.

    Does nothing where `pid` is 0, or no live process of this program (see `is_running`).
    """
    for each in (None, sign, signal.SIGKILL):
        if not pid or not is_running(pid, program):
            return
        if each is not None:
            os.kill(pid, each)
        for _ in range(round(seconds / LOOK_EVERY)):
            if not is_running(pid, program):
                return
            await asyncio.sleep(LOOK_EVERY)


def _send(process: asyncio.subprocess.Process, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended on its own between the look and the signal
        process.send_signal(sign)


def is_running(pid: int, program: str) -> bool:
    """True where `pid` is a live process whose program's name contains `program`: not where the number was reused."""
    import subprocess  # noqa: PLC0415  # only where there is no /proc

    try:
        if LINUX:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
            return program in status.splitlines()[0] and "\nState:\tZ" not in status
        found = subprocess.run(["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return program in found.stdout
