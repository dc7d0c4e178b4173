"""A death as the fold reads it (contract 3.6 rule 13): it holds until taken back or settled, in whatever order."""

from __future__ import annotations

import pytest

from services.placement.continuum.announcements import announcements
from services.placement.continuum.document import episode_state
from services.placement.continuum.fold import advance, fold
from services.placement.continuum.model import Folded
from shared.events.episodes import EpisodeState
from shared.facts.envelope import Fact
from tests import builders as tell
from tests.builders import every_order

IN, OUT = tell.admitted("2026-03-02 10:00"), tell.discharged("2026-03-08 14:00")
DIED = tell.patient_died("2026-03-05 03:20")
AGAIN = tell.admitted("2026-03-20 10:00", visit="V2")


def told(folded: Folded) -> list[str]:
    """Who tells a death."""
    return [one.facility for one in folded.deaths]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ([IN, DIED], "active"),
        ([IN, DIED, OUT], "closed"),
        ([IN, OUT, tell.patient_died("2026-03-30 10:00")], "closed"),
        ([tell.referred("2026-03-01 10:00"), DIED], "closed"),
        ([tell.started("2026-03-01"), IN, DIED, OUT], "active"),
        ([IN, DIED, tell.cancelled(DIED)], "active"),
        ([IN, DIED, OUT, tell.cancelled(DIED)], "between"),
        ([DIED], "void"),
        ([IN, DIED, OUT, AGAIN], "active"),
        ([IN, DIED, OUT, AGAIN, tell.discharged("2026-03-25 10:00", visit="V2")], "closed"),
        ([tell.patient_died("2025-01-01 10:00"), IN], "active"),
        ([tell.patient_died("2025-01-01 10:00"), IN, OUT], "closed"),
    ],
    ids=[
        "a stay stays open until its end is told",
        "the stay has ended",
        "after the end",
        "only referred",
        "another stay is open",
        "taken back",
        "taken back after the end",
        "nothing else stands",
        "admitted again",
        "and discharged again",
        "told of a time before the admission",
        "and after its end",
    ],
)
def test_the_episode_is_over_when_no_stay_is_open(facts: list[Fact], state: str) -> None:
    assert every_order(*facts).state == state


def test_closed_and_reopened_are_announced_each_time() -> None:
    folded = every_order(IN, DIED, OUT, AGAIN, tell.discharged("2026-03-25 10:00", visit="V2"))
    said = announcements(folded, tell.zone_of)
    assert [one.value.TYPE for one in said if one.value.TYPE in {"closed", "reopened"}] == [
        "closed",
        "reopened",
        "closed",
    ]
    assert len({one.key for one in said}) == len(said)


@pytest.mark.parametrize(
    ("facts", "with_the_death"),
    [
        ([IN, DIED, AGAIN], [AGAIN]),
        ([IN, DIED, OUT], []),
        ([tell.visit_started("2026-03-06 10:00", visit="V9"), DIED], None),
        ([tell.started("2026-03-01"), DIED, tell.attended("2026-03-05")], []),
        ([tell.started("2026-03-01"), DIED, tell.attended("2026-03-06")], None),
        ([tell.started("2026-03-01"), DIED, tell.absent("2026-03-06")], []),
        ([IN, tell.patient_died("2026-03-05 03:20", contradicted=True)], ()),
        ([IN, tell.discharged("2026-03-08 14:00", kind="deceased"), AGAIN], [AGAIN]),
    ],
    ids=[
        "an admission after it",
        "a discharge after it",
        "a visit after it",
        "attendance that day",
        "attendance the day after",
        "absence",
        "its own message contradicts it",
        "a disposition of old",
    ],
)
def test_being_alive_after_it_is_a_conflict(facts: list[Fact], with_the_death: list[Fact] | tuple[()] | None) -> None:
    folded = every_order(*facts)
    found = [one for one in folded.conflicts if one.kind == "alive-after-death"]
    assert len(found) == (0 if with_the_death == [] else 1)
    assert folded.deaths
    if with_the_death:
        assert with_the_death[0].id in found[0].facts


def test_a_person_lets_the_death_fall_and_the_patient_is_alive() -> None:
    facts = [IN, DIED, OUT, AGAIN]
    (conflict,) = tell.folded(*facts).conflicts
    alive = every_order(*facts, tell.conflict_settled(conflict=conflict.id, falls=[DIED]))
    assert (alive.deaths, alive.conflicts, alive.state) == ((), (), "active")
    dead = every_order(*facts, tell.conflict_settled(conflict=conflict.id, falls=[AGAIN]))
    assert (told(dead), dead.conflicts, dead.state) == (["GOODHEALTH"], (), "closed")
    both = every_order(*facts, tell.conflict_settled(conflict=conflict.id, falls=[]))
    assert (told(both), both.conflicts) == (["GOODHEALTH"], ())


EXPIRED = tell.discharged("2026-03-08 14:00", kind="deceased")
SAYS_SO = tell.patient_died("2026-03-08 14:00")


@pytest.mark.parametrize(
    ("facts", "dead"),
    [
        ([IN, EXPIRED], True),
        ([IN, EXPIRED, SAYS_SO], True),
        ([IN, EXPIRED, SAYS_SO, tell.cancelled(SAYS_SO)], True),
        ([IN, tell.restated(EXPIRED, disposition={"kind": "unknown"}), SAYS_SO, tell.cancelled(SAYS_SO)], False),
        ([IN, EXPIRED, tell.patient_died(facility=tell.ELSEWHERE)], True),
        ([tell.started("2026-03-01"), tell.discontinued("2026-03-04", reason="deceased")], True),
    ],
    ids=["by a disposition of old", "by a fact of its own", "which went", "taken back", "by another", "by a program"],
)
def test_how_a_stay_ended_tells_a_death_where_its_facility_has_no_fact_of_its_own(
    facts: list[Fact], dead: bool
) -> None:
    assert bool(every_order(*facts).deaths) is dead


def test_who_told_of_a_death_does_not_move_the_episode() -> None:
    folded = every_order(IN, OUT, tell.patient_died("2026-03-30 10:00", facility=tell.ELSEWHERE))
    assert folded.facility == tell.FACILITY


def document(*facts: Fact) -> EpisodeState:
    return episode_state(fold(tell.a_story(*facts), tell.zone_of), {}, 1, tell.PLACES)


def test_care_episodes_says_who_told_of_a_death() -> None:
    (death,) = document(IN, DIED).deaths or ()
    assert (death.facility, death.ce_id, death.at) == ("GOODHEALTH", DIED.id, tell.at("2026-03-05 03:20"))
    assert document(IN, DIED, tell.cancelled(DIED)).deaths is None
    settled = tell.conflict_settled(conflict="any", falls=[DIED])
    assert document(IN, EXPIRED, DIED, settled).deaths == ()


def test_a_stay_after_a_death_gives_a_closing_its_effect_back_also_when_it_comes_alone() -> None:
    story = tell.a_story(
        tell.episode_ended("2026-03-02 00:00"),
        tell.patient_died("2026-03-02 00:00", contradicted=True),
        tell.admitted("2026-03-02 06:00"),
    )
    behind = tell.folded(*story[:2])
    assert (advance(behind, story[2:], tell.zone_of) or tell.folded(*story)) == tell.folded(*story)
