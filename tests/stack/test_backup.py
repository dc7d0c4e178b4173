"""A system is backed up while messages come in, its databases are lost, and it is restored."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest

from services.aftercare import checks as aftercare
from services.intake import checks as intake
from services.placement import checks as placement
from services.placement.rules import rules_of
from shared.clock import system_clock
from shared.errors import SetUpError, Transient
from shared.site import config
from shared.storage import migrations
from shared.storage.database import Database
from tests.cli.conftest import run
from tests.databases import a_database, migrate
from tests.delivery.load import deliver_all, feed, patients
from tests.servers import DatabaseServer, a_database_server, quick_folder
from tests.system import ROOT, System, a_system
from tools.backup import moment, programs, servers
from tools.stack import databases

FROM_INTAKE = "SELECT episode_id, sequence, ce_id FROM facts WHERE writer = 'intake'"
TOLD_BY_INTAKE = "SELECT episode_id, sequence, ce_id FROM facts"
NAME = "Loadbearing"
"""The patients' name."""


class Said(NamedTuple):
    code: int
    out: str
    err: str


def stepdown(*words: str | Path) -> Said:
    """A command as an operator types it."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("STEPDOWN_")}
    done = subprocess.run(
        [sys.executable, "-m", "tools.cli.main", *map(str, words)],
        cwd=ROOT, env=ours, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert NAME not in done.stdout + done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def asked(*words: str | Path) -> Said:
    """A command that starts no server, in this process: it is quicker."""
    done = run(*map(str, words))
    assert NAME not in done.out + done.err
    return Said(done.code, done.out, done.err)


class Taken(NamedTuple):
    """A system that was stopped, and lost its PostgreSQL; a backup of it amid messages, and one of it at rest."""

    data: Path
    amid: Path
    at_rest: Path


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    with quick_folder(tmp_path_factory.mktemp("backup")) as place:
        found = Taken(place / "data", place / "amid", place / "at-rest")
        with a_system(found.data) as system:
            asyncio.run(_backed_up_amid_messages(system, found.amid))
            assert "another `stepdown up` is running" in stepdown("restore", found.amid, "--data", found.data).err
            assert stepdown("backup", found.at_rest, "--data", found.data).code == 0
        shutil.rmtree(found.data / "postgres")
        yield found


async def _backed_up_amid_messages(system: System, folder: Path) -> None:
    """Messages come from before the backup begins until after it has ended."""
    backup: asyncio.Task[Said] | None = None
    first = 0
    while backup is None or not backup.done():
        await deliver_all(system, feed(patients(30, first)))
        first += 30
        if backup is None:
            backup = asyncio.create_task(asyncio.to_thread(stepdown, "backup", folder, "--data", system.data, "--json"))
    said = backup.result()
    assert said.code == 0, said.err
    assert set(json.loads(said.out)["keys"]) == {"intake", "placement", "aftercare"}
    await system.idle()


def manifest(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text())


def a_copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_a_backup_is_read_by_its_owner_only_and_holds_no_key_and_no_name(taken: Taken) -> None:
    files = [path for path in taken.amid.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(taken.amid.stat().st_mode) == 0o700
    key = (taken.data / "secrets" / "message.keys").read_text().strip().partition(":")[2]
    assert [path for path in files if key.encode() in path.read_bytes()] == []
    assert [path for path in files if base64.b64decode(key) in path.read_bytes()] == []
    assert NAME not in (taken.amid / "manifest.json").read_text()


def test_the_manifest_says_where_everybody_stood(taken: Taken) -> None:
    amid, at_rest = manifest(taken.amid), manifest(taken.at_rest)
    consumers = {one["consumer"] for copy in at_rest["databases"].values() for one in copy["positions"]}
    assert {"placement.care.events", "placement.gate", "intake.care.episodes"} <= consumers
    assert {copy["unsent_records"] for copy in at_rest["databases"].values()} == {0}
    ends = [sum(one["end"] for one in told["topics"] if one["topic"] == "care.events") for told in (amid, at_rest)]
    assert 0 < ends[0] < ends[1]
    assert at_rest["databases"]["intake"]["revision"] == migrations.revisions(ROOT / "services/intake/migrations")[0]
    assert {file["path"] for file in at_rest["files"]} > {"intake.dump", "config/site.yml"}


async def test_databases_of_a_backup_amid_messages_are_of_one_moment_and_as_promised(
    taken: Taken, tmp_path: Path
) -> None:
    data = tmp_path / "elsewhere"
    (data / "secrets").mkdir(parents=True)
    shutil.copy(taken.data / "secrets" / "message.keys", data / "secrets")
    assert stepdown("restore", taken.amid, "--data", data).code == 0
    async with servers.to_read(data) as urls:
        one, two, three = (Database(urls[name]) for name in ("intake", "placement", "aftercare"))
        try:
            heard, told = ({tuple(row) for row in rows} for rows in (
                await two.alone(FROM_INTAKE), await one.alone(TOLD_BY_INTAKE),
            ))  # fmt: skip
            assert heard
            assert heard <= told, "placement has a fact that intake never told"
            site = config.load(None)
            found = [each.subject async for each in intake.broken(one, site)]
            found += [each.subject async for each in placement.broken(two, rules_of(site))]
            async with three.read() as connection:
                found += [each.subject for each in await aftercare.broken(connection, site, system_clock)]
            assert set(found) <= {"outbox"}, "all is as promised, but that records may have been under way"
        finally:
            for database in (one, two, three):
                await database.close()


def test_a_system_that_lost_its_databases_goes_on_from_a_backup(taken: Taken) -> None:
    said = stepdown("restore", taken.at_rest, "--data", taken.data)
    assert said.code == 0, said.err
    assert "stepdown heal" in said.out
    with a_system(taken.data) as system:
        asyncio.run(_goes_on(system))
    second = stepdown("restore", taken.at_rest, "--data", taken.data)
    assert second.code == 1
    assert "the database of intake is not empty, and nothing was changed" in second.err
    assert stepdown("restore", taken.at_rest, "--data", taken.data, "--replace").code == 0


async def _goes_on(system: System) -> None:
    await deliver_all(system, feed(patients(5, first=1000)))
    await system.idle()
    assert await system.broken() == []
    async with system.database("intake") as database:
        noted = await database.alone("SELECT action FROM audit WHERE action LIKE 'backup-%' ORDER BY id")
    assert [row[0] for row in noted] == ["backup-taken", "backup-restored"]


def test_a_file_that_was_cut_or_changed_is_named(taken: Taken, tmp_path: Path) -> None:
    copy = a_copy(taken.at_rest, tmp_path)
    assert asked("backup", "--check", copy).code == 0
    dump = copy / "placement.dump"
    whole = dump.read_bytes()
    for damaged, why in (
        (whole[:-1], f"has {len(whole) - 1} bytes of {len(whole)}"),
        (whole[:-1] + b"?", "is not what"),
    ):
        dump.write_bytes(damaged)
        for said in (asked("backup", "--check", copy), asked("restore", copy, "--data", taken.data, "--replace")):
            assert said.code == 1
            assert f"{dump} {why}" in said.err
    (copy / "manifest.json").write_text("{")
    assert "is no whole backup" in asked("restore", copy, "--data", taken.data).err


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"product": "another"}, "another product"),
        ({"format": 2}, "by a newer Stepdown"),
        ({"databases": {}}, "is no whole backup"),
        ({"files": [{"path": "../../etc/passwd", "size": 0, "sha256": ""}]}, "is no whole backup"),
    ],
)
def test_what_this_program_does_not_know_is_refused(
    taken: Taken, tmp_path: Path, changed: dict[str, object], why: str
) -> None:
    copy = a_copy(taken.at_rest, tmp_path)
    (copy / "manifest.json").write_text(json.dumps(manifest(copy) | changed))
    said = asked("restore", copy, "--dry-run", "--data", taken.data)
    assert said.code == 1
    assert why in said.err


def test_a_schema_that_is_newer_than_this_program_is_refused(taken: Taken, tmp_path: Path) -> None:
    copy = a_copy(taken.at_rest, tmp_path)
    newer = manifest(copy)
    newer["databases"]["placement"]["revision"] = "9999"
    (copy / "manifest.json").write_text(json.dumps(newer))
    said = asked("restore", copy, "--dry-run", "--data", taken.data)
    assert said.code == 1
    assert "whose schema of placement this one does not know" in said.err


def test_keys_that_are_not_those_of_the_backup_are_told_before_anything_is_made(taken: Taken, tmp_path: Path) -> None:
    data = tmp_path / "data"
    said = asked("restore", taken.at_rest, "--data", data)
    assert said.code == 1
    assert "put them into" in said.err
    (data / "secrets").mkdir(parents=True)
    name = (taken.data / "secrets" / "message.keys").read_text().partition(":")[0]
    for written, why in ((f"{name}:{_key()}", f"another {name}"), (f"new:{_key()}", f"missing {name}")):
        (data / "secrets" / "message.keys").write_text(written)
        said = asked("restore", taken.at_rest, "--data", data)
        assert said.code == 1
        assert f"are not those of the backup: {why}" in said.err
    assert not (data / "postgres").exists()
    assert asked("restore", taken.at_rest, "--data", data, "--without-keys", "--dry-run").code == 0


def _key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


async def test_databases_that_the_environment_names_are_restored_and_backed_up(
    taken: Taken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in containers: by owner roles and application roles, with keys in files, and no data directory."""
    (tmp_path / "server").mkdir()
    with quick_folder(tmp_path / "server") as place, a_database_server(place) as server:
        if "127.0.0.1" not in server.url:
            pytest.skip("a given server is not filled with databases of ours")
        urls = {role: _url(server.url, role) for role in databases.ROLES}
        await databases.make_with(server.url, databases.passwords_in(urls.values()))
        for role, url in urls.items():
            service, _, kind = role.partition("_")
            monkeypatch.setenv(f"STEPDOWN_{service.upper()}_DATABASE_{'OWNER_' * (kind == 'owner')}URL", url)
        monkeypatch.setenv("STEPDOWN_MESSAGE_KEYS_FILE", str(taken.data / "secrets" / "message.keys"))
        application = await asyncpg.connect(urls["placement_app"])
        said = await asyncio.to_thread(asked, "restore", taken.at_rest)
        assert "placement runs: 1 connections to its database; stop all services first" in said.err
        await application.close()
        said = await asyncio.to_thread(asked, "restore", taken.at_rest, "--json")
        assert said.code == 0, said.err
        assert json.loads(said.out)["next"][1] == "`stepdown heal`"
        again = tmp_path / "again"
        assert (await asyncio.to_thread(asked, "backup", again)).code == 0
        before, after = (manifest(folder)["databases"]["intake"] for folder in (taken.at_rest, again))
        assert before["positions"] == after["positions"]
        monkeypatch.delenv("STEPDOWN_MESSAGE_KEYS_FILE")
        unnamed = tmp_path / "unnamed"
        assert "say --without-keys" in (await asyncio.to_thread(asked, "backup", unnamed)).err
        assert (await asyncio.to_thread(asked, "backup", unnamed, "--without-keys")).code == 0
        assert manifest(unnamed)["keys"] == {}
        assert (await asyncio.to_thread(asked, "restore", unnamed, "--dry-run")).code == 0
        application = await asyncpg.connect(urls["placement_app"])
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await application.execute("UPDATE audit SET actor = 'nobody'")
        await application.close()


