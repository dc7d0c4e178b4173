"""A residential stay of 60 days with a commercial payer: each review on its day, ended by what the payer says (3.8)."""

from __future__ import annotations

from typing import Any

import pytest

from services.placement.rules import Rules
from shared.facts.envelope import Fact
from tests import builders as tell
from tests.builders.making import at
from tests.placement.clock.reviewing import FIRST, ClockOnPaper, allowed, day, paid_by

ACME = paid_by("ACME")
IN = tell.admitted(f"{day(1)} 10:00", level="residential")
OUT_OF_SIGHT = {"certification", "recertification", "length-of-stay"}


def of_the_payer(clock: ClockOnPaper) -> dict[str, str]:
    return {name: how for name, how in clock.reviews().items() if name not in OUT_OF_SIGHT}


def extended(units: int, to: int, on: int, **more: Any) -> Fact:
    return allowed(units, to, move="extended", when=f"{day(on)} 11:00", **more)


def test_authorized_reviewed_extended_used_up_denied_appealed(rules: Rules) -> None:
    clock = ClockOnPaper(rules, ACME, IN, allowed(14, 14, next_review=day(10), reference="call-7"))
    assert of_the_payer(clock.until(6)) == {}
    assert clock.last_covered() == {"A1": 14}
    assert of_the_payer(clock.until(7)) == {"next-review": "10, due"}
    assert of_the_payer(clock.until(11)) == {"next-review": "10, late", "authorization-ending": "14, due"}
    assert "review-overdue" in clock.warnings()
    clock.takes(extended(28, 40, 11))
    assert of_the_payer(clock) == {
        "next-review": "10, done by authorization on 11",
        "authorization-ending": "14, done by authorization on 11",
    }
    assert "review-overdue" not in clock.warnings()
    assert clock.last_covered() == {"A1": 28}, "28 units are gone before the last day"
    assert of_the_payer(clock.until(25))["authorization-used-up"] == "28, due"
    denial = {"peer_to_peer_by": day(30), "appeal_by": day(58)}
    clock.takes(allowed(42, 60, move="requested", when=f"{day(26)} 09:00"))
    clock.takes(allowed(42, 60, move="denied", when=f"{day(27)} 09:00", denial=denial))
    assert of_the_payer(clock.until(27))["peer-to-peer"] == "30, due"
    assert of_the_payer(clock.until(31))["peer-to-peer"] == "30, late"
    assert of_the_payer(clock)["authorization-used-up"] == "28, late"
    assert of_the_payer(clock.until(55))["appeal"] == "58, due"
    clock.takes(extended(60, 60, 56))
    told = of_the_payer(clock)
    assert told["appeal"] == "58, done by authorization on 56"
    assert told["peer-to-peer"] == "30, done by authorization on 56"
    assert told["authorization-used-up"] == "28, done by authorization on 56"
    assert clock.last_covered() == {"A1": 60}


def test_a_review_that_a_person_has_done_is_due_no_more(rules: Rules) -> None:
    clock = ClockOnPaper(rules, ACME, IN, allowed(None, 14)).until(12)
    review = next(one for one in clock.folded.reviews if one.kind == "authorization-ending")
    clock.takes(tell.review_done(review.review_id, f"{day(12)} 13:00", on=day(12)))
    assert of_the_payer(clock.until(20)) == {"authorization-ending": "14, done by person on 12"}
    assert "review-overdue" not in clock.warnings()
    clock.takes(extended(40, 40, 21))
    assert of_the_payer(clock)["authorization-ending"] == "14, done by person on 12"


def test_an_extension_that_is_taken_back_leaves_it_ending(rules: Rules) -> None:
    more = extended(40, 40, 12)
    clock = ClockOnPaper(rules, ACME, IN, allowed(14, 14)).until(12)
    before = clock.standing()
    clock.takes(more)
    assert clock.standing() != before
    clock.takes(tell.cancelled(more, when=f"{day(12)} 13:00"))
    assert clock.standing() == before


def test_another_authorization_that_goes_on_ends_it_too(rules: Rules) -> None:
    clock = ClockOnPaper(rules, ACME, IN, allowed(14, 14)).until(12)
    clock.takes(allowed(10, 24, auth="A2", begins=day(15), when=f"{day(12)} 11:00"))
    assert of_the_payer(clock) == {"authorization-ending": "14, done by authorization on 12"}
    assert clock.last_covered() == {"A2": 24}


