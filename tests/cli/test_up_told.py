"""What `up` prints when all is ready."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.cli.up import addresses_of, for_people
from tools.stack.ready import Ready

ADDRESSES = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(("intake", "placement", "aftercare"), 8080)}
DESK = "http://127.0.0.1:8099"
LINKS = {desk: f"{DESK}/{desk}/sign-in#secret" for desk in ("placement", "aftercare")}


def system_with(**more: Any) -> Ready:
    told: dict[str, Any] = {"kafka": "k", "mllp": "m", **ADDRESSES, "desk": DESK, **more}
    return Ready(**told)


def test_the_sign_in_link_of_each_desk_is_printed_for_people_and_never_in_json() -> None:
    system = system_with(tokens={"coordinator": "secret"}, sign_in=LINKS)
    shown = for_people(system, Path("ready.json"))
    assert [link for link in LINKS.values() if link not in shown] == []
    assert "8080/\n" not in shown, "intake has no desk"
    assert "secret" not in addresses_of(system, Path("ready.json"))
    assert json.loads(addresses_of(system, Path("ready.json")))["desk"] == DESK


def test_where_a_real_issuer_signs_people_in_the_desks_themselves_are_printed() -> None:
    shown = for_people(system_with(), Path("ready.json"))
    assert f"{DESK}/placement/\n" in shown
    assert "sign-in" not in shown
