"""`up` as an operator meets it: refused, killed, started again; real broker and database, stand-in services."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.errors import SetUpError
from tools.stack import ready
from tools.stack.children import LINUX

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("kafka", "mllp", "intake", "placement", "aftercare", "desk")
needs_proc = pytest.mark.skipif(not LINUX, reason="who is still there is read from /proc")


def until(look: Callable[[], object], seconds: float = 30) -> object:
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
    return seen


def mentioning(text: str) -> dict[int, str]:
    """Live processes whose command line or folder mentions `text`, by pid."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            seen = f"{line} {(place / 'cwd').readlink()} {(place / 'environ').read_bytes().decode(errors='replace')}"
        except OSError:
            continue
        if text in seen and int(place.name) != os.getpid():
            found[int(place.name)] = line
    return found


def start(data: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.stack.drive", str(data), *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def a_running_system(data: Path) -> Iterator[subprocess.Popen[str]]:
    process = start(data)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == str(data / "ready.json"), process.communicate()
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=40)


def asked(port: int | None, path: str) -> tuple[int, str | None]:
    """Status and Location of the answer to a GET; 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.getheader("location")
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()


def refused(process: subprocess.Popen[str]) -> str:
    said = process.communicate(timeout=60)[1].strip()
    assert process.returncode == 1
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1
    return said


@needs_proc
@pytest.mark.slow
def test_up_lives_through_everything_an_operator_does_to_it(tmp_path: Path) -> None:
    """One long story, because starting a database takes a second: each step is a promise of contract 1."""
    data = tmp_path / "data"
    with a_running_system(data) as first:
        written = json.loads((data / "ready.json").read_text())
        assert set(written) == {*PLACES, "config", "tokens", "sign_in"}
        assert set(written["tokens"]) >= {"hospital", "coordinator", "admin"}
        assert stat.S_IMODE((data / "ready.json").stat().st_mode) == 0o600
        assert ready.find(data).kafka == written["kafka"]
        loose = [p for p in (data / "secrets").iterdir() if stat.S_IMODE(p.stat().st_mode) != 0o600]
        assert loose == []

        assert "another `stepdown up` is running" in refused(start(data))

        services = {pid: line for pid, line in mentioning(str(data)).items() if " run placement" in line}
        os.kill(next(iter(services)), signal.SIGKILL)
        again = until(
            lambda: {p for p, line in mentioning(str(data)).items() if " run placement" in line} - set(services)
        )
        assert again

        desk = urlsplit(written["desk"])
        assert "/placement/sign-in#" in written["sign_in"]["placement"]
        assert written["sign_in"]["placement"].startswith(written["desk"])
        assert asked(desk.port, "/") == (307, "/placement/")
        until(lambda: asked(desk.port, "/placement/")[0] == 200)  # once it is there again
        front = {pid: line for pid, line in mentioning(str(data)).items() if "tools.stack.front" in line}
        assert not any("STEPDOWN_DATA" in (Path("/proc") / str(pid) / "environ").read_text() for pid in front)
        os.kill(next(iter(front)), signal.SIGKILL)
        until(lambda: not Path(f"/proc/{next(iter(front))}").exists())
        until(lambda: asked(desk.port, "/placement/")[0] == 200)

        broker = next(pid for pid, line in mentioning(str(data)).items() if "noida-db" in line)
        os.kill(broker, signal.SIGKILL)
        until(lambda: {p for p, line in mentioning(str(data)).items() if "noida-db" in line} - {broker})

        first.kill()
        first.wait()  # its lock is free only when it is gone
        until(lambda: not mentioning(str(data)), 10)
        assert (data / "ready.json").exists()
        with pytest.raises(SetUpError, match="no system is running"):
            ready.find(data)

    with a_running_system(data) as second:  # stale pid and ready files are no hindrance
        again = json.loads((data / "ready.json").read_text())
        assert {name: again[name] for name in PLACES} == {name: written[name] for name in PLACES}, "bookmarks go on"
        second.send_signal(signal.SIGTERM)
        assert second.wait(40) == 0
        assert not (data / "ready.json").exists()
        assert not mentioning(str(data))


def test_a_taken_port_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refused(start(tmp_path, str(port)))
    assert f"port {port} for MLLP" in said
    assert "give another one" in said


def test_a_data_directory_that_is_a_file_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    said = refused(start(tmp_path / "data"))
    assert "can't be written" in said
    assert "--data" in said
