"""Supervision on tiny children: who ends is started again, who never gets ready is told, nobody is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from shared.errors import SetUpError
from tools.cli.run import until_there
from tools.stack import folder
from tools.stack.children import LINUX, Command, die_with, end_with_parent, is_running
from tools.stack.supervise import Child, Supervision

SLEEPS = "import time; time.sleep(60)"


def a_child(place: Path, program: str, name: str = "child", *, is_ready: bool = True, patience: float = 20) -> Child:
    command = Command(name=name, arguments=[sys.executable, "-c", program], log=place / "logs" / f"{name}.log")
    command.log.parent.mkdir(exist_ok=True)
    return Child(command, lambda: is_ready, patience=patience, grace=1)


def _is_another(running: Supervision, old: int) -> bool:
    return running.pid("child") != old


async def until(look: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.fixture
async def supervision() -> AsyncIterator[tuple[Supervision, list[str]]]:
    said: list[str] = []
    running = Supervision(said.append, back_off=(0.01, 0.02))
    yield running, said
    await running.stop_all()


async def test_a_child_that_dies_is_started_again_each_time(
    tmp_path: Path, supervision: tuple[Supervision, list[str]]
) -> None:
    running, said = supervision
    await running.start(a_child(tmp_path, SLEEPS))
    for _ in range(3):
        old = running.pid("child")
        os.kill(old, signal.SIGKILL)
        await until(partial(_is_another, running, old))
    assert [line.split(" in ")[0] for line in said] == ["child ended (signal 9) and is started again"] * 3
    assert [line.rsplit(" ", 2)[1] for line in said] == ["0.01", "0.02", "0.02"]


async def test_a_child_that_was_stopped_stays_stopped(
    tmp_path: Path, supervision: tuple[Supervision, list[str]]
) -> None:
    running, said = supervision
    await running.start(a_child(tmp_path, SLEEPS))
    pid = running.pid("child")
    await running.stop(["child"])
    assert not is_running(pid, "python")
    assert said == []


async def test_a_child_that_ignores_the_request_to_end_is_killed(
    tmp_path: Path, supervision: tuple[Supervision, list[str]]
) -> None:
    running, said = supervision
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('deaf', 'w'); time.sleep(60)"
    child = a_child(tmp_path, f"import os; os.chdir({str(tmp_path)!r}); {deaf}")
    await running.start(child)
    await until((tmp_path / "deaf").exists)
    await running.stop(["child"])
    assert said == ["child did not end in 1 s and was killed"]


@pytest.mark.parametrize(
    ("program", "is_ready", "said"),
    [
        ("raise SystemExit(3)", False, "ended 3 times while starting"),
        (SLEEPS, False, "was not ready in"),
        ("raise SystemExit('write: No space left on device')", False, "disk of .* is full"),
    ],
)
async def test_a_child_that_does_not_get_ready_is_told_in_a_sentence(
    tmp_path: Path, supervision: tuple[Supervision, list[str]], program: str, is_ready: bool, said: str
) -> None:
    with pytest.raises(SetUpError, match=said):
        await supervision[0].start(
            a_child(tmp_path, program, is_ready=is_ready, patience=0.3 if program == SLEEPS else 20)
        )


async def test_why_a_child_is_not_ready_is_told_in_its_own_words(
    tmp_path: Path, supervision: tuple[Supervision, list[str]]
) -> None:
    child = a_child(tmp_path, SLEEPS, is_ready=False, patience=0.3)
    with pytest.raises(SetUpError, match=r"not ready in 0 s \(care.events was made anew\): "):
        await supervision[0].start(replace(child, waits_for=lambda: "care.events was made anew"))


@pytest.mark.skipif(not LINUX, reason="the kernel does it on Linux")
def test_a_child_ends_with_its_parent_though_the_parent_was_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child, "python")
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 10
    while is_running(child, "python"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


PARENT = f"""
import os, signal, subprocess, sys, time
from tools.stack.children import die_with
child = subprocess.Popen([sys.executable, "-c", {SLEEPS!r}], preexec_fn=die_with(os.getpid(), signal.SIGKILL),
                         stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("blocks", [True, False])
def test_a_service_ends_when_the_pipe_to_its_parent_closes(blocks: bool) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, blocks)  # an event loop that watches it too makes it so, for all who share it
    program = f"from tools.stack.children import end_with_parent; end_with_parent({reading}); {SLEEPS}"
    child = subprocess.Popen([sys.executable, "-c", program], pass_fds=(reading,))
    os.close(reading)
    assert child.poll() is None
    os.close(writing)
    assert child.wait(10) == 1


def test_a_child_whose_parent_is_already_gone_does_not_begin() -> None:
    if not LINUX:
        pytest.skip("the kernel does it on Linux")
    late = subprocess.Popen([sys.executable, "-c", SLEEPS], preexec_fn=die_with(1, signal.SIGKILL))  # noqa: PLW1509
    assert late.wait(10) == 1


def test_without_a_parent_s_pipe_a_service_watches_nothing() -> None:
    assert end_with_parent(None) is None  # type: ignore[func-returns-value]


def test_a_service_that_was_started_before_its_database_waits_until_that_is_there(tmp_path: Path) -> None:
    ready = tmp_path / "prepared"
    waiting = threading.Thread(target=until_there, args=(ready,))
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    ready.touch()
    waiting.join(10)
    assert not waiting.is_alive()


def test_a_reused_process_number_is_not_taken_for_the_old_server() -> None:
    assert is_running(os.getpid(), "python")
    assert not is_running(os.getpid(), "postgres")
    assert not is_running(2**22 + 1, "python")


def test_too_little_room_on_the_disk_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SetUpError, match=r"is full .*free some space"):
        folder.has_room(tmp_path, needed=2**62)


def test_free_ports_are_all_different() -> None:
    found = folder.ports(dict.fromkeys("abcdefgh", 0))
    assert len(set(found.values())) == 8


def test_a_folder_is_free_again_when_it_was_released(tmp_path: Path) -> None:
    first = folder.claim(tmp_path)
    assert folder.is_claimed(tmp_path)
    first.release()
    assert not folder.is_claimed(tmp_path)
    folder.claim(tmp_path).release()


def test_message_keys_and_passwords_stay_the_same_over_restarts(tmp_path: Path) -> None:
    claimed = folder.claim(tmp_path)
    first = claimed.kept_secret("message.keys", folder.new_message_key()).read_text()
    assert claimed.kept_secret("message.keys", folder.new_message_key()).read_text() == first
    claimed.release()
