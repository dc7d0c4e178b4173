"""Contacts, risks, and that what follows does not depend on the way to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.aftercare.contacts.contacts import Contact
from services.aftercare.decisions.own_facts import derived, follow
from services.aftercare.decisions.windows import KeptWindow
from services.aftercare.engine.derive import derive
from services.aftercare.risk.risk import Sign, risks
from services.aftercare.windows.measures import windows
from shared.events.aftercare import ContactAttempted, Mode
from shared.facts.envelope import Fact
from shared.site.config import SAMPLE, load
from tests.aftercare.builders import LEFT, content, day, episode, inpatient, stating, stay
from tests.aftercare.test_domain import _STAYS

SITE = load(SAMPLE)
CLOCKS = SITE.follow_ups


@pytest.mark.parametrize(
    ("mode", "kind", "outcome", "at", "keeps"),
    [
        ("phone", "therapist", "reached", day(3), True),
        ("telehealth", "psychiatrist", "attended", day(7), True),
        ("in-person", "social-worker", "attended", day(1), True),
        ("phone", "peer", "reached", day(3), False),
        ("phone", None, "reached", day(3), False),
        ("phone", "therapist", "no-answer", day(3), False),
        ("phone", "therapist", "reached", day(0, 16), False),
        ("phone", "therapist", "reached", day(8), False),
    ],
)
def test_a_contact_keeps_a_window_where_the_measure_counts_it(
    mode: Mode, kind: str | None, outcome: str, at: datetime, keeps: bool
) -> None:
    contact = Contact("c-1", at, mode, outcome, kind, "GOODHEALTH")
    seven = windows(episode(inpatient()), CLOCKS, SITE.zone, [contact])[0]
    assert isinstance(seven.outcome, KeptWindow) is keeps
    if isinstance(seven.outcome, KeptWindow):
        assert (seven.outcome.by_fact, seven.outcome.mode, seven.outcome.provider_kind) == ("c-1", mode, kind)


def test_the_earliest_of_visits_and_contacts_keeps_it() -> None:
    called = Contact("c-1", day(2), "phone", "reached", "therapist", "GOODHEALTH")
    for begun, by in ((day(1), "S.begun"), (day(4), "c-1")):
        told = windows(episode(inpatient(), stay("php", begun, id="S")), CLOCKS, SITE.zone, [called])
        assert {w.outcome.by_fact for w in told if isinstance(w.outcome, KeptWindow)} == {by}


def test_a_clock_without_contacts_counts_none() -> None:
    bare = CLOCKS[0].model_copy(update={"contacts": None})
    called = Contact("c-1", day(2), "phone", "reached", "therapist", "GOODHEALTH")
    assert windows(episode(inpatient()), [bare], SITE.zone, [called])[0].outcome is None


SIGNS = {"m": "missed", "k": "kept", "r": "readmitted", "c": "cleared"}


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        ("m", ""),
        ("mm", "missed-contacts"),
        ("mmm", "missed-contacts"),
        ("mkm", ""),
        ("mmk", "missed-contacts-cleared"),
        ("mmkm", "missed-contacts-cleared"),
        ("mmkmm", "missed-contacts-cleared missed-contacts"),
        ("mmc", "missed-contacts-cleared"),
        ("mmcm", "missed-contacts-cleared"),
        ("r", "readmitted"),
        ("rmm", "readmitted+missed-contacts"),
        ("rkr", "readmitted-cleared readmitted"),
        ("kc", ""),
    ],
)
def test_missed_contacts_in_a_row_or_a_readmission_are_a_risk_until_somebody_is_reached(
    happened: str, expected: str
) -> None:
    signs = [Sign(day(n), f"f-{n}", SIGNS[each], "GOODHEALTH") for n, each in enumerate(happened)]  # type: ignore[arg-type]
    found = risks("E1", signs, 2)
    assert " ".join("+".join(r.signals) + ("-cleared" if r.cleared else "") for r in found) == expected
    assert len({r.risk_id for r in found}) == len(found)


def test_a_readmission_raises_a_risk_that_goes_when_the_admission_is_taken_back() -> None:
    stands = along([([inpatient(), stay("inpatient", day(5), id="V2")], None, ())])
    [raised] = [s for s in stands if s.name == "relapse-risk-raised"]
    assert (raised.as_json["signals"], raised.as_json["derived_from"]) == (["readmitted"], ["V2.begun"])
    again = along([([inpatient()], None, ())], stands)
    assert not [s for s in again if s.name.startswith("relapse")]


def test_who_is_reached_after_a_readmission_is_out_of_it_and_before_it_is_not() -> None:
    back = [inpatient(), stay("inpatient", day(5), day(7), id="V2")]
    for at, cleared in ((day(4), []), (day(9), ["patient-reached"])):
        stands = along([(back, None, (contact(1, at, "reached"),))])
        assert [s.as_json["reason"] for s in stands if s.name == "relapse-risk-cleared"] == cleared


@pytest.mark.parametrize("at", [day(0, 18), day(31)])
def test_the_same_day_or_later_than_30_days_is_no_readmission(at: datetime) -> None:
    stands = along([([inpatient(), stay("inpatient", at, id="V2")], None, ())])
    assert not [s for s in stands if s.name.startswith("relapse")]


def contact(number: int, at: datetime, outcome: str) -> Fact:
    value = ContactAttempted(
        episode_id="E1",
        patient_id="P1",
        facility="GOODHEALTH",
        labels=("PSY",),
        occurred_at=at,
        recorded_at=at,
        at=at,
        mode="phone",
        outcome=outcome,
        provider_kind="therapist",
        contact_id=f"ct-{number}",
    )
    return stating(lambda: f"c-{number}").stated(value, 1000 + number)


def test_aftercare_that_started_waits_anew_where_its_end_is_on_a_later_day_now() -> None:
    """Found by the property below: it went on as if the day were still the first one."""
    early, late = (stay("inpatient", day(n), day(n, 15), id="S0") for n in (-2, 0))
    before = along([([early], 0, ())])
    assert "aftercare-started" in {s.name for s in before}
    assert "aftercare-started" not in {s.name for s in along([([late], 0, ())], before)}
    assert "aftercare-started" in {s.name for s in along([([late], 2, ())], before)}


Way = list[tuple[list[dict[str, Any]], int | None, tuple[Fact, ...]]]


def along(way: Way, standing: tuple[Fact, ...] = ()) -> tuple[Fact, ...]:
    """What stands at the end of a way of documents, looks at the clock, and contacts recorded between them."""
    ids = iter(range(10_000))
    for stays, looked, contacts in way:
        standing = (*standing, *contacts)
        over_by = None if looked is None else day(looked)
        ought = derive(episode(*stays), standing, {}, site=SITE, now=LEFT, over_by=over_by).facts
        last = max((s.sequence for s in standing if s.sequence < 1000), default=0)
        standing = follow(standing, ought, last, stating(lambda: f"f-{len(way)}-{next(ids)}")).standing
    return standing


def contents(standing: tuple[Fact, ...]) -> list[str]:
    return sorted(f"{s.name} {sorted(content(s.value).items(), key=str)}" for s in derived(standing))


_CONTACTS = st.lists(
    st.builds(
        contact,
        st.integers(0, 50),
        st.integers(-2, 40).map(day),
        st.sampled_from(["reached", "no-answer", "no-show", "left-message", "declined"]),
    ),
    max_size=5,
    unique_by=lambda s: s.id,
)


@given(
    st.lists(st.tuples(_STAYS, st.none() | st.integers(0, 60)), max_size=4),
    _STAYS,
    _CONTACTS,
    st.lists(st.integers(0, 4), min_size=5, max_size=5),
    st.permutations(range(5)),
)
def test_whatever_the_way_the_last_document_and_what_was_told_decide(
    before: list[tuple[list[dict[str, Any]], int | None]],
    last: list[dict[str, Any]],
    contacts: list[Fact],
    places: list[int],
    shuffled: list[int],
) -> None:
    told_at: list[list[Fact]] = [[] for _ in range(len(before) + 1)]
    for n in shuffled:
        if n < len(contacts):
            told_at[places[n] % len(told_at)].append(contacts[n])
    way = [(stays, looked, tuple(told_at[n])) for n, (stays, looked) in enumerate(before)]
    furthest = max((looked for _, looked in before if looked is not None), default=None)
    there = along([*way, (last, furthest, tuple(told_at[-1]))])
    straight = along([(last, furthest, tuple(contacts))])
    assert contents(there) == contents(straight)
