"""docker-compose.yml as Docker Compose's own loader reads it: it is a compose file, and means what it is to mean."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.composed import ROOT, SERVICES, in_bytes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def loaded(loader: str, file: Path) -> tuple[int, str]:
    """The exit code, and the model or what is wrong."""
    done = subprocess.run([loader, str(file)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def model(loader: str) -> dict[str, Any]:
    """What the file means, every profile in it."""
    code, told = loaded(loader, ROOT / "docker-compose.yml")
    assert code == 0, told
    found: dict[str, Any] = yaml.safe_load(told)
    return found


def test_every_service_is_loaded_with_its_bounds(model: dict[str, Any]) -> None:
    assert set(model["services"]) == set(SERVICES)
    for name, service in model["services"].items():
        assert int(service["mem_limit"]) == in_bytes(SERVICES[name]["mem_limit"])
        assert service["cpus"] == SERVICES[name]["cpus"]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]


def test_what_is_merged_into_a_service_keeps_what_is_its_own(model: dict[str, Any]) -> None:
    assert {name: service["restart"] for name, service in model["services"].items()} == {
        **dict.fromkeys(("kafka", "postgres", "intake", "placement", "aftercare", "front-door"), "unless-stopped"),
        **dict.fromkeys(("topics", "databases", "tools", "demo"), "no"),
    }
    assert model["services"]["demo"]["build"]["target"] == "demo"
    assert model["services"]["intake"]["build"]["target"] == "services"
    assert model["services"]["postgres"]["user"] == "postgres"


def test_a_misspelt_word_is_refused(loader: str, tmp_path: Path) -> None:
    file = tmp_path / "docker-compose.yml"
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    file.write_text(text.replace("pids_limit", "pid_limit"), encoding="utf-8")
    code, told = loaded(loader, file)
    assert code == 1
    assert "pid_limit" in told
