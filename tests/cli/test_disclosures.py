"""From the hospital's message to the recipient's topic, through the doors of a running system: consent and gate."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from shared.storage.database import Database, DatabaseFault
from tests.cli.conftest import RunningSystem
from tests.cli.messages import stay
from tests.waiting import until

OUT = "out.valley-clinic"


async def test_the_services_can_not_change_the_ledger(system: RunningSystem) -> None:
    database = Database(system.url("placement"), pool=1)
    for statement in ("UPDATE disclosures SET basis = 'emergency'", "DELETE FROM disclosures"):
        with pytest.raises(DatabaseFault, match="42501"):  # insufficient_privilege
            async with database.begin() as connection:
                await connection.execute(sa.text(statement))
    await database.close()


def asked(system: RunningSystem, service: str, path: str, body: Any = None) -> Any:
    """What a coordinator is answered."""
    ready = json.loads((system.data / "ready.json").read_text())
    headers = {"authorization": f"Bearer {ready['tokens']['coordinator']}", "content-type": "application/json"}
    raw = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(ready[service] + path, raw, headers), timeout=10) as answer:
        return json.loads(answer.read())


async def test_what_is_withheld_goes_out_with_the_consent_and_stops_when_it_is_taken_back(
    system: RunningSystem, tmp_path: Path
) -> None:
    begun, ended = stay("3001", unit="RES")
    (tmp_path / "begun.hl7").write_bytes(begun)
    (tmp_path / "ended.hl7").write_bytes(ended)
    system.stepdown("send", str(tmp_path / "begun.hl7"))
    episode = (await until(lambda: system.told("V3001")))["key"]

    def listed(name: str) -> list[Any]:
        found: list[Any] = asked(system, "placement", f"/api/{name}?episode_id={episode}")[name]
        return found

    (waiting,) = await until(lambda: listed("withheld"))
    assert (waiting["recipient"], waiting["reason"]) == ("valley-clinic", "no-consent")
    assert waiting["labels"] == ["PART2", "SUD"]

    terms = {"facility": "GOODHEALTH", "episode_id": episode, "recipient": "valley-clinic", "purpose": "treatment"}
    consent = asked(system, "intake", "/consents", {**terms, "scope": ["SUD", "PART2"]})
    assert consent["episodes"] == [episode]
    (ledger,) = await until(lambda: listed("disclosures"))
    assert (ledger["basis"], ledger["basis_id"]) == ("consent", consent["consent_id"])
    assert listed("withheld") == []

    assert asked(system, "intake", f"/consents/{consent['consent_id']}/revoked", {})["state"] == "revoked"
    system.stepdown("send", str(tmp_path / "ended.hl7"))
    (waiting,) = await until(lambda: listed("withheld"))
    assert (waiting["fact_type"], waiting["reason"]) == ("care.discharged.v1", "revoked")

    assert system.stepdown("verify").code == 0
    lines = system.stepdown(f"events tail --json --topic {OUT} --until-idle 0.5").lines
    (sent,) = [line["value"] for line in lines if line["key"] == episode]
    assert (sent["fact_type"], sent["content"]) == ("care.admitted.v1", {"level": "residential"})
    assert "42 CFR 2.32" in sent["notice"]
