"""Every module is in a room: a folder or a file that a contract of pyproject.toml names, with what it may import."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_every_module_is_in_a_room_of_a_contract() -> None:
    rooms = {
        f"{container}.{room.strip()}"
        for contract in CONTRACTS
        if contract["type"] == "layers" and contract.get("exhaustive")
        for container in contract.get("containers", [])
        for layer in contract["layers"]
        for room in layer.split("|")
    }
    modules = [
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        for folder in ("services", "shared", "tools")
        for path in (ROOT / folder).rglob("*.py")
    ]
    roots = {"services", "shared", "tools", "services.intake", "services.placement", "services.aftercare"}
    in_none = [name for name in modules if name not in roots and not any(f"{name}.".startswith(f"{r}.") for r in rooms)]
    assert len(modules) > 400
    assert in_none == []


def test_in_services_there_are_three_services_and_nothing_else() -> None:
    found = {path.name for path in (ROOT / "services").iterdir() if path.name != "__pycache__"}
    assert found == {"__init__.py", "intake", "placement", "aftercare"}


def test_each_service_has_the_same_five_names() -> None:
    for service in ("intake", "placement", "aftercare"):
        for name in ("app.py", "tables.py", "timers.py", "checks.py", "migrations"):
            assert (ROOT / "services" / service / name).exists(), f"{service} has no {name}"
