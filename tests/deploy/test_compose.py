"""docker-compose.yml: only what compose knows, pinned, least rights, health, and no secret in it."""

from __future__ import annotations

import re
import tomllib

import pytest

from shared.stopping import STOP_SECONDS
from tests.deploy.composed import (
    COMPOSE,
    IMAGES,
    LONG_RUNNING,
    OURS,
    ROOT,
    SERVICES,
    command_line,
    environment,
    in_bytes,
    read_by_the_code,
)
from tests.deploy.composed import image_environment as of_the_image
from tests.house.test_docs import wrong_with

KNOWN = {
    "name", "services", "networks", "volumes", "secrets", "configs",
}  # fmt: skip
KNOWN_OF_A_SERVICE = {
    "image", "build", "init", "read_only", "tmpfs", "cap_drop", "security_opt", "volumes", "restart", "networks",
    "stop_grace_period", "depends_on", "environment", "secrets", "ports", "command", "healthcheck", "profiles",
    "network_mode", "shm_size", "mem_limit", "cpus", "pids_limit", "logging", "user",
}  # fmt: skip
"""The words of the Compose Specification that are used here."""
CONDITIONS = {"service_healthy", "service_completed_successfully"}
PINNED = re.compile(r"[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z0-9]+)?(@sha256:[0-9a-f]{64})?")
SECRET_WORDS = re.compile(r"PASSWORD|SECRET|KEY|TOKEN|URL")
NO_SECRETS = {"STEPDOWN_TOKEN_ISSUER", "STEPDOWN_TOKEN_JWKS_URL", "STEPDOWN_DESK_URL", "STEPDOWN_SESSIONS_URL"}


def test_only_words_that_compose_knows_are_used() -> None:
    assert {word for word in COMPOSE if not word.startswith("x-")} <= KNOWN
    for name, service in SERVICES.items():
        assert set(service) <= KNOWN_OF_A_SERVICE, name
        assert not ("networks" in service and "network_mode" in service), name


@pytest.mark.parametrize("kind", ["networks", "volumes", "secrets"])
def test_what_a_service_names_is_declared_and_what_is_declared_is_named(kind: str) -> None:
    named = {one for service in SERVICES.values() for one in service.get(kind, [])}
    if kind == "volumes":  # the others are folders of this checkout
        named = {one.split(":")[0] for one in named if not one.startswith("./")}
    assert named == set(COMPOSE[kind])


def test_the_folders_that_are_mounted_are_there_and_only_read() -> None:
    mounted = {one for service in SERVICES.values() for one in service.get("volumes", []) if one.startswith("./")}
    assert mounted
    for one in mounted:
        source, _, mode = one.split(":")
        assert (ROOT / source).is_dir()
        assert mode == "ro"


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    assert PINNED.fullmatch(SERVICES[name]["image"])


