"""A long visit on hospital.adt has a lane of its own: other records are answered while it is worked off."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa
from aiokafka import ConsumerRecord

from services.intake.app import Doors, assemble
from services.intake.checks import broken
from services.intake.receiving.lane.store import Waiting
from services.intake.receiving.lane.worker import Worker
from services.intake.receiving.receive import Intake
from shared.clock import SetClock
from shared.run import ServiceProcess
from shared.settings import Settings
from tests.databases import everything, produce
from tests.intake.conftest import NOW, Hospital, made_database
from tests.intake.test_app import settings
from tests.servers import DatabaseServer, a_broker
from tests.waiting import until
from tools.stack import topics


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own: the topics have their real names."""
    with a_broker(tmp_path_factory.mktemp("lane")) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="module")
async def given(broker: str, postgres: DatabaseServer) -> AsyncIterator[Settings]:
    """Settings with one partition: whatever is sent together is one batch; on a database of its own."""
    async with made_database(postgres.url) as database:
        url = database.engine.url.render_as_string(hide_password=False)
        made = settings(url, kafka=broker, kafka_partitions=1)
        await topics.apply(made)
        yield made


@asynccontextmanager
async def running(given: Settings) -> AsyncIterator[ServiceProcess]:
    """The whole service, to which a visit of more than three messages is long."""
    service = assemble(given, clock=SetClock(NOW))
    intake_of(service).long_visits.long = 3
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


@pytest.fixture
async def service(given: Settings) -> AsyncIterator[ServiceProcess]:
    """The service, one for each test."""
    async with running(given) as found:
        yield found


def intake_of(service: ServiceProcess) -> Intake:
    """Its handlers."""
    (doors,) = service.doors
    assert isinstance(doors, Doors)
    return doors.intake


Raw = tuple[bytes, bytes, list[tuple[str, bytes]]]


class Sent:
    """What a patient's hospital sent by Kafka, and what it was answered."""

    def __init__(self, service: ServiceProcess, given: Settings) -> None:
        self.broker, self.service = given.kafka or "", service
        self.hospital = Hospital(intake_of(service))
        self.mrn = self.hospital.mrn

    def record(self, trigger: str, control: str, at: str = "20260311090000") -> Raw:
        """A record of this patient's visit."""
        raw = self.hospital.message(trigger, at, control=control)
        return f"GOODHEALTH|{self.mrn}".encode(), raw, [("correlationid", self.mrn.encode())]

    async def answered(self) -> list[str]:
        """The answers up to now, in their order: code and control id."""
        every = await everything(self.broker, "hospital.acks")
        return [_told(one) for one in every if dict(one.headers)["correlationid"] == self.mrn.encode()]

    async def become_long(self) -> None:
        """Five messages; the sixth is derived in the other process, so that there is one."""
        await send(self.broker, *(self.record("A08" if n else "A01", f"L{n}") for n in range(5)))
        await self.are_answered(5)
        await send(self.broker, self.record("A08", "L5"))
        await self.are_answered(6)
        await nothing_waits(self.service)  # what was answered is counted a moment later

    async def are_answered(self, number: int) -> list[str]:
        """The answers, once there are so many."""

        async def enough() -> list[str]:
            found = await self.answered()
            return found if len(found) >= number else []

        found: list[str] = await until(enough)
        assert len(found) == number
        return found


def _told(answer: ConsumerRecord) -> str:
    return bytes(answer.value).split(b"MSA|")[1].split(b"\r")[0].decode()


async def send(broker: str, *records: Raw) -> None:
    """Put records on hospital.adt."""
    await produce(broker, "hospital.adt", records)


async def waiting(service: ServiceProcess) -> int:
    """How many records of hospital.adt are counted as waiting; all others must be counted otherwise."""
    query = sa.text(
        "SELECT waiting, received = applied + repeated + ignored + waiting + dead FROM positions "
        "WHERE consumer = 'intake.hospital.adt'"
    )
    async with service.database.read() as connection:
        number, adds_up = (await connection.execute(query)).one()
    assert adds_up
    return int(number)


def hold(service: ServiceProcess, *, on: bool = True) -> None:
    """Stop the process that derives long visits where it is, or let it go on."""
    process = intake_of(service).long_visits.apart._process
    assert process is not None
    process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)


async def nothing_waits(service: ServiceProcess) -> None:
    """Everything is worked off, and nothing is broken."""

    async def none() -> bool:
        return await waiting(service) == 0

    await until(none)
    intake = intake_of(service)
    assert [str(what) async for what in broken(intake.database, intake.site) if what.subject != "outbox"] == []


