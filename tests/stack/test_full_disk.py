"""A disk that fills up while a database is made is told as such, and leaves nothing half-made that counts as whole."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import SetUpError
from tools.stack.folder import claim
from tools.stack.postgres import Postgres


@pytest.fixture
def a_small_disk(tmp_path: Path) -> Iterator[Path]:
    """20 MB of memory as a disk, where we may mount one."""
    try:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(tmp_path)], capture_output=True, check=False
        )
    except OSError:
        pytest.skip("there is no mount here")
    if made.returncode:
        pytest.skip("only root may mount a small disk")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_initdb_on_a_full_disk_says_to_free_some_space(a_small_disk: Path) -> None:
    folder = claim(a_small_disk / "data")
    server = Postgres(folder, 1)
    with pytest.raises(SetUpError, match=r"disk of .* is full .*free some space"):
        asyncio.run(server.prepare())
    assert server.half_made.exists()  # so the next start does not take what is there for a database
    folder.release()