def test_a_discharge_takes_back_what_looked_ahead(rules: Rules) -> None:
    clock = ClockOnPaper(rules, ACME, IN, allowed(14, 14, next_review=day(13))).until(12)
    assert of_the_payer(clock).keys() == {"next-review", "authorization-ending"}
    clock.takes(tell.discharged(f"{day(12)} 14:00", level="residential"))
    assert of_the_payer(clock) == {}


@pytest.mark.parametrize(
    ("facts", "last"),
    [
        ([allowed(10, 20)], 10),
        ([allowed(10, 5)], 5),
        ([allowed(None, 5)], 5),
        ([allowed(0, 5)], 0),
        ([tell.leave_started(f"{day(4)} 09:00"), tell.leave_ended(f"{day(6)} 18:00"), allowed(10, 20)], 12),
        ([tell.leave_started(f"{day(4)} 09:00"), allowed(10, 20)], 20),
    ],
)
def test_the_last_covered_day_of_a_24_hour_stay(rules: Rules, facts: list[Fact], last: int) -> None:
    assert ClockOnPaper(rules, ACME, IN, *facts).last_covered() == {"A1": last}


def test_the_units_of_an_open_24_hour_period_are_the_midnights_that_the_episode_has_seen(rules: Rules) -> None:
    clock = ClockOnPaper(rules, ACME, IN, allowed(10, 20))

    def used() -> list[tuple[int, str | None]]:
        shown = clock.periods()[-1].content.authorizations
        return [(one.units_used, one.as_of.isoformat() if one.as_of else None) for one in shown]

    assert used() == [(0, day(1))]
    clock.takes(tell.diagnosed(f"{day(5)} 10:00", stay=("visit", "V1")))
    assert used() == [(4, day(5))]
    clock.takes(tell.diagnosed(f"{day(13)} 10:00", stay=("visit", "V1")))
    assert used() == [(10, day(13))]
    assert "exhausted-authorization" in clock.warnings()
    clock.takes(tell.discharged(f"{day(14)} 14:00", level="residential"))
    assert used() == [(10, None)]


def test_sessions_use_units_at_a_program_and_quarter_hours_are_parts_of_an_hour(rules: Rules) -> None:
    week = [tell.attended(day(number), placement="P1", services=[{"kind": "group", "units": 1, "minutes": 90}])
            for number in (1, 3, 5)]  # fmt: skip
    told = tell.authorization(
        units=18, level="iop", begins=day(1), to=day(30), unit="hour", unit_minutes=15, when=f"{day(1)} 11:00"
    )
    clock = ClockOnPaper(rules, ACME, tell.started(day(1)), told, *week[:2])
    assert clock.periods()[-1].content.authorizations[0].units_used == 12
    assert clock.last_covered() == {"A1": 30}
    clock.takes(week[2])
    assert clock.periods()[-1].content.authorizations[0].units_used == 18
    assert clock.last_covered() == {"A1": 5}
    assert clock.until(5).reviews()["authorization-used-up"] == "5, due"


def test_a_stay_that_lasts_as_long_as_is_expected_is_looked_at(rules: Rules) -> None:
    clock = ClockOnPaper(rules, ACME, IN).until(42)
    assert clock.reviews()["length-of-stay"] == "45, due"
    assert clock.until(46).reviews()["length-of-stay"] == "45, late"
    assert at(day(1)).date() == FIRST


def test_a_plan_is_looked_at_on_its_day_or_the_payers_and_the_next_plan_does_it(rules: Rules) -> None:
    clock = ClockOnPaper(rules, ACME, IN, tell.planned(f"{day(1)} 15:00", level="residential", review_due=day(90)))
    assert clock.until(28).reviews()["plan"] == "31, due"
    clock.takes(tell.planned(f"{day(29)} 15:00", level="residential", review_due=day(40)))
    assert clock.reviews()["plan"] == "31, done by plan on 29"
    assert clock.until(37).reviews()["plan again"] == "40, due"


def test_after_a_death_only_what_a_bill_needs_is_due(rules: Rules) -> None:
    clock = ClockOnPaper(rules, ACME, IN, allowed(14, 14, next_review=day(13))).until(12)
    clock.takes(tell.patient_died(f"{day(12)} 20:00"))
    assert clock.reviews().keys() == {"certification"}
