"""Remembers whose visits are long, so that deriving them takes noticeable time, and does that work off the event loop.

What a visit means is derived from all of its messages, and that is this process's work: it would hold the event loop,
and with it every other hospital's answer. So another process does it (derive_apart.py); what needs the messages
themselves, a thread, which gives way to the loop at once.
"""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from services.intake.receiving.derive_apart import Apart
from shared.site.config import Site

Given = ParamSpec("Given")
Found = TypeVar("Found")
LONG = 300
"""A visit with more messages than this is long: deriving it again takes some 30 ms, so it gets a lane of its own."""
MOST = 10_000
"""How many ids of patients are remembered; a forgotten one is learned again with the patient's next message."""
GIVES_WAY = 0.0005
"""Seconds that the thread may keep the interpreter while the event loop waits for it (`sys.setswitchinterval`)."""


class LongVisits:
    """Whose visits are long, by the ids that messages tell of them; and the process and thread that work on these."""

    def __init__(self, site: Site, long: int = LONG) -> None:
        self.apart = Apart(site)
        self.long = long
        self._keys: OrderedDict[Hashable, None] = OrderedDict()
        self._thread: ThreadPoolExecutor | None = None

    def learn(self, keys: Iterable[Hashable], messages: int) -> None:
        """Remember the patient with these ids if a visit of theirs, with so many messages, is long."""
        if messages <= self.long:
            return
        for key in keys:
            self._keys[key] = None
            self._keys.move_to_end(key)
        while len(self._keys) > MOST:
            self._keys.popitem(last=False)

    def forget(self, keys: Iterable[Hashable]) -> None:
        """Forget the patient with these ids: few of the visits' messages are read from now on."""
        for key in keys:
            self._keys.pop(key, None)

    @property
    def known(self) -> bool:
        """Whether anybody is known to have a long visit."""
        return bool(self._keys)

    def has(self, keys: Iterable[Hashable]) -> bool:
        """Whether any of these ids is of a patient with a long visit."""
        return bool(self._keys) and any(key in self._keys for key in keys)

    async def in_thread(self, work: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
        """Run `work` in the thread and return its result; it must not touch what the event loop uses meanwhile."""
        if self._thread is None:
            sys.setswitchinterval(GIVES_WAY)
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="long-visits")
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*given, **named))