async def test_another_hospitals_record_of_the_same_batch_is_answered_while_a_long_visit_is_worked_off(
    service: ServiceProcess, given: Settings
) -> None:
    long, other = Sent(service, given), Sent(service, given)
    await long.become_long()
    hold(service)
    await send(
        long.broker,
        long.record("A08", "L6"),
        other.record("A01", "N0"),
        long.record("A03", "L7", "20260312100000"),
        other.record("A03", "N1", "20260312100000"),
    )
    assert await other.are_answered(2) == ["AA|N0", "AA|N1"]
    assert len(await long.answered()) == 6
    assert await waiting(service) == 2
    async with service.database.read() as connection:
        stored = (await connection.execute(sa.text("SELECT w::text FROM waiting_records AS w"))).scalars().all()
    for value in (long.mrn, long.hospital.name):
        assert not any(value in row or value.encode().hex() in row for row in stored), "in clear"
    hold(service, on=False)
    assert await long.are_answered(8) == [f"AA|L{n}" for n in range(8)]
    await nothing_waits(service)


async def test_what_waited_in_the_lane_is_worked_off_after_a_restart(given: Settings) -> None:
    async with running(given) as service:
        long = Sent(service, given)
        await long.become_long()
        hold(service)
        await send(long.broker, long.record("A08", "L6"), long.record("A03", "L7", "20260312100000"))
        await until_waiting(service, 2)
    assert len(await long.answered()) == 6
    async with running(given) as service:
        assert await long.are_answered(8) == [f"AA|L{n}" for n in range(8)]
        await nothing_waits(service)
        query = sa.text("SELECT count(*) FROM facts WHERE type = 'discharged' AND visit_id IN (SELECT visit_id FROM "
                        "visits WHERE visit_key LIKE :mrn)")  # fmt: skip
        async with service.database.read() as connection:
            assert (await connection.execute(query, {"mrn": f"%{long.mrn}"})).scalar_one() == 1


async def test_a_record_that_was_answered_and_not_counted_any_more_is_counted_after_a_restart(given: Settings) -> None:
    async with running(given) as service:
        long = Sent(service, given)
        await long.become_long()
        hold(service)
        await send(long.broker, long.record("A08", "L6"))
        await until_waiting(service, 1)
    ended = assemble(given, clock=SetClock(NOW))
    await Worker(intake_of(ended))._take([])
    assert await waiting(ended) == 1
    await intake_of(ended).long_visits.apart.stop()
    await ended.database.close()
    async with running(given) as service:
        assert (await long.are_answered(7))[-1] == "AA|L6"
        await nothing_waits(service)


async def test_two_processes_do_not_work_off_the_same_record(service: ServiceProcess, given: Settings) -> None:
    long = Sent(service, given)
    await long.become_long()
    hold(service)
    await send(long.broker, long.record("A08", "L6"))
    await until_waiting(service, 1)
    free = sa.text("SELECT number FROM waiting_records FOR UPDATE SKIP LOCKED")
    waits = sa.text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    await until(lambda: is_none(service, free))
    second, taken = assemble(given, clock=SetClock(NOW)), list[Waiting]()
    work = asyncio.create_task(Worker(intake_of(second))._take(taken))
    while not await is_some(service, waits):
        assert not work.done(), (work.exception(), taken)
        await asyncio.sleep(0.02)
    hold(service, on=False)
    await work
    assert taken == []
    assert (await long.are_answered(7))[-1] == "AA|L6"
    await nothing_waits(service)
    await second.database.close()


async def test_nothing_overtakes_what_waits_of_the_same_patient_also_where_the_visit_is_not_known_for_long_any_more(
    service: ServiceProcess, given: Settings
) -> None:
    long, other = Sent(service, given), Sent(service, given)
    await long.become_long()
    hold(service)
    await send(long.broker, long.record("A08", "L6"))
    await until_waiting(service, 1)
    visits = intake_of(service).long_visits
    await until(visits.apart._turn.locked)
    visits._keys.clear()
    await send(long.broker, long.record("A08", "L7"), other.record("A01", "N0"))
    assert await other.are_answered(1) == ["AA|N0"]
    assert len(await long.answered()) == 6
    assert await waiting(service) == 2
    hold(service, on=False)
    assert await long.are_answered(8) == [f"AA|L{n}" for n in range(8)]
    await nothing_waits(service)


