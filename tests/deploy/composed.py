"""docker-compose.yml and the Dockerfile as values, for the tests beside it; nothing is judged here."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from shared.settings import COMMANDS_READ, documented

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
LONG_RUNNING = ["intake", "placement", "aftercare"]


class Instruction(NamedTuple):
    """One instruction of the Dockerfile, its lines joined."""

    word: str
    rest: str


def _instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines()]


DOCKERFILE = _instructions((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def _stages(instructions: list[Instruction]) -> dict[str, list[Instruction]]:
    """Each stage's name → its instructions behind those of the stage that it begins with, in the order of the file."""
    found: dict[str, list[Instruction]] = {}
    for one in instructions:
        if one.word == "FROM":
            base, _, name = one.rest.split()
            found[name] = [*found.get(base, [])]
        found[name].append(one)
    return found


STAGES = _stages(DOCKERFILE)
IMAGES = ("services", "demo")
"""The stages that become images."""
FINAL = STAGES["services"]
"""What becomes the image of the services and the commands."""


def all_of(word: str, stage: list[Instruction] = DOCKERFILE) -> list[str]:
    """What follows each instruction of that name."""
    return [one.rest for one in stage if one.word == word]


def image_environment() -> dict[str, str]:
    """What the image itself sets."""
    return dict(pair.split("=", 1) for rest in all_of("ENV", FINAL) for pair in shlex.split(rest))


def environment(service: str) -> dict[str, str]:
    """What docker-compose.yml sets for a service."""
    return {name: str(value) for name, value in SERVICES[service].get("environment", {}).items()}


def command_line(service: str) -> str:
    """What a container of ours runs, as typed."""
    return shlex.join(["stepdown", *SERVICES[service]["command"]])


def read_by_the_code() -> set[str]:
    """Every STEPDOWN_* variable that a service or a command reads."""
    names = {name for name, _, _ in documented()}
    urls = {name for name in COMMANDS_READ if name.endswith("_URL")}
    return names | set(COMMANDS_READ) | {f"{name}_FILE" for name in names | urls}


def in_bytes(size: str) -> int:
    """`64m` → bytes, as Docker reads sizes."""
    return int(size[:-1]) * {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[size[-1]]
