"""A service of a test's own, run as a process: one of its parts does not stop, in the way that the argument names."""

from __future__ import annotations

import asyncio
import base64
import logging
import sys
import time

from pydantic import SecretStr

from shared import logs
from shared.messaging.broker import broker_for
from shared.run import ServiceProcess, serve
from shared.settings import Settings
from shared.stopping import Deadline
from shared.storage.database import Database

KEY = SecretStr("k1:" + base64.b64encode(bytes(32)).decode())


class Part:
    """A door whose stop never returns: it will not be cancelled, or it holds the whole event loop."""

    async def start(self) -> None:
        logging.getLogger("shared").warning("opened")

    async def stop(self) -> None:
        if sys.argv[1] == "loop":
            time.sleep(600)  # noqa: ASYNC251 - that is what it is for
        while True:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                continue


async def main() -> None:
    """Serve, with a broker and a database that are away, until SIGTERM."""
    logs.set_up("hanging")
    url = "postgresql://nobody:x@127.0.0.1:9/none"
    settings = Settings(database_url=SecretStr(url), kafka="127.0.0.1:9", message_keys=KEY)
    service = ServiceProcess("hanging", settings, Database(url), broker_for(settings, "hanging"), [], doors=[Part()])
    await serve(service, deadline=Deadline(1.0))


if __name__ == "__main__":
    asyncio.run(main())
