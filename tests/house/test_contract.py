"""docs/contract.md names what the code has: commands, topics, published types and the fields of what is on topics."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import click
import pytest

from shared.events import CARE_FACTS, TOPICS, EpisodeState, Published, ServicePeriod
from shared.events.base import CareFact
from shared.events.episodes import StayNow
from shared.events.published import PublishedStruct, model_of
from shared.roles import ROLES
from tools.cli.main import cli

TEXT = (Path(__file__).resolve().parents[2] / "docs/contract.md").read_text(encoding="utf-8")
BEGINNINGS = [found.start() for found in re.finditer(r"^## \d", TEXT, re.MULTILINE)] + [len(TEXT)]
SECTIONS = {number: TEXT[begin:end] for number, (begin, end) in enumerate(pairwise(BEGINNINGS), start=1)}


def words(section: int) -> frozenset[str]:
    """The words of a section, names with hyphens and underscores among them."""
    return frozenset(re.findall(r"[a-z0-9_-]+", SECTIONS[section]))


def fields(model: type[Published]) -> set[str]:
    """The names that its fields have on the wire."""
    return {spec.alias or name for name, spec in model.model_fields.items()}


def test_every_command_is_in_its_table() -> None:
    named = set(re.findall(r"`stepdown ([a-z0-9-]+)", SECTIONS[1]))
    assert set(cli.list_commands(click.Context(cli))) - named == set()


def test_every_role_is_named() -> None:
    assert [role for role in ROLES if f"`{role}`" not in SECTIONS[1] and f'"{role}"' not in SECTIONS[1]] == []


def test_every_topic_is_named() -> None:
    assert [topic.name for topic in TOPICS if f"`{topic.name}`" not in SECTIONS[2]] == []


def test_every_fact_is_named() -> None:
    known = words(3)
    names = [fact.TYPE for fact in CARE_FACTS.values()]
    assert [name for name in names if name not in known and f"-{name.partition('-')[2]}" not in known] == []


@pytest.mark.parametrize("fact", CARE_FACTS.values(), ids=lambda fact: fact.TYPE)
def test_every_field_of_a_fact_is_named(fact: type[CareFact]) -> None:
    assert fields(model_of(fact)) - fields(model_of(CareFact)) - words(3) == set()


@pytest.mark.parametrize(("model", "section"), [(EpisodeState, 3), (StayNow, 3), (ServicePeriod, 4)])
def test_every_field_of_a_document_is_named(model: type[PublishedStruct], section: int) -> None:
    assert fields(model_of(model)) - words(section) == set()