async def test_answers_of_one_key_come_in_the_order_of_its_records_whoever_they_are_about(
    service: ServiceProcess, given: Settings
) -> None:
    long, other, third = Sent(service, given), Sent(service, given), Sent(service, given)
    await long.become_long()
    hold(service)
    before = await counted(service, "dead")
    key, raw, headers = long.record("A08", "L6")
    _, beside, _ = other.record("A01", "N0")
    await send(long.broker, (key, raw, headers), (key, b"hello", headers), (key, beside, headers))
    await send(long.broker, third.record("A01", "T0"))
    assert await third.are_answered(1) == ["AA|T0"]
    assert len(await long.answered()) == 6
    hold(service, on=False)
    l6, no_hl7, n0 = (await long.are_answered(9))[6:]
    assert (l6, no_hl7[:2], n0) == ("AA|L6", "AR", "AA|N0")
    await nothing_waits(service)
    assert await counted(service, "dead") == before + 1
    assert not intake_of(service).long_visits.has([("GOODHEALTH", "GH", other.mrn)])


async def test_a_record_of_a_long_visit_that_comes_again_gets_its_first_answer_and_is_counted_as_repeated(
    service: ServiceProcess, given: Settings
) -> None:
    long = Sent(service, given)
    await long.become_long()
    again = long.record("A08", "L6")
    before = await counted(service, "repeated")
    await send(long.broker, again, again)
    assert await long.are_answered(8) == [f"AA|L{n}" for n in (*range(7), 6)]
    await nothing_waits(service)
    assert await counted(service, "repeated") == before + 1


async def test_where_the_process_that_derives_dies_the_record_waits_and_is_answered(
    service: ServiceProcess, given: Settings
) -> None:
    long = Sent(service, given)
    await long.become_long()
    hold(service)
    await send(long.broker, long.record("A03", "L6", "20260312100000"))
    await until_waiting(service, 1)
    process = intake_of(service).long_visits.apart._process
    assert process is not None
    process.kill()
    assert (await long.are_answered(7))[-1] == "AA|L6"
    await nothing_waits(service)


async def test_a_record_that_the_database_will_never_take_is_a_dead_letter_and_those_beside_it_are_answered(
    service: ServiceProcess, given: Settings
) -> None:
    long = Sent(service, given)
    await long.become_long()
    async with service.database.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE messages ADD CONSTRAINT never CHECK (control_id <> 'NEVER')"))
    hold(service)
    before = await counted(service, "dead")
    await send(long.broker, *(long.record("A08", control) for control in ("L6", "NEVER", "L7", "L8")))
    await until_waiting(service, 4)
    hold(service, on=False)
    assert await long.are_answered(9) == [f"AA|L{n}" for n in range(9)]
    await nothing_waits(service)
    assert await counted(service, "dead") == before + 1
    letter = await dead_letter(service)
    async with service.database.begin() as connection:
        await connection.execute(sa.text("UPDATE dead_letters SET state = 'replay' WHERE error LIKE 'the database%'"))
    assert await until(lambda: another_than(service, letter)), "what fails again is a dead letter again"
    await nothing_waits(service)
    async with service.database.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE messages DROP CONSTRAINT never"))
        await connection.execute(sa.text("UPDATE dead_letters SET state = 'replay' WHERE error LIKE 'the database%'"))
    assert (await long.are_answered(10))[-1] == "AA|NEVER"
    await nothing_waits(service)
    assert await counted(service, "dead") == before


async def until_waiting(service: ServiceProcess, number: int) -> None:
    """Wait until so many records wait in the lane."""

    async def so_many() -> bool:
        return await waiting(service) == number

    await until(so_many)


async def counted(service: ServiceProcess, outcome: str) -> int:
    """How many records of hospital.adt are counted so."""
    query = sa.text(f"SELECT {outcome} FROM positions WHERE consumer = 'intake.hospital.adt'")
    async with service.database.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def dead_letter(service: ServiceProcess) -> str | None:
    """The id of the dead letter that nobody has settled; None where there is none."""
    async with service.database.read() as connection:
        query = sa.text("SELECT id FROM dead_letters WHERE state = 'dead' AND error LIKE 'the database%'")
        found: str | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def another_than(service: ServiceProcess, letter: str | None) -> bool:
    """Whether there is a dead letter, and it is another one."""
    return await dead_letter(service) not in {None, letter}


async def is_some(service: ServiceProcess, query: sa.TextClause) -> bool:
    """Whether a query finds anything."""
    async with service.database.read() as connection:
        return (await connection.execute(query)).first() is not None


async def is_none(service: ServiceProcess, query: sa.TextClause) -> bool:
    """Whether it finds nothing."""
    return not await is_some(service, query)
