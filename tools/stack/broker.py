"""The embedded broker (noida-db), which speaks Kafka's protocol: its program, folder and port. Knows no topic.

It holds its records in memory and rewrites all of them into one file: about once a second while they are few, ever more
rarely as they grow, and when it is asked to end. So it is always asked: when its parent has ended, the kernel sends it
SIGTERM, never SIGKILL. It is for trying (decision 0109).
"""

from __future__ import annotations

import json
import os
import signal
import stat
from importlib.util import find_spec
from pathlib import Path

from shared.errors import SetUpError
from tools.stack.children import Command, end_orphan
from tools.stack.folder import Folder, answers

PACKAGE = "noida_db"
PROGRAM = "noida-db"
FOLDER = "kafka"
"""Where it keeps its records, inside the data directory."""


def program() -> Path:
    """The executable of the installed wheel. Raises SetUpError where there is none for this platform."""
    spec = find_spec(PACKAGE)
    found = Path(spec.origin).parent / PROGRAM if spec and spec.origin else None
    if found is None or not found.exists():
        raise SetUpError(
            "there is no embedded broker here (extra `embedded`, package noida-db, not for every platform): "
            "start an Apache Kafka and name it with --kafka"
        )
    if not os.access(found, os.X_OK):  # some installers drop the bit
        found.chmod(found.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return found


class Broker:
    """One embedded broker in `folder`/kafka on a loopback port."""

    def __init__(self, folder: Folder, port: int) -> None:
        self.port = port
        self.place = folder.inside(FOLDER)
        self.log = folder.log("kafka")
        self.program = program()

    @property
    def bootstrap(self) -> str:
        """Its address, `host:port`."""
        return f"127.0.0.1:{self.port}"

    async def prepare(self) -> None:
        """Let the broker of an `up` that was killed save its records and end (after 6 s SIGTERM, after 12 s SIGKILL),
        and delete its control file."""
        control = self.place / "noida.control.json"
        await end_orphan(_pid(control), PROGRAM, signal.SIGTERM, 6.0)
        control.unlink(missing_ok=True)  # it would take a reused process number for itself

    def command(self) -> Command:
        """How it is started."""
        return Command(
            name="kafka",
            arguments=[
                str(self.program), "start", "--data-dir", str(self.place), "--host", "127.0.0.1",
                "--only", "kafka", "--kafka-port", str(self.port),
            ],
            log=self.log,
            folder=self.place,
            orphaned=signal.SIGTERM,
        )  # fmt: skip

    def is_ready(self) -> bool:
        """True when it accepts connections."""
        return answers("127.0.0.1", self.port)


def _pid(control: Path) -> int:
    try:
        return int(json.loads(control.read_text(encoding="utf-8")).get("pid", 0))
    except (OSError, ValueError, TypeError, AttributeError):
        return 0
