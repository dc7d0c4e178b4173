"""A wrong field name of a bill, a document or a fact is an error of `make check`.

mypy demands that each `type: ignore` below is needed: the day it no longer sees a wrong name, `make check` fails here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TypedDict

import pytest

from shared.events.aftercare import ConsentExpired
from shared.events.base import CareFact
from shared.events.billing import Leave, PeriodClosed, ServicePeriod
from shared.events.episodes import EpisodeState, StayNow
from shared.events.placing import PlacementCancelled, SearchClosed, StartMissed
from shared.events.published import read_as_struct
from tools.documents.examples import examples

DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Heading(TypedDict):
    """What every fact has, as a writer unpacks it."""

    episode_id: str
    patient_id: str
    facility: str
    occurred_at: datetime
    recorded_at: datetime


class WrongHeading(Heading):
    """One with a field that no fact has."""

    pacient_id: str


HEADING: Heading = {
    "episode_id": "x", "patient_id": "x", "facility": "x", "occurred_at": NOW, "recorded_at": NOW,
}  # fmt: skip


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
    with pytest.raises(TypeError):
        PlacementCancelled(**HEADING, placement_id="P1", reson="asleep")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        PlacementCancelled(**HEADING, placement_id="P1")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        ConsentExpired(**HEADING, **{"from": DAY})  # type: ignore[arg-type]


def test_a_heading_that_all_facts_of_a_writer_share_is_checked_too() -> None:
    heading: WrongHeading = {**HEADING, "pacient_id": "x"}
    with pytest.raises(TypeError):
        StartMissed(**heading, placement_id="P1")  # type: ignore[misc]


def test_a_field_of_a_fact_is_read_where_its_type_has_it_and_nowhere_else() -> None:
    told: CareFact = PlacementCancelled(**HEADING, placement_id="P1", reason="patient-declined")
    with pytest.raises(TypeError):
        told["reason"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        told.starts_on  # type: ignore[attr-defined]  # noqa: B018
    if isinstance(told, PlacementCancelled):
        assert told.reason == "patient-declined"
        with pytest.raises(AttributeError):
            told.start_date  # type: ignore[attr-defined]  # noqa: B018


def test_a_word_that_is_in_no_list_is_seen_by_the_type_checker() -> None:
    wrong = SearchClosed(**HEADING, reason="tired")  # type: ignore[arg-type]
    assert wrong.reason == "other"
