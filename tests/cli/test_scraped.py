"""What is scraped of a running system: everything that alarms and the dashboard ask for, and nothing of a patient."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from pathlib import Path
from urllib.request import urlopen

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