@pytest.mark.parametrize("name", OURS)
def test_our_images_have_the_version_of_the_project_and_are_stages_of_the_dockerfile(name: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    build, embedded = SERVICES[name]["build"], name == "demo"
    assert SERVICES[name]["image"] == (f"stepdown-demo:{version}" if embedded else f"stepdown:{version}")
    assert build == {"context": ".", "target": "demo" if embedded else "services"}
    assert build["target"] in IMAGES


@pytest.mark.parametrize("name", OURS)
def test_every_variable_that_is_set_is_one_that_the_code_reads(name: str) -> None:
    ours = {one for one in {**of_the_image(), **environment(name)} if one.startswith("STEPDOWN_")}
    assert ours - read_by_the_code() == set()


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_that_exists(name: str) -> None:
    assert wrong_with(command_line(name)) is None


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_service_waits_for_what_it_stands_on(name: str) -> None:
    waits = SERVICES[name]["depends_on"]
    assert {other: rule["condition"] for other, rule in waits.items()} == {
        "kafka": "service_healthy",
        "postgres": "service_healthy",
        "topics": "service_completed_successfully",
        "databases": "service_completed_successfully",
    }


def test_what_is_waited_for_can_happen() -> None:
    for service in SERVICES.values():
        for other, rule in service.get("depends_on", {}).items():
            assert rule["condition"] in CONDITIONS
            assert "profiles" not in SERVICES[other]
            ends = SERVICES[other]["restart"] == "no"
            assert ends is (rule["condition"] == "service_completed_successfully")


@pytest.mark.parametrize("name", SERVICES)
def test_what_runs_on_says_whether_it_is_well(name: str) -> None:
    service = SERVICES[name]
    check = service.get("healthcheck", {})
    if service["restart"] == "no":
        assert check == {"disable": True}
    elif name in LONG_RUNNING:
        assert check == {}, "the image has one"
    else:
        assert check["test"][0] in {"CMD", "CMD-SHELL"}
        assert {"interval", "timeout", "start_period", "retries"} <= set(check)


WRITTEN = {"kafka": ["/tmp", "/opt/kafka/config"], "postgres": ["/tmp", "/run/postgresql"]}
"""Folders beside its volume that a container of another's image writes into."""


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_may_do_nothing_that_it_need_not(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [one.split(":")[0] for one in service["tmpfs"]] == WRITTEN.get(name, ["/tmp"])
    assert "privileged" not in service
    assert "cap_add" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_a_folder_in_memory_belongs_to_who_writes_into_it(name: str) -> None:
    for folder, _, options in (one.partition(":") for one in SERVICES[name]["tmpfs"]):
        words = options.split(",")
        assert any(word.startswith("size=") for word in words), "else it takes half of the machine's memory"
        assert ("uid=" in options) is (folder != "/tmp"), "a mode is ignored where the image has the folder"


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_can_take_the_whole_machine(name: str) -> None:
    service = SERVICES[name]
    assert in_bytes(service["mem_limit"]) <= 4 << 30
    assert 0 < service["cpus"] <= 2
    assert 0 < service["pids_limit"] <= 512
    kept = sum(in_bytes(word.removeprefix("size=")) for word in re.findall(r"size=\w+", ",".join(service["tmpfs"])))
    assert kept < in_bytes(service["mem_limit"]), "files in memory count"


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_container_prints_does_not_fill_the_disk(name: str) -> None:
    logging = SERVICES[name]["logging"]
    assert logging["driver"] == "json-file"
    assert in_bytes(logging["options"]["max-size"]) * int(logging["options"]["max-file"]) <= 100 << 20


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_service_has_the_time_that_it_may_take_to_stop(name: str) -> None:
    assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > STOP_SECONDS


def test_the_topics_of_ones_own_recipients_are_made_too() -> None:
    assert environment("topics")["STEPDOWN_CONFIG"] == environment("placement")["STEPDOWN_CONFIG"]


def test_nothing_is_open_beyond_this_machine() -> None:
    ports = [one for service in SERVICES.values() for one in service.get("ports", [])]
    assert len(ports) == len({one.split(":")[1] for one in ports}) == 2, "the front door and MLLP"
    assert all(one.startswith("127.0.0.1:") for one in ports)
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if "doors" in service.get("networks", [])} == {
        *LONG_RUNNING,
        "front-door",
        "tools",
    }


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_stands_in_the_file(name: str) -> None:
    for variable, value in environment(name).items():
        if SECRET_WORDS.search(variable) and variable not in NO_SECRETS:
            assert variable.endswith("_FILE")
            assert value.startswith("/run/secrets/")
        assert "@" not in value or variable == "KAFKA_CONTROLLER_QUORUM_VOTERS"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_given_the_secrets_that_it_reads_and_no_others(name: str) -> None:
    read = {
        value.removeprefix("/run/secrets/")
        for value in environment(name).values()
        if value.startswith("/run/secrets/")
    }  # fmt: skip
    assert read == set(SERVICES[name].get("secrets", []))


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_service_knows_its_own_database_as_its_application_role_only(name: str) -> None:
    keys = {"message_keys", "client_secret"} if name == "intake" else {f"{name}_message_keys"}
    assert set(SERVICES[name]["secrets"]) == {f"{name}_database_url", *keys}
