"""Stories for property tests, plausible and implausible: several stays, equal instants, things taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st

from shared.facts.envelope import Fact
from tests import builders as tell

START = datetime(2026, 3, 2, 5, tzinfo=UTC)
"""00:00 in New York (EST)."""
LEVELS = ("inpatient", "residential", "php", "iop", "outpatient")
VISITS = ("V1", "V2")
PLACEMENTS = ("P1", "P2")
MOVES = ("requested", "pended", "approved", "denied", "extended", "ended")
"""Of an authorization."""


# Strategies are made once: hypothesis checks each one that is new, which takes longer than the drawing.
INSTANTS = st.integers(0, 14 * 4).map(lambda quarter: START + timedelta(hours=6 * quarter))
"""Within two weeks, over the change to summer time, on a coarse grid so that instants are often equal."""
LEVEL, VISIT, PLACEMENT = map(st.sampled_from, (LEVELS, VISITS, PLACEMENTS))
DAY, SESSION, EITHER = st.integers(0, 14), st.sampled_from("abcd"), st.booleans()
CODE, PAYER = st.sampled_from(("F32.2", "F10.2")), st.sampled_from(("ACME", "SELF"))
MOVE, AUTHORIZATION = st.sampled_from(MOVES), st.sampled_from(("A1", "A2"))
END, FOLLOW_UP = st.sampled_from(("home", "deceased")), st.sampled_from(("due", "kept", "missed"))
FACILITY = st.sampled_from((tell.FACILITY, tell.ELSEWHERE))


@cache
def _below(number: int) -> st.SearchStrategy[int]:
    return st.integers(0, number - 1)


def _one_of(draw: st.DrawFn, makers: Sequence[Callable[[], Fact]]) -> Fact:
    return makers[draw(_below(len(makers)))]()


@st.composite
def plain_facts(draw: st.DrawFn) -> Fact:
    """One fact that takes nothing back."""
    when = draw(INSTANTS)
    level = draw(LEVEL)
    visit = draw(VISIT)
    placement = draw(PLACEMENT)
    day = (START + timedelta(days=draw(DAY), hours=12)).date().isoformat()
    own: dict[str, Any] = {"visit": visit} if draw(EITHER) else {"placement": placement}
    return _one_of(
        draw,
        [
            lambda: tell.admitted(when, visit=visit, level=level),
            lambda: tell.admitted(when, visit=visit, level=level),
            lambda: tell.started(when, placement=placement, level=level, program=level),
            lambda: tell.started(when, placement=placement, level="iop"),
            lambda: tell.visit_started(when, visit=visit),
            lambda: tell.visit_ended(when, visit=visit),
            lambda: tell.transferred(when, to=level, **own),
            lambda: tell.transferred(when, to=None, **own),
            lambda: tell.leave_started(when, **own),
            lambda: tell.leave_ended(when, **own),
            lambda: tell.discharged(when, visit=visit, kind=draw(END)),
            lambda: tell.discharged(when, visit=visit),
            lambda: tell.completed(when, placement=placement),
            lambda: tell.discontinued(when, placement=placement),
            lambda: tell.attended(day, when=when, session=draw(SESSION), **own),
            lambda: tell.attended(day, when=when, session=draw(SESSION), **own),
            lambda: tell.absent(day, when=when, session=draw(SESSION), **own),
            lambda: tell.diagnosed(when, code=draw(CODE), **own),
            lambda: tell.covered(when, payer=draw(PAYER), effective=day),
            lambda: tell.referred(when),
            lambda: tell.assessed(when),
            lambda: tell.placed(when, placement=placement, level=level),
            lambda: tell.placement_cancelled(when, placement=placement),
            lambda: tell.authorization(draw(MOVE), when, auth=draw(AUTHORIZATION)),
            lambda: tell.certified(when),
            lambda: tell.episode_ended(when),
            lambda: tell.aftercare_started(when),
            lambda: tell.aftercare_closed(when),
            lambda: tell.follow_up(draw(FOLLOW_UP), when),
            lambda: tell.patient_died(when, facility=draw(FACILITY)),
            lambda: tell.patient_died(when, contradicted=True),
            lambda: tell.fact("something-new", when),
            lambda: tell.fact("closed", when, writer="placement", reason="deceased"),
        ],
    )


@st.composite
def stories(draw: st.DrawFn, *, plain: bool = False) -> list[Fact]:
    """Facts as stated by their writers, each with its own ce_id; `plain` ones take nothing back."""
    facts = draw(st.lists(plain_facts(), min_size=1, max_size=14))
    facts = [replace(fact, id=f"fact-{number}") for number, fact in enumerate(facts)]
    if draw(st.integers(0, 9)) == 0:
        odd = draw(st.integers(0, len(facts) - 1))
        facts[odd] = replace(facts[odd], writer="aftercare")
    if not plain:
        for number in range(draw(st.integers(0, 4))):
            facts.append(replace(draw(taking_back(facts)), id=f"back-{number}"))
    return tell.a_story(*facts)


@st.composite
def taking_back(draw: st.DrawFn, facts: list[Fact]) -> Fact:
    """A cancel, a restatement, a start told twice or a settlement, of a known or an unknown fact."""
    target = draw(st.sampled_from(facts))
    when = draw(INSTANTS)
    unknown = replace(target, id="never-stated")
    writer = draw(st.sampled_from((target.writer, target.writer, target.writer, "intake", "placement")))
    return _one_of(
        draw,
        [
            lambda: tell.cancelled(target, writer=writer),
            lambda: tell.cancelled(target),
            lambda: tell.cancelled(unknown),
            lambda: replace(tell.restated(target, when=when), writer=writer),
            lambda: tell.restated(target, when=when),
            lambda: tell.restated(unknown),
            lambda: tell.started(when, placement="P1", corroborates=target),
            lambda: tell.started(when, placement="P2", corroborates="never-stated"),
            lambda: tell.admitted(when, visit="V2", corroborates=target),
            lambda: tell.conflict_settled(when, falls=[target]),
            lambda: tell.conflict_settled(when, falls=["never-stated"]),
        ],
    )
