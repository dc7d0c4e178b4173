"""Every stop ends in time: a part that does not stop is left behind, and the process ends in any case."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from shared.stopping import stopped


@pytest.mark.slow
@pytest.mark.parametrize("how", ["task", "loop"])
def test_a_service_whose_part_never_stops_ends_all_the_same_and_says_so(how: str) -> None:
    command = [sys.executable, "-m", "tests.plumbing.hanging", how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "opened" not in process.stdout.readline():
            assert process.poll() is None
        process.terminate()
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["seconds"] for line in lines if line["event"].startswith("the service did not stop in time")] == [1.0]


class Part:
    """Something that is stopped."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.let = asyncio.Event()

    async def stops(self) -> None:
        """At once."""

    async def fails(self) -> None:
        """With an error."""
        raise OSError

    async def hangs(self) -> None:
        """Will not be cancelled."""
        while not self.let.is_set():
            try:
                await self.let.wait()
            except asyncio.CancelledError:
                self.cancelled += 1


@pytest.mark.parametrize(("how", "well"), [("stops", True), ("fails", False), ("hangs", False)])
async def test_the_next_part_has_its_turn_whatever_one_does(how: str, well: bool) -> None:
    part = Part()
    assert await stopped("a part", getattr(part, how)(), 0.05) is well
    part.let.set()
