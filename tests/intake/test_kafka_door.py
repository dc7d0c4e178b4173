"""hospital.adt as a door, on a real broker: the same facts as by any other door, an answer for each record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from aiokafka import ConsumerRecord

from services.intake.receiving.kafka import adt_record_of
from services.intake.receiving.receive import Intake
from shared.errors import InvalidMessage
from shared.facts.envelope import Fact, from_record
from shared.facts.tracing import trace_of
from shared.run import ServiceProcess
from tests.databases import everything, produce
from tests.intake.conftest import Hospital
from tests.intake.running import a_service
from tests.servers import DatabaseServer, a_broker
from tests.waiting import until

STORY = (("A01", "20260310090000"), ("A08", "20260311090000"), ("A03", "20260312100000"), ("A13", "20260312110000"))
Raw = tuple[bytes | None, list[tuple[str, bytes]]]
POISON: dict[str, tuple[bytes | None, list[tuple[str, bytes]], str]] = {
    "another content type": (b"{}", [("content-type", b"application/json")], "content-type"),
    "no HL7 at all": (b"hello", [], "no MSH"),
    "nothing in it": (b"", [], "empty"),
    "no value": (None, [], "empty"),
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own: the topics have their real names."""
    with a_broker(tmp_path_factory.mktemp("door")) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="module")
async def service(broker: str, postgres: DatabaseServer) -> AsyncIterator[ServiceProcess]:
    async with a_service(broker, postgres) as running:
        yield running


async def sent(broker: str, *records: Raw, key: bytes = b"GOODHEALTH|M") -> None:
    """Put records on hospital.adt, all with one key."""
    await produce(broker, "hospital.adt", [(key, value, headers) for value, headers in records])


async def acks(broker: str, correlation: str, number: int) -> list[ConsumerRecord]:
    """The acknowledgements with this correlation, once there are so many."""

    async def found() -> list[ConsumerRecord]:
        every = await everything(broker, "hospital.acks")
        mine = [one for one in every if dict(one.headers).get("correlationid") == correlation.encode()]
        return mine if len(mine) >= number else []

    told: list[ConsumerRecord] = await until(found)
    return told


async def facts_of(broker: str, mrn: str) -> list[Fact]:
    """What care.events says of a patient's visits."""
    found = [from_record(record.value, record.headers) for record in await everything(broker, "care.events")]
    return [fact for fact in found if mrn in fact.body.decode()]


async def messages_of(service: ServiceProcess) -> list[str]:
    """Why records became dead letters, in the order of their offsets."""
    async with service.database.read() as connection:
        query = sa.text("SELECT error FROM dead_letters ORDER BY partition, kafka_offset")
        return list((await connection.execute(query)).scalars())


def correlated(raw: bytes, correlation: str) -> Raw:
    """A record with content type and correlation."""
    return raw, [("content-type", b"x-application/hl7-v2+er7; charset=utf-8"), ("correlationid", correlation.encode())]


def content(facts: list[Fact]) -> list[dict[str, Any]]:
    """What facts say, without ids."""
    own = {"episode_id", "patient_id", "cancels", "replaces"}
    return [{"name": f.name, **{name: value for name, value in f.as_json.items() if name not in own}} for f in facts]


async def test_the_same_messages_over_kafka_and_mllp_state_the_same(
    broker: str, service: ServiceProcess, hospital: Hospital
) -> None:
    told = [hospital.message(trigger, at) for trigger, at in STORY]
    key = f"GOODHEALTH|{hospital.mrn}".encode()
    for number, raw in enumerate(told, start=1):
        await hospital.says(raw)
        await sent(broker, correlated(raw, hospital.mrn), key=key)
        answers = await acks(broker, hospital.mrn, number)
    assert all(b"MSA|AA|" in answer.value for answer in answers)
    assert [fact.name for fact in await hospital.facts()] == ["admitted", "discharged", "fact-cancelled"]
    assert content(await facts_of(broker, hospital.mrn)) == content(await hospital.facts())


async def test_an_answer_has_the_key_and_correlation_of_its_record_and_says_where_that_is(
    broker: str, service: ServiceProcess, hospital: Hospital
) -> None:
    given = [
        ("correlationid", hospital.mrn.encode()),
        ("correlation_id", b"own-7"),
        ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("x-note", b"for the sender alone"),
    ]
    await sent(broker, (hospital.message("A01", control="K-1"), given), key=b"as we like")
    (answer,) = await acks(broker, hospital.mrn, 1)
    headers = dict(answer.headers)
    (record,) = [one for one in await everything(broker, "hospital.adt") if one.key == b"as we like"]
    assert (answer.key, b"MSA|AA|K-1" in answer.value) == (b"as we like", True)
    assert headers.pop("x-origin").decode() == f"hospital.adt/{record.partition}/{record.offset}"
    assert headers.pop("content-type") == b"x-application/hl7-v2+er7"
    assert headers == dict(given[:3])
    (fact,) = await facts_of(broker, hospital.mrn)
    assert trace_of(fact.traceparent) == ("0af7651916cd43dd8448eb211c80319c", "01"), "what follows is in the same trace"


