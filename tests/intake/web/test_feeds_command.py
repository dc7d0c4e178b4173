"""`stepdown feeds` asks intake over a real connection, with the token of the ready file."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shared.web.auth import dev_tokens
from tests.intake.conftest import Hospital
from tests.intake.test_app import SECRET
from tools.cli.feeds import command
from tools.stack import folder, ready


async def feeds(data: Path, address: str, role: str, *more: str) -> Result:
    """The command on a data directory whose system runs there, with the token of a role as its auditor's."""
    tokens = {"auditor": dev_tokens(SECRET, datetime.now(UTC))[role]} if role else {}
    claimed = folder.claim(data)
    try:
        ready.write(ready.Ready("k", "m", address, "p", "a", tokens), data / ready.NAME)
        return await asyncio.to_thread(CliRunner().invoke, command, ["--data", str(data), *more])
    finally:
        claimed.release()


async def test_it_prints_the_feeds_for_people_and_as_json(address: str, hospital: Hospital, tmp_path: Path) -> None:
    await hospital.tells("A03")
    told = json.loads((await feeds(tmp_path, address, "auditor", "--json")).stdout)
    assert "GOODHEALTH" in {place["facility"] for place in told["facilities"]}
    shown = (await feeds(tmp_path, address, "auditor")).stdout
    assert "GOODHEALTH" in shown
    assert "waiting" in shown
    assert hospital.mrn not in shown


@pytest.mark.parametrize(("role", "says"), [("billing", "intake answered 403"), ("", "a token is needed")])
async def test_it_says_why_it_is_told_nothing(
    address: str, tmp_path: Path, role: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STEPDOWN_TOKEN", raising=False)
    found = await feeds(tmp_path, address, role)
    assert says in str(found.exception)
