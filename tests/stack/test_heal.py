"""What is lost of broker or database is brought in line by `up` at its start, or by `heal`: then all that is promised
holds again (contract 5.8)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

import pytest
from aiokafka import AIOKafkaProducer

from services.placement.recovery import heal as placement
from services.placement.recovery.heal import LETTERS
from shared.events.stays import Discharged
from shared.facts.envelope import to_record
from shared.facts.restating import OwnFacts
from shared.values import replace
from tests.cli.conftest import run
from tests.delivery.load import Answered, Patient, deliver
from tests.delivery.promises import kept
from tests.servers import quick_folder
from tests.stack.healing import TwoTimes, servers, told, two_times
from tests.system import System, a_system
from tests.waiting import until

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]


@pytest.fixture(scope="module")
async def times(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwoTimes]:
    with quick_folder(tmp_path_factory.mktemp("heal")) as place:
        yield await two_times(place / "data")


async def holds(system: System, people: Sequence[Patient]) -> None:
    """All that is promised, with `stepdown verify` as a witness, and every period told."""
    await kept(system, people)
    said = run("verify", "--data", str(system.data), "--json")
    assert said.code == 0, said.out


async def test_what_the_broker_lost_of_its_last_seconds_is_told_again(times: TwoTimes) -> None:
    with a_system(times.put_back(kafka="early", postgres="late")) as system:
        assert "healed: intake" in system.said.read_text()
        await holds(system, times.people)


async def test_after_a_database_was_restored_older_the_hospital_goes_on_as_if_it_had_not_been(times: TwoTimes) -> None:
    """What topics have is adopted, and A13, A03 and A08 do what they would have done."""
    with a_system(times.put_back(kafka="late", postgres="early")) as system:
        assert "raw messages" in system.said.read_text()
        await holds(system, times.people)
        feeds = {
            (c["door"], c["trigger"])
            for f in system.get("intake", "/api/feeds", "admin")["facilities"]
            for c in f["counts"]
        }
        assert {("adopted", "A01"), ("adopted", "A03")} <= feeds
        adopted = times.people[len(times.early) :]
        gone, back = [next(one for one in adopted if one.taken_back is whether) for whether in (False, True)]
        other = next(one for one in adopted if not one.taken_back and one is not gone)
        await said(system, gone.message("A13", 1), back.message("A03", 1), other.message("A08", 1, disposition="06"))
        turned = {gone: Patient(gone.number, taken_back=True), back: Patient(back.number, taken_back=False)}
        await holds(system, [turned.get(one, one) for one in times.people])
        assert await disposition(system, other.visit) == "06"
        new = Patient(500, taken_back=True)
        await told(system, [new])
        await holds(system, [*(turned.get(one, one) for one in times.people), new])


async def said(system: System, *messages: bytes) -> None:
    """These messages in their order, and all at rest."""
    answered = Answered()
    await deliver(system, messages, answered)
    assert set(answered.codes) == {b"AA"}
    await system.idle()


async def disposition(system: System, visit: str) -> str | None:
    """PV1-36 of the discharge that stands of a visit, as the facts say it."""
    facts = await system.facts()
    gone = OwnFacts(facts).fallen
    ends = [fact.value for fact in facts if isinstance(fact.value, Discharged) and fact.id not in gone]
    return next(one.disposition.code for one in ends if one.stay.id == visit)


async def test_a_dry_run_says_what_is_lost_and_writes_nothing(times: TwoTimes) -> None:
    with servers(times.put_back(kafka="early", postgres="late")) as lost:
        before = await lost.rows()
        healed = await lost.heal(dry_run=True)
        assert healed.done["intake"]["facts"] > 0
        assert healed.done["placement"]["service periods"] > 0
        assert await lost.rows() == before


async def test_what_is_healed_is_not_healed_again(times: TwoTimes) -> None:
    with servers(times.put_back(kafka="early", postgres="late")) as lost:
        assert not (await lost.heal()).nothing
        before = await lost.rows()
        assert (await lost.heal()).nothing
        assert await lost.rows() == before


async def test_an_empty_broker_is_told_all_there_is(times: TwoTimes) -> None:
    with a_system(times.put_back(kafka="empty", postgres="late")) as system:
        await holds(system, times.people)


async def test_a_broker_that_is_killed_while_all_runs_is_mended_while_all_runs(times: TwoTimes) -> None:
    with a_system(times.put_back(kafka="late", postgres="late")) as system:
        more = [Patient(1000 + number, taken_back=False) for number in range(20)]
        await told(system, more)
        system.kill("noida")
        await until(lambda: "is started again" in system.said.read_text())
        last = Patient(2000, taken_back=False)
        await told(system, [last])
        await holds(system, [*times.people, *more, last])


@pytest.mark.parametrize("when", [{"kafka": "early", "postgres": "late"}, {"kafka": "late", "postgres": "early"}])
async def test_a_run_that_was_ended_in_the_middle_is_finished_by_the_next(
    times: TwoTimes, when: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "AT_ONCE", 3)
    with servers(times.put_back(**when)) as lost:
        with pytest.raises(_Ended):
            await lost.heal(step=_ends_after(1))
        for pages in (4, 9):
            with suppress(_Ended):
                await lost.heal(step=_ends_after(pages))
    with a_system(times.data) as system:
        await holds(system, times.people)


async def test_dead_letters_of_what_an_earlier_version_told_twice_are_settled_while_all_runs(times: TwoTimes) -> None:
    """A version that did not look for losses went on after one, and told facts anew under numbers that were taken."""
    with a_system(times.put_back(kafka="late", postgres="late")) as system:
        twice = [next(f for f in await system.facts() if f.writer == writer) for writer in ("intake", "placement")]
        async with AIOKafkaProducer(bootstrap_servers=system.kafka) as producer:
            for each in twice:
                record = to_record(replace(each, id=f"again-{each.id}"), "care.events")
                await producer.send_and_wait(record.topic, record.value, record.key, headers=[*record.headers])
        await until(lambda: len(_letters(system, "dead")) == 4)
        assert run("verify", "--data", str(system.data)).code == 1, "what nobody settled is a broken promise"
        dry = json.loads(run("heal", "--data", str(system.data), "--dry-run", "--json").out)
        assert (dry["done"]["placement"], len(_letters(system, "dead"))) == ({LETTERS: 4}, 4)
        healed = json.loads(run("heal", "--data", str(system.data), "--json").out)
        assert healed["done"]["placement"] == {LETTERS: 4}
        assert len(_letters(system, "discarded")) == 4
        assert run("verify", "--data", str(system.data)).code == 0


def _letters(system: System, state: str) -> list[str]:
    return run("dead-letters", "list", "--state", state, "--data", str(system.data), "--json").out.splitlines()


class _Ended(Exception):
    """The process was killed here."""


def _ends_after(pages: int) -> Callable[[int], None]:
    """A tick that ends the run when so many pages have been worked off."""
    left = [pages]

    def tick(number: int) -> None:
        left[0] -= number <= 3
        if not left[0]:
            raise _Ended

    return tick
