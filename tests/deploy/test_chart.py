"""The Helm chart's own files: versions, values and their schema, names of settings; checked without helm."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import jsonschema
import pytest

from tests.deploy.charted import CHART, FULL, merged, read
from tests.deploy.composed import ROOT, read_by_the_code

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
VALUES = read("values.yaml")
TEMPLATES = sorted(CHART.glob("templates/*"))
SETTING = re.compile(r"name: (STEPDOWN_[A-Z_]*(?:\{\{ upper \$name \}\}[A-Z_]*)?)")


def refusal(values: dict[str, Any]) -> str | None:
    """What the schema has against values, with its place; None for nothing."""
    wrong = next(jsonschema.Draft7Validator(SCHEMA).iter_errors(values), None)
    return None if wrong is None else f"{'.'.join(map(str, wrong.absolute_path))}: {wrong.message}"


def at(path: str, value: object) -> dict[str, Any]:
    """One value at a path, as `--set` gives it."""
    first, _, rest = path.partition(".")
    return {first: at(rest, value) if rest else value}


def test_it_has_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    chart = read("Chart.yaml")
    assert (chart["version"], chart["appVersion"]) == (version, version)


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_its_own_values_and_the_full_ones_are_right() -> None:
    assert refusal(VALUES) is None
    assert refusal(merged(VALUES, read(str(FULL.relative_to(CHART))))) is None


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("kafka.bootstrapServer", "k:9092", "'bootstrapServer' was unexpected"),
        ("kafka.bootstrapServers", "kafka", "kafka.bootstrapServers: 'kafka' does not match"),
        ("kafka.securityProtocol", "TLS", "'TLS' is not one of"),
        ("kafka.password", "hush", "'password' was unexpected"),
        ("services.intake.replicas", 0, "0 is less than the minimum of 1"),
        ("services.intake.databaseUrlSecret", "postgresql://intake_app:x@h/intake", "is not of type 'object'"),
        ("services.intake.databaseUrlSecret.name", "postgresql://x", "does not match"),
        ("services.billing", {}, "'billing' was unexpected"),
        ("signIn.jwksUrl", "http://issuer.example/keys", "does not match"),
        ("site.files", {"notes.txt": "x"}, "'notes.txt' does not match"),
        ("networkPolicy.hospitals", ["192.0.2.7"], "'192.0.2.7' does not match"),
        ("networkPolicy.dns", [], "[] should be non-empty"),
        ("ingress.host", "https://care.example", "does not match"),
        ("ingress.hosts", {"intake": "intake.example"}, "'hosts' was unexpected"),
        ("image.digest", "latest", "does not match"),
        ("strategy", "BlueGreen", "'BlueGreen' is not one of"),
        ("deadLetterDays", 0, "0 is less than the minimum of 1"),
    ],
)
def test_a_mistake_is_refused_with_its_place(path: str, value: object, says: str) -> None:
    told = refusal(merged(VALUES, at(path, value)))
    assert told is not None
    assert says in told
    assert told.startswith(path.split(".", maxsplit=1)[0])


def test_every_setting_that_a_template_names_is_one_that_the_code_reads() -> None:
    found = {one for file in TEMPLATES for one in SETTING.findall(file.read_text(encoding="utf-8"))}
    assert any("upper" in one for one in found)
    named = {
        one.replace("{{ upper $name }}", service) for one in found for service in ("INTAKE", "PLACEMENT", "AFTERCARE")
    }
    assert named - read_by_the_code() == set()


def test_no_template_names_a_process() -> None:
    for file in TEMPLATES:
        told = file.read_text(encoding="utf-8")
        assert "name: STEPDOWN_INSTANCE" not in told, "pods of one service would share it"


def paths(values: dict[str, Any], before: str = "") -> list[str]:
    """The path of each value that is no map of further ones."""
    return [
        path
        for name, value in values.items()
        for path in (paths(value, f"{before}{name}.") if isinstance(value, dict) and value else [f"{before}{name}"])
    ]


def explained() -> set[str]:
    """The values that README.md has a row for, each service's by its own name."""
    page = (CHART / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?) \|", page, re.MULTILINE)
    named = {one for row in rows for one in re.findall(r"`([\w.<>]+)`", row)}
    return {one.replace("<service>", service) for one in named for service in VALUES["services"]}


def within(path: str, above: str) -> bool:
    return path == above or path.startswith(f"{above}.")


def test_every_value_is_explained_and_what_is_explained_is_one() -> None:
    known, told = paths(VALUES), explained()
    assert [path for path in known if not any(within(path, one) for one in told)] == []
    assert [one for one in sorted(told) if not any(within(path, one) for path in known)] == []
