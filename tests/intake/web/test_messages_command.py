"""`stepdown messages` asks intake over a real connection, with the token of the ready file."""

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
from tools.cli.messages import command
from tools.stack import folder, ready


async def told(data: Path, address: str, *given: str, role: str = "interface") -> Result:
    """The command on a data directory whose system runs there, with the token of a role as its interface's."""
    claimed = folder.claim(data)
    try:
        tokens = {"interface": dev_tokens(SECRET, datetime.now(UTC))[role]}
        ready.write(ready.Ready("k", "m", address, "p", "a", tokens), data / ready.NAME)
        return await asyncio.to_thread(CliRunner().invoke, command, [given[0], "--data", str(data), *given[1:]])
    finally:
        claimed.release()


async def test_messages_are_listed_for_people_and_as_json_lines(
    address: str, hospital: Hospital, tmp_path: Path
) -> None:
    await hospital.tells("A01")
    await hospital.tells("A03", "20260312100000", visit="V7")
    found = await told(tmp_path, address, "list", "--mrn", hospital.mrn, "--json")
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert [(line["trigger"], line["note"]) for line in lines] == [("A03", "waiting"), ("A01", "applied")]
    narrowed = await told(
        tmp_path, address, "list", "--mrn", hospital.mrn, "--note", "waiting", "--since", "2026-03-01", "--json"
    )
    assert [json.loads(line)["trigger"] for line in narrowed.stdout.splitlines()] == ["A03"]
    shown = await told(tmp_path, address, "list", "--visit", f"V7-{hospital.mrn}")
    assert "waiting" in shown.stdout
    assert hospital.mrn not in shown.stdout


async def test_more_than_a_page_is_listed_by_following_the_pages(
    address: str, hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.cli.messages.PAGE", 2)
    for nth in range(5):
        await hospital.tells("A08", f"2026031{nth}100000")
    found = await told(tmp_path, address, "list", "--mrn", hospital.mrn, "--limit", "4", "--json")
    ids = [json.loads(line)["message_id"] for line in found.stdout.splitlines()]
    assert len(ids) == len(set(ids)) == 4


async def test_one_is_shown_with_its_text_tried_and_read_again(
    address: str, hospital: Hospital, tmp_path: Path
) -> None:
    raw = hospital.message("A01")
    (tmp_path / "one.hl7").write_bytes(raw)
    shown = await told(tmp_path, address, "try", str(tmp_path / "one.hl7"))
    assert "1 A01: AA, applied" in shown.stdout
    assert "stated     admitted" in shown.stdout
    await hospital.says(raw)
    [(message_id,)] = await hospital.rows("message_id")
    shown = await told(tmp_path, address, "show", message_id)
    assert hospital.name in shown.stdout
    assert "admitted" in shown.stdout
    again = await told(tmp_path, address, "read-again", message_id, "--apply")
    assert "nothing changes" in again.stdout


async def test_it_says_why_it_is_told_nothing(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEPDOWN_TOKEN", raising=False)
    found = await told(tmp_path, address, "list", role="billing")
    assert "intake answered 403" in str(found.exception)
    assert "intake answered 404" in str((await told(tmp_path, address, "show", "nothing")).exception)
