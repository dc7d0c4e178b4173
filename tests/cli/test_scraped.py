"""What operators see of a running system, metrics and logs: all that alarms ask for, and nothing of a patient."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.conftest import RunningSystem
from tests.cli.messages import stay
from tests.deploy.expressions import NOT_OURS, OF_PROMETHEUS, asked, declared, shown
from tests.waiting import until
from tools.stack import SERVICES


def scraped(system: RunningSystem) -> str:
    """The pages of the three services."""
    ready = json.loads((system.data / "ready.json").read_text())
    pages = []
    for service in SERVICES:
        with urlopen(f"{ready[service]}/metrics", timeout=10) as answer:
            pages.append(answer.read().decode())
    return "".join(pages)


def labels_of(page: str) -> dict[str, set[str]]:
    """The name of each series that is there, with the labels that it has."""
    found: dict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name] |= set(sample.labels)
    return found


def families(page: str) -> set[str]:
    """The names that the page has a type for, whether or not there is a series yet."""
    return {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE ")}


async def test_a_running_system_has_what_alarms_and_the_dashboard_ask_for(
    system: RunningSystem, tmp_path: Path
) -> None:
    mrn = f"SCRAPED{uuid.uuid4().hex[:8].upper()}"
    (tmp_path / "day.hl7").write_bytes(b"".join(stay(mrn)))
    assert system.stepdown("send", str(tmp_path / "day.hl7")).code == 0
    episode = (await until(lambda: system.told(f"V{mrn}")))["key"]
    await until(lambda: 'stepdown_records_total{consumer="aftercare.care.episodes"' in scraped(system))
    await until(lambda: 'stepdown_seats_open{level="php"}' in scraped(system))
    page = scraped(system)
    series, kinds = labels_of(page), families(page)
    for place, expression, _ in shown():
        for metric, labels in asked(expression):
            assert metric in kinds | series.keys() | {"up"} | {f"{kind}_bucket" for kind in kinds}, place
            if metric in series and metric not in NOT_OURS:
                assert labels - OF_PROMETHEUS <= series[metric], place
    for canary in (mrn, "DOE", "JANE", episode):
        assert canary not in page


async def test_every_series_of_ours_is_one_that_is_written_down(system: RunningSystem) -> None:
    known = declared()
    ours = {name: labels for name, labels in labels_of(scraped(system)).items() if name.startswith("stepdown_")}
    made = {f"{name.removesuffix('_total')}_created" for name in known} | {
        f"{name.removesuffix('_count')}_created" for name in known
    }
    assert {name for name in ours if name not in known and name not in made} == set()
    assert {name for name, labels in ours.items() if name in known and labels != known[name]} == set()


def posted(address: str, body: str, headers: dict[str, str]) -> int:
    """The status that a request is refused with."""
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(address, body.encode(), headers), timeout=10)
    refused.value.close()
    return refused.value.code


@pytest.mark.parametrize("service", SERVICES)
async def test_all_that_a_service_writes_is_json_lines_and_a_request_is_one_without_its_address(
    system: RunningSystem, service: str
) -> None:
    canary = f"CANARY-{uuid.uuid4().hex}"
    ready = json.loads((system.data / "ready.json").read_text())
    trace = uuid.uuid4().hex
    headers = {"authorization": f"Bearer {canary}", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    assert posted(f"{ready[service]}/{canary}?mrn={canary}", canary, headers) == 404

    def lines() -> list[dict[str, object]]:
        return [json.loads(line) for line in (system.data / f"logs/{service}.log").read_text().splitlines()]

    [line] = await until(lambda: [one for one in lines() if one.get("trace") == trace])
    told = {"event": "request", "method": "POST", "route": "none", "status": 404, "roles": "", "level": "info"}
    assert told.items() <= line.items()
    assert {one["service"] for one in lines()} == {service}
    assert canary not in (system.data / f"logs/{service}.log").read_text()