async def test_a_repeat_gets_its_first_answer_and_is_counted_as_one(
    broker: str, service: ServiceProcess, hospital: Hospital
) -> None:
    raw = correlated(hospital.message("A01"), hospital.mrn)
    await sent(broker, raw)
    await acks(broker, hospital.mrn, 1)
    await sent(broker, raw)
    first, again = await acks(broker, hospital.mrn, 2)
    assert first.value == again.value
    assert dict(first.headers)["x-origin"] != dict(again.headers)["x-origin"]
    assert [fact.name for fact in await facts_of(broker, hospital.mrn)] == ["admitted"]


async def test_answers_come_in_the_order_of_the_records(
    broker: str, service: ServiceProcess, hospital: Hospital
) -> None:
    told = [hospital.message("A01", f"202603{day:02}090000", control=f"N{day}", visit=f"V{day}") for day in range(1, 9)]
    await sent(broker, *(correlated(raw, hospital.mrn) for raw in told))
    answers = await acks(broker, hospital.mrn, 8)
    assert [answer.value.split(b"MSA|AA|")[1].split(b"\r")[0] for answer in answers] == [
        f"N{day}".encode() for day in range(1, 9)
    ]


@pytest.mark.parametrize(
    ("modes", "codes"),
    [("AL|AL", [b"CA", b"AA"]), ("AL|NE", [b"CA"]), ("NE|AL", [b"AA"]), ("NE|NE", [])],
    ids=["both", "commit alone", "application alone", "none"],
)
async def test_enhanced_mode_gets_the_answers_it_asks_for(
    broker: str, service: ServiceProcess, hospital: Hospital, modes: str, codes: list[bytes]
) -> None:
    raw = hospital.message("A01").replace(b"|P|2.5.1", f"|P|2.5.1|||{modes}".encode())
    last = hospital.message("A03", "20260312100000")
    await sent(broker, correlated(raw, hospital.mrn), correlated(last, hospital.mrn))
    answers = await acks(broker, hospital.mrn, len(codes) + 1)
    assert [answer.value.split(b"MSA|")[1][:2] for answer in answers] == [*codes, b"AA"]


@pytest.mark.parametrize("kind", POISON)
async def test_a_poison_record_is_a_dead_letter_and_the_next_one_is_taken(
    broker: str, service: ServiceProcess, hospital: Hospital, kind: str
) -> None:
    before = len(await messages_of(service))
    value, headers, why = POISON[kind]
    await sent(broker, (value, headers), correlated(hospital.message("A01"), hospital.mrn))
    (answer,) = await acks(broker, hospital.mrn, 1)
    assert b"MSA|AA|" in answer.value
    assert sum(why in error for error in await messages_of(service)) >= 1
    assert len(await messages_of(service)) == before + 1


async def test_what_is_no_hl7_is_told_so(broker: str, service: ServiceProcess, hospital: Hospital) -> None:
    await sent(broker, correlated(b"hello", hospital.mrn))
    (answer,) = await acks(broker, hospital.mrn, 1)
    assert b"MSA|AR|" in answer.value
    assert b"|100^" in answer.value


async def test_a_record_beyond_the_limit_is_never_read(intake: Intake) -> None:
    site = intake.site.model_copy(update={"limits": intake.site.limits.model_copy(update={"message_bytes": 1024})})
    small = Intake(intake.database, site, intake.seal, intake.clock)
    record = ConsumerRecord("hospital.adt", 0, 0, 0, 0, b"k", b"MSH|" + b"x" * 1021, None, 1, 1025, [])
    with pytest.raises(InvalidMessage, match="1024 bytes at most"):
        adt_record_of(record, intake=small)


async def test_every_record_is_counted_once(broker: str, service: ServiceProcess, hospital: Hospital) -> None:
    await sent(broker, correlated(hospital.message("A01", msh11="D"), hospital.mrn))
    await acks(broker, hospital.mrn, 1)
    query = sa.text(
        "SELECT sum(received), sum(applied + repeated + ignored + dead), sum(ignored), sum(repeated) "
        "FROM positions WHERE consumer = 'intake.hospital.adt'"
    )
    async with service.database.read() as connection:
        received, counted, ignored, _ = (await connection.execute(query)).one()
    assert received == counted == len(await everything(broker, "hospital.adt"))
    assert ignored >= 1


async def test_the_charset_of_a_header_counts_before_msh_18(
    broker: str, service: ServiceProcess, hospital: Hospital
) -> None:
    raw = hospital.message("A01", visit="VЖ").decode().encode("iso8859-5")
    kind = b"x-application/hl7-v2+er7; charset=iso-8859-5"
    await sent(broker, (raw, [("content-type", kind), ("correlationid", hospital.mrn.encode())]))
    (answer,) = await acks(broker, hospital.mrn, 1)
    assert b"MSA|AA|" in answer.value
    (admitted,) = await facts_of(broker, hospital.mrn)
    assert admitted.as_json["visit_number"] == f"VЖ-{hospital.mrn}"
