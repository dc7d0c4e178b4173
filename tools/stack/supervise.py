"""Keeps child processes running: starts them, restarts those that end, with back-off, and stops them in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from shared.errors import SetUpError, StepdownError
from tools.stack import children
from tools.stack.children import Command
from tools.stack.folder import full_disk, tells_full_disk

BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the first, second, … restart; the last for all later ones."""
LOOK_EVERY = 0.05  # seconds; each look at a service asks its database too
STEADY = 30.0  # seconds alive after which the next end counts as the first
TRIES = 3  # ends before it was ever ready, after which waiting longer would not help


async def _nothing() -> None:
    """The preparation of a child that needs none."""


@dataclass(frozen=True)
class Child:
    """What to keep running: its command, how to see that it is ready, and what to do before each start (`prepare`).

    `patience`: seconds within which it must be ready; `grace`: seconds to end after its stop signal, before SIGKILL.
    `again`: what to do once it is ready again after an end that nobody asked for.
    `waits_for`: what it says itself why it is not ready; "" where it says nothing.
    """

    command: Command
    is_ready: Callable[[], bool]
    prepare: Callable[[], Awaitable[None]] = _nothing
    patience: float = 60.0
    grace: float = 15.0
    again: Callable[[], Awaitable[None]] = _nothing
    waits_for: Callable[[], str] = str


@dataclass
class _Running:
    """A child with its process as it is now, and the task that restarts it (None while it is starting)."""

    child: Child
    process: asyncio.subprocess.Process
    keeper: asyncio.Task[None] | None = field(default=None)
    mender: asyncio.Task[None] | None = field(default=None)
    """Does what the child asks for once it is ready again."""


class Supervision:
    """The children of one `up`. `say` gets a sentence for every unexpected end, before the restart.

    Everything here runs in the main thread: the kernel ends a child together with the thread that started it.
    """

    def __init__(self, say: Callable[[str], None], back_off: Sequence[float] = BACK_OFF) -> None:
        self._say = say
        self._back_off = tuple(back_off)
        self._running: dict[str, _Running] = {}

    async def start(self, child: Child) -> None:
        """Start a child, wait until it is ready, and keep it running from then on. Raises SetUpError where it ends
        TRIES times before it is ready, or is not ready within its patience."""
        for _ in range(TRIES):
            await child.prepare()
            running = _Running(child, await children.start(child.command))
            self._running[child.command.name] = running
            if await self._gets_ready(running):
                running.keeper = asyncio.create_task(self._keep(running))
                return
        log = child.command.log
        if tells_full_disk(log):
            raise full_disk(log.parent.parent, f"{child.command.name} could not write")
        raise SetUpError(f"{child.command.name} ended {TRIES} times while starting: {log} has what it said")

    def pid(self, name: str) -> int:
        """The process id of a child now; another one after a restart."""
        return self._running[name].process.pid

    async def stop(self, names: Sequence[str]) -> None:
        """Ask these children to end, all at once, and kill those that do not within their grace."""
        stopping = [self._running.pop(name) for name in names if name in self._running]
        tasks = [task for running in stopping for task in (running.keeper, running.mender) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        ended = await asyncio.gather(
            *(children.stop(one.process, one.child.command.stop, one.child.grace) for one in stopping)
        )
        for running, by_itself in zip(stopping, ended, strict=True):
            if not by_itself:
                self._say(f"{running.child.command.name} did not end in {running.child.grace:.0f} s and was killed")

    async def stop_all(self) -> None:
        """Stop all children at once."""
        await self.stop(list(self._running))

    async def _gets_ready(self, running: _Running) -> bool:
        """True when it is ready, False when it ended before. Raises SetUpError where it is not ready within its
        patience."""
        child, deadline = running.child, monotonic() + running.child.patience
        while monotonic() < deadline:
            if running.process.returncode is not None:
                return False
            if await asyncio.to_thread(child.is_ready):
                return True
            await asyncio.sleep(LOOK_EVERY)
        why = await asyncio.to_thread(child.waits_for)
        raise SetUpError(
            f"{child.command.name} runs but was not ready in {child.patience:.0f} s{why and f' ({why})'}: "
            f"{child.command.log} has what it said"
        )

    async def _keep(self, running: _Running) -> None:
        """For ever: wait until it ends, wait for the back-off, and start it again."""
        name, ends = running.child.command.name, 0
        while True:
            began = monotonic()
            code = await running.process.wait()
            ends = 1 if monotonic() - began > STEADY else ends + 1
            pause = self._back_off[min(ends, len(self._back_off)) - 1]
            self._say(f"{name} ended ({how(code)}) and is started again in {pause:g} s")
            await asyncio.sleep(pause)
            await running.child.prepare()
            running.process = await children.start(running.child.command)
            if running.mender:
                running.mender.cancel()
            running.mender = asyncio.create_task(self._once_ready(running))

    async def _once_ready(self, running: _Running) -> None:
        """What the child asks for after a restart, once it is ready; where that fails it is said, and left."""
        try:
            if await self._gets_ready(running):
                await running.child.again()
        except StepdownError as fault:
            self._say(f"{running.child.command.name} is there again, but: {fault}")


def how(code: int) -> str:
    """A process's return code in words: `exit 1`, `signal 9`."""
    return f"signal {-code}" if code < 0 else f"exit {code}"
