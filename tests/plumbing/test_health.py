"""What a service says of itself: ready while it can do its work, live while a restart would not help."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from shared.clock import SetClock
from shared.errors import Transient
from shared.facts.envelope import Fact
from shared.messaging.broker import broker_for
from shared.messaging.handlers import Records
from shared.messaging.lag import STANDS_SECONDS
from shared.messaging.positions import Position, Slot
from shared.messaging.subscription import Subscription
from shared.pulse import STUCK_SECONDS, Pulse
from shared.run import ServiceProcess, Timer
from shared.settings import Settings
from shared.storage.database import Database
from tests.servers import DatabaseServer, a_database_server
from tests.waiting import until

KEY = SecretStr("k1:" + base64.b64encode(bytes(32)).decode())


def a_service(database: Database, *pulses: Pulse, ahead: timedelta = timedelta(0)) -> ServiceProcess:
    """A service with nothing but a database, and a clock that is so far ahead."""
    settings = Settings(database_url=SecretStr("postgresql://x@127.0.0.1/x"), kafka="127.0.0.1:9", message_keys=KEY)
    clock = SetClock(datetime.now(UTC) + ahead)
    made = ServiceProcess("svc", settings, database, broker_for(settings, "svc"), [], pulses=pulses, clock=clock)
    made.started = True
    return made


async def asked(service: ServiceProcess, what: str) -> tuple[int, dict[str, str]]:
    """Status, and the parts that are named."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(service.web), base_url="http://svc") as http:
        answer = await http.get(f"/health/{what}")
    return answer.status_code, answer.json().get("stuck") or answer.json().get("waiting_for") or {}


@pytest.mark.parametrize(
    ("work", "for_seconds", "told"),
    [
        (False, 0, None),
        (True, 0, None),
        (True, STUCK_SECONDS - 5, None),
        (True, STUCK_SECONDS + 5, "it has work and has not moved for long"),
    ],
    ids=["no work", "just begun", "takes long", "stuck"],
)
async def test_a_part_that_has_work_and_does_not_move_is_not_live(
    database: Database, work: bool, for_seconds: float, told: str | None
) -> None:
    part = Pulse("messages")
    if work:
        part.__enter__()
        part._beat = time.monotonic() - for_seconds
    found = await asked(a_service(database, part), "live")
    assert found == ((503, {"messages": told}) if told else (200, {}))


def test_a_part_that_goes_on_is_not_still() -> None:
    part = Pulse("relay")
    with part:
        part._beat = time.monotonic() - 1000
        assert part.still(time.monotonic()) > 999
        part.beat()
        assert part.still(time.monotonic()) < 1
    assert part.still(time.monotonic() + STUCK_SECONDS) == 0
    part.beat()
    assert part.still(time.monotonic() + 1) == 0, "a beat outside of work is none"


async def test_a_task_that_ended_by_itself_is_not_live(database: Database) -> None:
    service = a_service(database)
    service._tasks = [asyncio.create_task(Timer("watch", 1.0, asyncio.Event().wait).run(), name="watch")]  # type: ignore[arg-type]
    assert await asked(service, "live") == (200, {})
    service._tasks[0].cancel()
    await asyncio.wait(service._tasks)
    assert await asked(service, "live") == (503, {"watch": "it has ended"})


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0, None), (4, None), (-4, None), (-57600, "57600 minutes behind the database's"), (6, "6 minutes ahead of")],
)
async def test_a_clock_that_is_not_the_databases_is_not_ready(
    database: Database, minutes: int, said: str | None
) -> None:
    status, told = await asked(a_service(database, ahead=timedelta(minutes=minutes)), "ready")
    assert (status, said or "") == (503 if said else 200, said or "")
    assert (said or "") in told.get("clock", "")


async def test_a_partition_that_nobody_reads_is_not_ready(database: Database) -> None:
    service = a_service(database)
    subscription = Subscription("svc", "t", database)
    subscription.router.subscriber("t", group_id="svc", **subscription.options)(_nothing)
    service.subscriptions = [subscription]
    subscription.places.at = {Slot("t", 0): Position(1)}
    subscription.lags.lag.see({0: 0, 1: 79}, {0: 1, 1: 1}, {0}, time.monotonic())
    assert await asked(service, "ready") == (200, {})
    subscription.lags.lag.see({0: 0, 1: 79}, {0: 1, 1: 2}, {0}, time.monotonic() - STANDS_SECONDS - 1)
    status, told = await asked(service, "ready")
    assert status == 503
    assert told["svc.t"].startswith("nobody reads partition 1 of t, and there are records")


async def _nothing(batch: Records[Fact]) -> None:
    """Handle nothing."""


@pytest.fixture
def a_small_disk(tmp_path: Path) -> Iterator[Path]:
    """120 MB of memory as a disk, where we may mount one."""
    command = ["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(tmp_path)]
    try:
        made = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        pytest.skip("there is no mount here")
    if made.returncode:
        pytest.skip("only root may mount a small disk")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


@pytest.fixture
def on_it(a_small_disk: Path) -> Iterator[DatabaseServer]:
    """A database server there."""
    with a_database_server(a_small_disk / "data") as server:
        yield server


@pytest.mark.slow
async def test_a_full_disk_is_not_ready_until_there_is_room_again(on_it: DatabaseServer, a_small_disk: Path) -> None:
    database = Database(on_it.url)
    service = a_service(database)
    async with database.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE kept (bytes bytea)"))
    assert (await asked(service, "ready"))[0] == 200
    filling = a_small_disk / "filling"
    with filling.open("wb") as file:
        try:
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        except OSError:
            pass
    write = sa.text("INSERT INTO kept SELECT decode(repeat(md5(n::text), 500), 'hex') FROM generate_series(1, 2000) n")
    with pytest.raises(Transient, match="53100"):
        async with database.begin() as connection:
            await connection.execute(write)
    assert await asked(service, "ready") == (503, {"database": "its disk is full: free some space"})
    filling.unlink()
    await until(lambda: _is_ready(service))
    await database.close()


async def _is_ready(service: ServiceProcess) -> bool:
    return (await asked(service, "ready"))[0] == 200
