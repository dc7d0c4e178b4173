"""Runs `up` with stand-in services in a process of its own: `python -m tests.stack.drive DATA [--mllp-port P]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from shared.errors import StepdownError
from tools.stack.up import Options, StartReporter, up

STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in.py")))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    told = StartReporter(step=lambda _: None, ready=lambda _, path: print(path, flush=True), event=say)
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    try:
        asyncio.run(up(Options(Path(sys.argv[1]), mllp_port=port, program=STAND_IN), told))
    except StepdownError as error:
        say(str(error))
        sys.exit(1)
