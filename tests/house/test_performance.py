"""docs/performance.md says what bench/results say, and the benchmarks are what their tables name; nothing is timed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from bench import facts, page, peers
from bench.cpu import spent
from bench.messages import STORY, message
from bench.report import Goal, Report, at_least, at_most, lines, ratios, read, row
from bench.sizes import SIZES
from services.placement.continuum.fold import fold
from services.placement.rules import rules_of
from shared.facts.envelope import from_record
from shared.facts.values import UnknownFact
from shared.site.config import SAMPLE, load
from tests.intake.said import read as read_message
from tools.cli.bench import NAMES


def test_the_page_and_its_chart_are_what_the_results_say() -> None:
    found = page.results()
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.with_measured(text, found) == text, "run `stepdown bench`, or `python -m bench.page`"
    assert page.CHART.read_text(encoding="utf-8") == page.drawn(found)


def test_the_command_offers_every_benchmark() -> None:
    assert tuple(SIZES) == NAMES
    for name in NAMES:
        module = import_module(f"bench.{name}")
        assert module.BROKERS
        assert module.LIMITS
        assert module.TRIED


@pytest.mark.parametrize("length", facts.VISITS)
def test_every_fact_that_is_sent_is_one_that_intake_might_state_and_all_take_effect(length: int) -> None:
    made = [facts.record(length, 42, place) for place in range(length)]
    told = [from_record(one.value, one.headers) for one in made]
    assert not [fact.type for fact in told if isinstance(fact.value, UnknownFact)]
    assert [fact.sequence for fact in told] == list(range(1, length + 1))
    folded = fold(told, rules_of(load(SAMPLE)).zone_of)
    assert len(folded.stays) == facts.VISITS[length]
    assert not folded.ineffective


def test_patients_facts_come_mixed_and_each_ones_in_order() -> None:
    told = [from_record(one.value, one.headers) for one in facts.records(10, 30)]
    assert len(told) == len({fact.id for fact in told}) == 300
    assert [fact.subject for fact in told] != sorted(fact.subject for fact in told)
    assert not {fact.subject for fact in told} & {made.key.decode() for made in facts.records(10, 30, first=30)}
    for episode in {fact.subject for fact in told}:
        assert [fact.sequence for fact in told if fact.subject == episode] == list(range(1, 11))


@pytest.mark.parametrize("trigger", STORY)
def test_intake_reads_the_messages_that_are_sent(trigger: str) -> None:
    read = read_message(message(trigger, 7), datetime.now(UTC))
    assert (read.trigger, read.visit_number) == (trigger, "BENCH00000007")


def test_a_ratio_is_of_figures_of_the_same_run() -> None:
    assert ratios([10, 30, 20], {"a": [5, 10, 10], "b": [1.0]}) == {"a": 2.0}


def test_a_goal_without_its_peer_is_not_judged() -> None:
    assert at_least("fast", None, 2.0) == Goal("fast", None, "no peer was measured")
    assert at_least("fast", 1.9, 2.0).met is False


@pytest.mark.parametrize(("figure", "met"), [(80.0, True), (80.1, False)])
def test_a_goal_that_wants_little_is_met_at_its_figure(figure: float, met: bool) -> None:
    assert at_most("calm", figure, 80.0) == Goal("calm", met)


def test_the_cpu_of_a_process_is_that_of_its_children_too() -> None:
    busy = "import sys; sum(range(8_000_000)); print(flush=True); sys.stdin.read()"
    before = spent([os.getpid()])
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        alone, more = spent([child.pid]), spent([os.getpid()]) - before
        assert 0 < alone <= more + 1e-6, "sums of hundredths are not exact"


def test_what_does_less_is_called_a_ceiling() -> None:
    found = [peer for peer in vars(peers).values() if isinstance(peer, peers.Peer) and peer is not peers.PARSERS]
    fair = {peer.name for peer in found if "(ceiling)" not in peer.name}
    assert fair == {"Kafka Streams", "HAPI that stores", "textbook service"}


def test_a_report_is_kept_and_read_again_and_shown(tmp_path: Path) -> None:
    told = Report("engine", "2026-01-01T00:00:00+00:00", {"cores": "2 cores"}, {"Python": "3.11"}, "b", "d", 3)
    told.rows.append(row("ten", "facts/s", [900.4, 1100, 1000], beside={"copy": 0.5}, notes=["no Java"]))
    told.goals.append(Goal("fast", met=False, why="slow disk"))
    again = read(told.save(tmp_path))
    assert again == told
    assert json.loads((tmp_path / "engine.json").read_text())["rows"][0]["value"] == 1000
    assert "  goal fast: not met (slow disk)" in lines(again)
    shown = page.with_measured(f"before\n{page.BEGIN}\nold\n{page.END}\nafter", [again])
    assert "| ten | 1,000 facts/s | 900–1,100 | 0.5 × copy |" in shown
    assert "old" not in shown
    assert shown.endswith("after")
    assert "0.5 ×" in page.drawn([again])
