"""deploy/make-secrets makes what docker-compose.yml reads, once; with it `db migrate` makes databases and roles."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from shared.settings import load
from tests.cli.conftest import run
from tests.deploy.composed import COMPOSE, ROOT, environment
from tests.servers import a_database_server

MADE = {Path(one["file"]).name for one in COMPOSE["secrets"].values()}


def make_secrets(folder: Path, place: str = "postgres:5432") -> dict[str, str]:
    """Run it; each secret's text by its name."""
    script = ROOT / "deploy/make-secrets"
    given = {"STEPDOWN_POSTGRES": place, "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", str(script), str(folder)], check=True, capture_output=True, env=given)
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}


def test_it_makes_every_secret_that_is_read_and_no_other(tmp_path: Path) -> None:
    assert set(make_secrets(tmp_path / "secrets")) == MADE
    assert {name: Path(one["file"]).name for name, one in COMPOSE["secrets"].items()} == {name: name for name in MADE}
    assert {Path(one["file"]).parent for one in COMPOSE["secrets"].values()} == {Path("deploy/secrets")}


def test_neither_git_nor_the_build_takes_them() -> None:
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert not any(line.startswith("!deploy") for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines())


def test_run_again_it_changes_nothing(tmp_path: Path) -> None:
    first = make_secrets(tmp_path / "secrets")
    assert make_secrets(tmp_path / "secrets") == first


def test_the_folder_is_for_its_owner_and_the_containers_can_read_the_files(tmp_path: Path) -> None:
    make_secrets(tmp_path / "secrets")
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "secrets").iterdir()} == {0o644}


def test_each_service_has_a_key_of_its_own_that_seals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_secrets(tmp_path)
    found: list[bytes] = []
    for name in ("message_keys", "placement_message_keys", "aftercare_message_keys"):
        monkeypatch.setenv("STEPDOWN_MESSAGE_KEYS_FILE", str(tmp_path / name))
        found += load().keys().values()
    assert [len(key) for key in found] == [32, 32, 32]
    assert len(set(found)) == 3, "one service's key opens nothing of another's"


def test_no_two_of_them_are_alike(tmp_path: Path) -> None:
    urls = [urlsplit(text) for name, text in make_secrets(tmp_path).items() if name.endswith("_url")]
    assert len({url.password for url in urls}) == 7


async def test_db_migrate_makes_databases_and_roles_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEPDOWN_DATABASE_URL", raising=False)
    with a_database_server(tmp_path / "server") as server:
        place = urlsplit(server.url).netloc.rpartition("@")[2]
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "database_admin_url").write_text(server.url)  # it has an administrator already
        made = make_secrets(tmp_path / "secrets", place)
        for name, file in environment("databases").items():
            monkeypatch.setenv(name, file.replace("/run/secrets", str(tmp_path / "secrets")))
        for _ in range(2):
            assert run("db", "migrate", "--json").out == '{"migrated": ["intake", "placement", "aftercare"]}\n'
        application = await asyncpg.connect(made["placement_database_url"].strip())
        try:
            assert await application.fetchval("SELECT count(*) FROM episodes") == 0
            noted = "INSERT INTO audit (at, actor, action, subject) VALUES (now(), 'a', 'b', 'c')"
            assert await application.execute(noted) == "INSERT 0 1"
            for forbidden in ("DROP TABLE episodes", "DELETE FROM audit", "UPDATE audit SET actor = 'x'"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await application.execute(forbidden)
        finally:
            await application.close()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"PLACEMENT_DATABASE_OWNER_URL": ""}, "set STEPDOWN_PLACEMENT_DATABASE_OWNER_URL too"),
        ({"INTAKE_DATABASE_URL": "postgresql://somebody:x@h/intake"}, "must be postgresql://<service>_app"),
        ({"INTAKE_DATABASE_URL": "postgresql://intake_app:x@h/placement"}, "must be postgresql://<service>_app"),
        ({"INTAKE_DATABASE_URL": "postgresql://intake_app@h/intake"}, "must be postgresql://<service>_app"),
    ],
)
def test_urls_that_do_not_fit_are_told_without_them(
    wrong: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in ("intake", "placement", "aftercare"):
        monkeypatch.setenv(f"STEPDOWN_{service.upper()}_DATABASE_URL", f"postgresql://{service}_app:x@h/{service}")
        monkeypatch.setenv(
            f"STEPDOWN_{service.upper()}_DATABASE_OWNER_URL", f"postgresql://{service}_owner:x@h/{service}"
        )
    monkeypatch.setenv("STEPDOWN_DATABASE_ADMIN_URL", "postgresql://admin:hush@127.0.0.1:1/postgres")
    for name, text in wrong.items():
        monkeypatch.setenv(f"STEPDOWN_{name}", text)
    said = run("db", "migrate")
    assert said.code == 1
    assert says in said.err
    assert "hush" not in said.err
