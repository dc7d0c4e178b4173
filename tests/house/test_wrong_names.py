"""A wrong field name of a bill, a document or a fact is an error of `make check`.

mypy demands that each `type: ignore` below is needed: the day it no longer sees a wrong name, `make check` fails here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.events.billing import Leave, PeriodClosed, ServicePeriod
from shared.events.episodes import EpisodeState, StayNow
from shared.events.placing import StartMissed
from shared.events.published import read_as_struct
from tools.documents.examples import examples

DAY = date(2026, 3, 2)


def test_a_struct_is_not_made_with_a_field_that_it_does_not_have() -> None:
    with pytest.raises(TypeError):
        Leave(begin=DAY, kind="medical")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Leave(begins=DAY, kind="medical", until=DAY)  # type: ignore[call-arg]


def test_a_struct_is_not_made_without_a_field_that_is_always_there() -> None:
    with pytest.raises(TypeError):
        PeriodClosed(period_id="sp-1", version=1, changed={})  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        EpisodeState(episode_id="e-1", patient_id="p-1", state="void", versoin=1)  # type: ignore[call-arg]


def test_a_field_that_is_not_there_is_not_read_and_one_that_is_there_is_not_changed() -> None:
    told: ServicePeriod = read_as_struct(PeriodClosed, examples()["billing.service-period-closed.v1"])
    with pytest.raises(AttributeError):
        told.end_day  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError):
        told.version = 7  # type: ignore[misc]


def test_a_value_of_another_kind_is_seen_by_the_type_checker() -> None:
    wrong = StayNow(id="V1", kind="bed", facility="GH", begun=DAY, suspended=False, begun_by="f")  # type: ignore[arg-type]
    assert str(wrong.kind) == "bed"  # only what is read is checked at run time


def test_a_fact_is_made_with_the_fields_that_it_has() -> None:
    """A fact keeps what it does not know when it is read (`extra="allow"`); who makes one is held to its fields."""
    heading: dict[str, Any] = dict.fromkeys(("occurred_at", "recorded_at"), datetime(2026, 3, 2, tzinfo=UTC))
    heading |= dict.fromkeys(("episode_id", "patient_id", "facility"), "x")
    told = StartMissed(**heading, placement_id="P1", reson="asleep")  # type: ignore[call-arg]
    assert told.model_extra == {"reson": "asleep"}
