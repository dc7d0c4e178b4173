"""Which site config a command, and a service, works by; what is misspelt is named (users B7, B9)."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from shared.errors import SetUpError, WrongUsage
from shared.settings import load, unknown_variables
from shared.site import config as site_config
from shared.site.config import SAMPLE
from shared.site.of_service import of_service
from tools.cli import main as command_line
from tools.stack import folder, ready, sites


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names no site, unless a test says so."""
    for name in ("CONFIG", "CONFIG_FILE", "SAMPLE_SITE", "DATABASE_URL", "KAFKA"):
        monkeypatch.delenv(f"STEPDOWN_{name}", raising=False)


def copied(place: Path, name: str) -> Path:
    """The sample site in a folder of its own, under another name."""
    place.mkdir()
    for file in SAMPLE.glob("*.yml"):
        text = file.read_text(encoding="utf-8")
        (place / file.name).write_text(text.replace("name: goodhealth-network", f"name: {name}"), encoding="utf-8")
    return place


def running(at: Path) -> ready.Ready:
    """A system that started with the site of a folder."""
    told = {"folder": str(at), "version": site_config.load(at).version}
    return ready.Ready("k", "m", "i", "p", "a", config=told)


@pytest.mark.parametrize("own", [False, True])
def test_a_command_works_by_the_running_systems_site(
    own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = copied(tmp_path / "mine", "mine")
    if own:
        monkeypatch.setenv("STEPDOWN_CONFIG", str(copied(tmp_path / "the-same", "mine")))
    assert sites.site_of(running(mine), load()).name == "mine"


def test_a_command_with_another_site_than_the_running_systems_refuses_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = copied(tmp_path / "mine", "mine"), copied(tmp_path / "other", "other")
    monkeypatch.setenv("STEPDOWN_CONFIG", str(other))
    with pytest.raises(WrongUsage, match="STEPDOWN_CONFIG names another site config") as wrong:
        sites.site_of(running(mine), load())
    assert str(mine) in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_a_site_that_changed_under_a_running_system_is_said_so(tmp_path: Path) -> None:
    mine = copied(tmp_path / "mine", "mine")
    system = running(mine)
    (mine / "site.yml").write_text((mine / "site.yml").read_text().replace("name: mine", "name: changed"))
    with pytest.raises(WrongUsage, match="restart `stepdown up`"):
        sites.site_of(system, load())


@pytest.mark.parametrize("system", [None, ready.Ready("k", "m", "i", "p", "a")])
def test_without_a_system_that_says_its_site_the_environments_is_used(
    system: ready.Ready | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPDOWN_CONFIG", str(copied(tmp_path / "mine", "mine")))
    assert sites.site_of(system, load()).name == "mine"


@pytest.mark.parametrize("command", ["verify", "episodes list", "episodes show E1", "topics apply"])
def test_commands_beside_a_system_with_another_site_end_with_wrong_usage(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = running(copied(tmp_path / "mine", "mine"))
    for service in ("intake", "placement", "aftercare"):
        monkeypatch.setenv(f"STEPDOWN_{service.upper()}_DATABASE_URL", "postgresql://a:b@127.0.0.1:1/none")
    monkeypatch.setenv("STEPDOWN_CONFIG", str(SAMPLE))
    claimed = folder.claim(tmp_path / "data")
    try:
        ready.write(system, claimed.path / ready.NAME)
        said = io.StringIO()
        with redirect_stderr(said):
            code = command_line.run([*command.split(), "--data", str(claimed.path)])
    finally:
        claimed.release()
    assert code == 2
    assert "names another site config" in said.getvalue()
    assert said.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("STEPDOWN_CONFG", "nothing reads STEPDOWN_CONFG (did you mean STEPDOWN_CONFIG?)"),
        ("STEPDOWN_KAFAK_FILE", "nothing reads STEPDOWN_KAFAK_FILE (did you mean STEPDOWN_KAFKA_FILE?)"),
        ("STEPDOWN_ZZ", "nothing reads STEPDOWN_ZZ"),
    ],
)  # fmt: skip
def test_a_misspelt_variable_is_named_with_the_nearest_one_and_never_its_value(
    name: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unknown_variables([name]) == [sentence]
    monkeypatch.setenv(name, "hush")
    said = io.StringIO()
    with redirect_stderr(said):
        command_line.run(["completion", "--help"])
    assert f"stepdown: warning: {sentence}\n" in said.getvalue()
    assert "hush" not in said.getvalue()


def test_every_variable_that_something_reads_is_known() -> None:
    known = ["STEPDOWN_CONFIG", "STEPDOWN_DATABASE_URL_FILE", "STEPDOWN_INTAKE_DATABASE_URL_FILE", "STEPDOWN_TOKEN"]
    assert unknown_variables([*known, "STEPDOWN_SAMPLE_SITE", "STEPDOWN_DEBUG", "HOME", "_STEPDOWN_COMPLETE"]) == []


OUTSIDE = {
    "a door": {"http_host": "0.0.0.0"},
    "the MLLP door": {"mllp_host": "10.0.0.4"},
    "the broker": {"kafka": "127.0.0.1:9092,broker:9092"},
    "the database": {"database_url": "postgresql://a:b@db:5432/intake"},
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_a_service_that_others_can_reach_refuses_the_sample_site(what: str, tmp_path: Path) -> None:
    given = OUTSIDE[what]
    the_sample = copied(tmp_path / "site", "goodhealth-network")
    for config in (None, the_sample):
        with pytest.raises(SetUpError, match="STEPDOWN_SAMPLE_SITE=allow"):
            of_service(load(config=config, **given))
    assert of_service(load(sample_site="allow", **given)).name == "goodhealth-network"
    assert of_service(load(config=copied(tmp_path / "own", "own"), **given)).name == "own"


def test_on_this_machine_alone_the_sample_site_is_fine() -> None:
    given = {"database_url": "postgresql://a:b@127.0.0.1:5432/intake", "kafka": "localhost:9092,[::1]:9093"}
    assert of_service(load(**given)).name == "goodhealth-network"
