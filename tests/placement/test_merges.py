"""A merge by the fold: what counts where, whatever came first (contract 3.6 rule 11, promise 10)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.placement.continuum.fold import advance
from shared.facts.envelope import Fact
from tests import builders as tell
from tests.builders import every_order

IN, OUT = tell.admitted("2026-03-02 10:00"), tell.discharged("2026-03-09 14:00")
MERGED = tell.merged("S")


def test_a_merged_episode_is_closed_and_nothing_of_it_counts_whichever_came_first() -> None:
    folded = every_order(IN, OUT, MERGED)
    assert (folded.state, folded.ended_reason, folded.stays, folded.patient_id) == (
        "closed",
        "merged",
        (),
        tell.PATIENT,
    )
    assert [(one.facility, one.into, one.patient_id) for one in folded.merged] == [("GOODHEALTH", "S", "patient-of-S")]
    assert folded.since == tell.at("2026-03-20 10:00")


@pytest.mark.parametrize("back", [tell.cancelled(MERGED), tell.unmerged("S")])
def test_a_merge_that_is_taken_back_leaves_all_as_it_was(back: Fact) -> None:
    told = tell.a_story(IN, OUT, MERGED, back)
    assert tell.folded(*told) == tell.folded(IN, OUT)


def test_what_was_merged_again_after_it_was_taken_back_is_merged() -> None:
    folded = tell.folded(IN, MERGED, tell.unmerged("S"), tell.merged("S", "2026-03-25 10:00"))
    assert (folded.state, folded.since) == ("closed", tell.at("2026-03-25 10:00"))


def test_a_merge_into_the_next_one_is_restated_and_the_last_word_counts() -> None:
    onward = tell.restated(MERGED, surviving_episode_id="C", surviving_patient_id="patient-of-C")
    folded = every_order(IN, MERGED, onward)
    assert [one.into for one in folded.retiring] == ["C"]


def test_another_facility_s_records_stay_and_stay_open() -> None:
    theirs = tell.admitted("2026-03-05 10:00", visit="RB-1", facility=tell.ELSEWHERE)
    folded = every_order(IN, OUT, theirs, MERGED)
    assert [(stay.id, stay.open) for stay in folded.stays] == [("RB-1", True)]
    assert (folded.state, [one.into for one in folded.retiring]) == ("active", ["S"])


def test_an_episode_whose_survivor_has_none_keeps_its_id_and_gets_the_surviving_patient() -> None:
    folded = every_order(IN, OUT, tell.merged(tell.EPISODE, survivor="patient-2"))
    assert (folded.patient_id, folded.state, folded.retiring) == ("patient-2", "between", ())


def test_a_fact_that_comes_late_counts_no_more_than_those_before_the_merge() -> None:
    gone = tell.folded(IN, MERGED)
    late = replace(tell.discharged("2026-03-09 14:00"), sequence=3)
    assert advance(gone, [late], tell.zone_of) is None, "it needs the merge"
    assert tell.folded(IN, MERGED, late).state == "closed"


def test_a_link_moves_nothing() -> None:
    linked = tell.fact("patients-linked", "2026-03-20 10:00", patient_ids=["patient-1", "patient-2"])
    assert every_order(IN, OUT, linked) == tell.folded(IN, OUT)


def test_copies_count_as_facts_and_are_known_as_copies() -> None:
    mine = tell.admitted("2026-03-20 10:00", visit="S-1", episode="S")
    brought = [tell.copied(one, "S") for one in (IN, OUT)]
    folded = every_order(mine, *brought)
    assert [stay.id for stay in folded.stays] == ["V1", "S-1"]
    assert folded.copies == {one.id: one.copy_of for one in brought}


def test_the_survivor_s_own_episode_goes_where_the_retired_patient_s_began_earlier_and_stays_the_survivor_s() -> None:
    gone = tell.folded(IN, tell.merged("R", survivor=tell.PATIENT, retired_patient_id="patient-2"))
    assert (gone.state, gone.patient_id, [one.into for one in gone.retiring]) == ("closed", tell.PATIENT, ["R"])
    left = tell.merged(tell.EPISODE, survivor="patient-2")
    brought = tell.copied(tell.admitted("2026-03-20 10:00", visit="V2", episode="S"), tell.EPISODE, "patient-2")
    stays = every_order(IN, OUT, left, brought)
    assert ([one.id for one in stays.stays], stays.patient_id) == (["V1", "V2"], "patient-2")
