"""What no program answers becomes a referral: made with the need, taken back with it, kept once somebody moved it."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.aftercare.decisions.own_facts import follow, state_facts
from services.aftercare.engine.derive import derive
from services.aftercare.referrals.referrals import fold
from shared.events.aftercare import ReferralCompleted, ReferralDeclined, ReferralReceived
from shared.facts.envelope import Fact
from shared.site.config import SAMPLE, load
from tests.aftercare.builders import LEFT, content, day, episode, inpatient, stating

SITE = load(SAMPLE)
_ids = count()
Told = dict[str, Any]


def need(search: str = "S1", since: datetime = LEFT, *, key: str = "housing", facility: str = "GOODHEALTH") -> Told:
    """A need of a search that a referral answers."""
    return {"need": key, "search_id": search, "facility": facility, "since": since.isoformat()}


def after(standing: tuple[Fact, ...], *needs: Told, **more: Any) -> tuple[Fact, ...]:
    """What stands once the episode has these needs."""
    document = episode(inpatient(None), **({"needs_referred": list(needs)} if needs else {}), **more)
    ought = derive(document, standing, {}, site=SITE, now=LEFT).facts
    last = max((fact.sequence for fact in standing), default=0)
    return follow(standing, ought, last, stating(lambda: f"f-{next(_ids)}")).standing


def moved(standing: tuple[Fact, ...], to: type[Any], at: datetime = LEFT) -> tuple[Fact, ...]:
    """What stands once the latest referral was moved on."""
    asked = list(fold(standing).values())[-1].value
    about = {"episode_id": "E1", "patient_id": "P1", "facility": asked.facility, "occurred_at": at, "recorded_at": at}
    value = to(**about, referral_id=asked.referral_id, by="provider")
    last = max(fact.sequence for fact in standing)
    return state_facts([value], [], standing, last, stating(lambda: f"f-{next(_ids)}")).standing


def referred(standing: tuple[Fact, ...]) -> list[tuple[str, str]]:
    """(search, state) of each referral."""
    return [(str(one.value.search_id), one.state.value) for one in fold(standing).values()]


def test_a_need_is_referred_to_whom_the_site_names_by_its_day() -> None:
    [fact] = after((), need())
    told = content(fact.value)
    assert (fact.name, told["kind"], told["provider"], told["due_by"]) == (
        "aftercare-referred", "recovery-residence", "COUNTY-HOUSING", "2026-04-06",
    )  # fmt: skip
    assert (told["need"], told["search_id"], told["facility"]) == ("housing", "S1", "GOODHEALTH")
    assert after((fact,), need()) == (fact,)


def test_it_is_taken_back_with_the_need_unless_somebody_moved_it_on() -> None:
    standing = after((), need())
    assert after(standing) == ()
    going = moved(standing, ReferralReceived)
    assert referred(after(going)) == [("S1", "received")]


@pytest.mark.parametrize("key", ["transport", "no-such-need"])
def test_a_need_that_a_program_answers_or_that_the_site_has_no_more_is_not_referred(key: str) -> None:
    assert after((), need(key=key)) == ()


def test_a_later_search_with_the_same_need_has_a_referral_of_its_own_only_after_the_end_of_the_one_before() -> None:
    later = need("S2", day(9))
    standing = after((), need(), later)
    assert referred(standing) == [("S1", "referred")]
    assert referred(after(moved(standing, ReferralReceived), need(), later)) == [("S1", "received")]
    over = moved(standing, ReferralDeclined, day(5))
    assert referred(after(over, need(), later)) == [("S1", "declined"), ("S2", "referred")]
    after_it = moved(standing, ReferralDeclined, day(10))
    assert referred(after(after_it, need(), later)) == [("S1", "declined")]
    assert referred(after(standing, later)) == [("S2", "referred")]
    elsewhere = need("S2", day(9), facility="RIVERBEND")
    assert referred(after(standing, need(), elsewhere)) == [("S1", "referred"), ("S2", "referred")]


def test_none_is_made_for_a_patient_who_died() -> None:
    death = {"ce_id": "d-1", "facility": "GOODHEALTH", "at": day(1).isoformat()}
    assert after(after((), need()), need(), deaths=[death]) == ()


_NEEDS = st.lists(
    st.builds(
        need,
        st.sampled_from(["S1", "S2", "S3"]),
        st.integers(0, 3).map(lambda n: LEFT + timedelta(days=n)),
        key=st.sampled_from(["housing", "transport"]),
        facility=st.sampled_from(["GOODHEALTH", "RIVERBEND"]),
    ),
    max_size=3,
    unique_by=lambda one: (one["search_id"], one["need"]),
).map(lambda found: sorted(found, key=lambda one: (one["since"], one["search_id"])))


@given(st.lists(_NEEDS, max_size=4), _NEEDS, st.sampled_from([None, ReferralReceived, ReferralCompleted]))
def test_whatever_the_way_the_last_needs_decide_and_what_somebody_moved_stays(
    way: list[list[Told]], last: list[Told], to: type[Any] | None
) -> None:
    standing = after((), *last)
    if to is not None and standing:
        standing = moved(standing, to)
    straight = after(standing, *last)
    there = standing
    for needs in way:
        there = after(there, *needs)
    there = after(there, *last)
    kept = {key for key, state in referred(standing) if state != "referred"}
    assert sorted(referred(there)) == sorted(referred(straight))
    assert kept <= {key for key, _ in referred(there)}
