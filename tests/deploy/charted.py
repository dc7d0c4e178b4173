"""The Helm chart as values, for the tests beside it: its files, and what helm makes of them; nothing is judged here."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from shared.errors import SetUpError
from tests.deploy.composed import ROOT

CHART = ROOT / "deploy" / "helm" / "stepdown"
FULL = CHART / "ci" / "full-values.yaml"
KUBERNETES = "1.31.0"

Object = dict[str, Any]
"""An object of Kubernetes' API, as YAML has it."""


def read(file: str) -> Object:
    """A file of the chart."""
    found: Object = yaml.safe_load((CHART / file).read_text(encoding="utf-8"))
    return found


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> Object:
    """Values over others, as helm lays them: maps are merged, all else is replaced."""
    both = dict(under)
    for name, value in over.items():
        deep = isinstance(value, dict) and isinstance(both.get(name), dict)
        both[name] = merged(both[name], value) if deep else value
    return both


@dataclass(frozen=True)
class Rendered:
    """What helm makes of the chart with some values."""

    objects: tuple[Object, ...]

    def of(self, kind: str) -> list[Object]:
        """The objects of a kind."""
        return [one for one in self.objects if one["kind"] == kind]

    def pods(self) -> Iterator[tuple[str, Object]]:
        """The name of each workload and what it says of its pods (metadata and spec)."""
        for one in (*self.of("Deployment"), *self.of("Job")):
            yield one["metadata"]["name"], one["spec"]["template"]

    def containers(self) -> Iterator[tuple[Object, Object]]:
        """Each container with the spec of its pod."""
        for _, pod in self.pods():
            for one in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
                yield one, pod["spec"]


def environment(container: Object) -> dict[str, str]:
    """What a container is given."""
    return {one["name"]: one["value"] for one in container["env"]}


def rendered(program: str, *options: str) -> Rendered:
    """The chart's objects with these options of helm. Raises SetUpError with what helm says where it refuses."""
    how = [program, "template", "care", str(CHART), "--kube-version", KUBERNETES, *options]
    done = subprocess.run(how, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetUpError(done.stderr)
    return Rendered(tuple(one for one in yaml.safe_load_all(done.stdout) if one))


def files_of(spec: Object) -> dict[str, set[str]]:
    """Each volume of a pod that has the keys of a Secret → the files in it."""
    return {
        one["name"]: {item["path"] for item in one["secret"]["items"]} for one in spec["volumes"] if "secret" in one
    }
