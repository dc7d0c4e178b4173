"""The process of the front door: `python -m tools.stack.front PORT intake=http://127.0.0.1:… placement=… aftercare=…`,
until SIGTERM or SIGINT. With `issuer=FILE` it has the development issuer too, whose client's secret is in the file."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from shared import logs
from shared.web.http_limits import HttpDoor, HttpLimits
from tools.stack.children import end_with_parent
from tools.stack.front import FRONT_DOOR
from tools.stack.front.door import Application, FrontDoor

HOST = "127.0.0.1"


async def serve(door: FrontDoor, sock: socket.socket) -> None:
    """Answer on this socket until a signal asks to end; streams of events end then, other answers have their time."""
    web = HttpDoor(door, HttpLimits(), behind_proxy=False)

    def end() -> None:
        door.end_streams()
        web.should_exit = True

    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, end)
    await web.serve(sockets=[sock])
    await door.close()


def main(arguments: Sequence[str]) -> None:
    """Run the front door with these arguments."""
    port, *services = arguments
    logs.set_up(FRONT_DOOR)
    end_with_parent(int(os.environ.get("STEPDOWN_PARENT_PIPE", "0")) or None)
    given = dict(each.split("=", 1) for each in services)
    secret = given.pop("issuer", None)
    issuer = partial(_issuer, f"http://{HOST}:{port}", Path(secret)) if secret else None
    with socket.create_server((HOST, int(port))) as sock:
        asyncio.run(serve(FrontDoor(given, issuer=issuer), sock))


def _issuer(front: str, secret: Path) -> Application:
    from tools.stack.development_issuer import application  # noqa: PLC0415  # takes a while to import

    return application(front, secret)


if __name__ == "__main__":
    main(sys.argv[1:])
