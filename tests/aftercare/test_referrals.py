"""The table of moves of a referral, every state against every move, and what a move states."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from services.aftercare.contacts.contacts import appointments
from services.aftercare.decisions.commands import Move, MoveToAppointment, MoveWithReason
from services.aftercare.decisions.own_facts import state_facts
from services.aftercare.decisions.situation import Situation
from services.aftercare.referrals import referrals
from services.aftercare.referrals.referrals import ASKS, ENDS, MOVES, State, fold, possible
from shared.errors import Rejected
from shared.facts.envelope import Fact
from shared.site.config import SAMPLE, load
from tests.aftercare.builders import LEFT, day, episode, inpatient, stating
from tests.builders import fact

SITE = load(SAMPLE)
_ids = count()

TABLE: dict[str, tuple[str, ...]] = {
    "referred": ("received", "accepted", "declined", "", "", "", "", "cancelled", ""),
    "received": ("", "accepted", "declined", "", "", "", "cancellation-requested", "", ""),
    "accepted": ("", "", "declined", "scheduled", "", "", "cancellation-requested", "", "completed"),
    "scheduled": ("", "", "declined", "", "no-show", "scheduled", "cancellation-requested", "", "completed"),
    "no-show": ("", "", "declined", "", "", "scheduled", "cancellation-requested", "", ""),
    "cancellation-requested": ("", "", "", "", "", "", "", "cancelled", "completed"),
    "declined": ("",) * 9,
    "cancelled": ("",) * 9,
    "completed": ("",) * 9,
}
"""State → where each move, in the order of ORDER, leads; nothing: it is refused."""
ORDER = (
    "received",
    "accepted",
    "declined",
    "scheduled",
    "no-show",
    "rescheduled",
    "cancellation-requested",
    "cancelled",
    "completed",
)
WAYS: dict[str, tuple[str, ...]] = {
    "referred": (),
    "received": ("received",),
    "accepted": ("accepted",),
    "scheduled": ("accepted", "scheduled"),
    "no-show": ("accepted", "scheduled", "no-show"),
    "cancellation-requested": ("received", "cancellation-requested"),
    "declined": ("declined",),
    "cancelled": ("cancelled",),
    "completed": ("accepted", "completed"),
}


def asks(move: str) -> Move:
    """What a move needs."""
    if ASKS[move] is MoveWithReason:
        return MoveWithReason(by="patient", reason="other")
    return MoveToAppointment(at=day(5)) if ASKS[move] is MoveToAppointment else Move()


def situation(standing: tuple[Fact, ...]) -> Situation:
    return Situation(episode(inpatient()), standing, SITE, LEFT, lambda: f"a-{next(_ids)}")


REFERRED = fact("aftercare-referred", LEFT, writer="aftercare", ce_id="f-1", sequence=1, referral_id="R", kind="family")


def moved(standing: tuple[Fact, ...], *moves: str) -> tuple[Fact, ...]:
    """The facts after these moves."""
    for move in moves:
        done = referrals.move(situation(standing), "R", move, asks(move))
        standing = state_facts(done.facts, (), standing, len(standing), stating(lambda: f"f-{next(_ids)}")).standing
    return standing


def test_the_table_has_every_state_and_every_move() -> None:
    assert set(TABLE) == {state.value for state in State} == set(WAYS)
    assert tuple(MOVES) == ORDER


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("move", ORDER)
def test_a_move_leads_where_the_table_says_or_is_refused(state: str, move: str) -> None:
    before = moved((REFERRED,), *WAYS[state])
    assert fold(before)["R"].state == state
    after = TABLE[state][ORDER.index(move)]
    if after:
        assert fold(moved(before, move))["R"].state == after
        return
    with pytest.raises(Rejected) as refused:
        moved(before, move)
    assert (refused.value.state, refused.value.code) == (state, "not-possible-now")
    assert refused.value.possible == tuple(m for m, to in zip(ORDER, TABLE[state], strict=True) if to)


def test_what_is_at_an_end_has_no_move() -> None:
    assert {state for state in State if not possible(state)} == ENDS


def test_a_move_that_the_state_does_not_have_is_seen_in_the_fold() -> None:
    own: dict[str, Any] = {"writer": "aftercare", "referral_id": "R", "by": "provider"}
    stands = (REFERRED, fact("referral-no-show", LEFT, sequence=2, **own))
    assert fold(stands)["R"].illegal
    assert not fold(moved((REFERRED,), *WAYS["no-show"]))["R"].illegal


def test_scheduling_states_the_move_and_the_appointment_which_name_each_other() -> None:
    scheduled, appointment = moved((REFERRED,), "accepted", "scheduled")[-2:]
    assert (scheduled.name, appointment.name) == ("referral-scheduled", "appointment-scheduled")
    assert scheduled.as_json["appointment_id"] == appointment.as_json["appointment_id"]
    assert appointment.as_json["referral_id"] == "R"


@pytest.mark.parametrize(
    ("moves", "states"),
    [
        (("accepted", "scheduled"), ["scheduled"]),
        (("accepted", "scheduled", "no-show"), ["missed"]),
        (("accepted", "scheduled", "rescheduled"), ["cancelled", "scheduled"]),
        (("accepted", "scheduled", "no-show", "rescheduled", "completed"), ["missed", "kept"]),
        (("accepted", "scheduled", "declined"), ["cancelled"]),
        (("accepted", "scheduled", "cancellation-requested"), ["scheduled"]),
    ],
)
def test_an_appointment_stands_as_its_referral_does(moves: tuple[str, ...], states: list[str]) -> None:
    assert list(appointments(moved((REFERRED,), *moves)).values()) == states


def test_a_referral_that_was_taken_back_is_refused() -> None:
    with pytest.raises(Rejected, match="taken back"):
        referrals.move(situation(()), "R", "received", Move())
