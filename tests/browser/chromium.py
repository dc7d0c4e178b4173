"""A real Chromium without a window, driven over the DevTools protocol's pipe; needs the program and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.waiting import until

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_START = (
    "import fcntl, os, sys\n"
    "ends = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]]\n"
    "os.dup2(ends[0], 3), os.dup2(ends[1], 4)\n"
    "os.execv(sys.argv[3], sys.argv[3:])\n"
)
"""The browser reads commands from file descriptor 3 and answers on 4."""


class Tab:
    """One page of the browser, with cookies of its own."""

    def __init__(self, browser: Chromium, session: str, context: str) -> None:
        self.browser, self.session, self._context = browser, session, context

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the protocol."""
        return await self.browser.ask(method, self.session, **params)

    async def look(self, script: str) -> Any:
        """The value of a script; AssertionError where it throws."""
        found = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def shows(self, script: str, seconds: float = 20) -> Any:
        """Wait until a script is true (an element is no value) of a loaded page, whichever page that is by then."""

        async def so() -> Any:
            try:
                return await self.look(f"document.readyState === 'complete' && ({script})")
            except AssertionError:  # the page went away while it was looked at
                return None

        return await until(so, seconds, 0.05)

    async def open(self, address: str) -> None:
        """Go there; the page may not be loaded yet."""
        found = await self.ask("Page.navigate", url=address)
        assert not found.get("errorText"), found

    async def close(self) -> None:
        """Close the page, its stream of changes and its cookies: a person may have so many streams, and no more."""
        await self.browser.ask("Target.disposeBrowserContext", browserContextId=self._context)

    async def as_seen(self, *, width: int, dark: bool = False) -> None:
        """The width of the window, and whether its reader likes it dark."""
        await self.ask("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.ask("Emulation.setEmulatedMedia", features=[scheme])


class Chromium:
    """The program, and what it said that nobody asked for (`told`)."""

    def __init__(self, commands: asyncio.StreamWriter, answers: asyncio.StreamReader) -> None:
        self._commands, self._answers = commands, answers
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.told: list[dict[str, Any]] = []

    async def listen(self) -> None:
        """Take in answers until the browser ends."""
        while True:
            try:
                raw = await self._answers.readuntil(b"\0")
            except asyncio.IncompleteReadError:
                return
            said = json.loads(raw[:-1])
            if (waiting := self._waiting.pop(said.get("id", 0), None)) is not None and not waiting.done():
                waiting.set_result(said)
            elif "method" in said:
                self.told.append(said)

    async def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """One command of the protocol, of the browser or of a page."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        of_page = {"sessionId": session} if session else {}
        self._commands.write(json.dumps({"id": number, "method": method, "params": params, **of_page}).encode() + b"\0")
        said = await asyncio.wait_for(answer, 30)
        assert "error" not in said, said["error"]
        result: dict[str, Any] = said["result"]
        return result

    async def tab(self) -> Tab:
        """A page in which nobody is signed in."""
        context = (await self.ask("Target.createBrowserContext"))["browserContextId"]
        target = await self.ask("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        found = Tab(self, attached["sessionId"], context)
        for domain in ("Page", "Runtime", "Log"):
            await found.ask(f"{domain}.enable")
        return found

    def complaints(self) -> list[str]:
        """What pages' consoles said: scripts that failed, files and calls that the policy forbade."""
        logs = [each["params"]["entry"]["text"] for each in self.told if each["method"] == "Log.entryAdded"]
        return logs + [str(each["params"]) for each in self.told if each["method"] == "Runtime.exceptionThrown"]


@asynccontextmanager
async def a_chromium(place: Path) -> AsyncIterator[Chromium]:
    """A running browser whose profile is below `place`."""
    assert PROGRAM
    commands, ours = os.pipe()
    theirs, answers = os.pipe()
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    own = [f"--user-data-dir={place}", "--remote-debugging-pipe"]
    start = [sys.executable, "-c", _START, str(commands), str(answers), PROGRAM, *flags, *own, "about:blank"]
    process = await asyncio.create_subprocess_exec(
        *start, pass_fds=(commands, answers), stderr=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
    )
    os.close(commands)
    os.close(answers)
    browser = Chromium(await _writer(ours), await _reader(theirs))
    listening = asyncio.create_task(browser.listen())
    try:
        yield browser
    finally:
        process.kill()
        await process.wait()
        await listening
        browser._commands.close()


async def _writer(fd: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(fd, "wb"))
    return asyncio.StreamWriter(transport, protocol, None, loop)


async def _reader(fd: int) -> asyncio.StreamReader:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb"))
    return reader