def _url(admin: str, role: str) -> str:
    return databases._as_role(databases.on_database(admin, role.partition("_")[0]), role, "secret")


def test_a_backup_is_not_written_over_another(taken: Taken) -> None:
    before = manifest(taken.at_rest)
    said = asked("backup", taken.at_rest, "--data", taken.data)
    assert said.code == 1
    assert "is not empty" in said.err
    assert manifest(taken.at_rest) == before


async def test_a_dump_that_fails_is_told_without_the_password(postgres: DatabaseServer, tmp_path: Path) -> None:
    with pytest.raises(SetUpError, match=r"pg_dump failed at postgres \(exit 1\)"):
        await programs.dump(postgres.url, "00000003-00000002-1", 16, tmp_path / "one.dump", lambda _: None)
    with pytest.raises(SetUpError, match="there is no pg_dump 99 or newer here"):
        programs.program("pg_dump", 99)
    place, secret = programs.without_password("postgresql+asyncpg://me:s%3Ccret@here:5433/intake?sslmode=require")
    assert (place, secret) == ("postgresql://me@here:5433/intake?sslmode=require", {"PGPASSWORD": "s<cret"})


async def test_no_moment_is_taken_while_a_batch_is_under_way(
    postgres: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moment, "LOCK_SECONDS", 0.2)
    async with a_database(postgres.url) as database:
        await migrate(database, "aftercare")
        url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        batch = await asyncpg.connect(url)
        await batch.execute("BEGIN; UPDATE positions SET next_offset = 1")
        with pytest.raises(Transient, match="nothing was taken"):
            async with moment.one_moment({"aftercare": url}):
                pass
        await batch.execute("COMMIT")
        async with moment.one_moment({"aftercare": url}) as snapshots:
            await batch.execute("UPDATE positions SET next_offset = 2")  # nobody is held up any more
            assert await snapshots["aftercare"].unsent_records() == 0
        await batch.close()
