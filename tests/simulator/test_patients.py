"""Simulated patients: the same for the same seed, every story among them, and each message what its story says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.intake.check import check
from services.intake.mapping import SiteRules
from services.simulator.patients import Patient, patients
from services.simulator.stories import STORIES
from shared import site_config

RULES = SiteRules(site_config.load(site_config.SAMPLE))
NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 20, 15, tzinfo=UTC)
REFUSED = {("without_patient", "AE"), ("from_the_test_system", "AR")}


def some(number: int = 60, seed: int = 7, now: datetime = NOW) -> list[Patient]:
    return patients(number, seed, now, NEW_YORK)


def test_the_same_seed_and_day_tell_the_same_messages() -> None:
    assert some() == some()
    assert some(seed=8) != some()


@pytest.mark.parametrize("number", [1, 5, len(STORIES), 60])
def test_there_are_as_many_patients_as_asked_for_and_every_story_where_there_is_room(number: int) -> None:
    found = some(number)
    assert len(found) == number
    assert len({patient.mrn for patient in found}) == number
    assert len({patient.story for patient in found}) == min(number, len(STORIES))
    assert found[0].story == "whole_way"


def test_control_ids_repeat_only_where_a_message_is_sent_twice() -> None:
    ids = Counter(message.control_id for patient in some() for message in patient.messages)
    again = {message.control_id for p in some() if p.story == "sent_twice" for message in p.messages}
    assert {one for one, number in ids.items() if number > 1} == again


def test_a_run_a_minute_later_is_about_other_patients() -> None:
    later = some(now=NOW + timedelta(minutes=1))
    assert not {p.mrn for p in later} & {p.mrn for p in some()}


def test_only_what_is_told_wrong_on_purpose_is_refused() -> None:
    refused = set()
    for patient in some():
        for message in patient.messages:
            (line,) = check("sent", message.raw, RULES, NOW)
            assert (line.trigger, line.control_id) == (message.trigger, message.control_id)
            assert not line.warnings
            if line.ack != "AA":
                refused.add((patient.story, line.ack))
    assert refused == REFUSED


def test_every_story_has_a_sentence_that_says_what_happens() -> None:
    for patient in some(len(STORIES)):
        assert patient.about.endswith(".")
        assert "\n" not in patient.about
