"""Whatever is told and however it is cut into batches: nothing leaves without a basis, nothing is lost. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.placement.gate.bases import Basis, obstacle
from services.placement.gate.cases import DisclosureCase, Key, Past
from services.placement.gate.docket import Docket, decide
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts
from tests.builders import a_story, admitted, cancelled, discharged, restated
from tests.placement.gating import CLINIC, consent, revoked, two_recipients

RULES = two_recipients()
SCOPES = [("PSY",), ("PSY", "SUD", "PART2")]
START = datetime(2026, 3, 20, 12, tzinfo=UTC)


@dataclass
class Memory:
    """What store.py does between batches, in memory."""

    docket: Docket = field(default_factory=lambda: Docket("episode-1"))
    withheld: dict[Key, DisclosureCase] = field(default_factory=dict)
    sent: list[tuple[DisclosureCase, Basis, datetime]] = field(default_factory=list)

    def takes(self, batch: list[Fact], now: datetime) -> None:
        out = {case.key: Past(True, case.writer, case.labels) for case, _, _ in self.sent}
        held = {case.key: Past(False, case.writer, case.labels, case.corrects) for case in self.withheld.values()}
        self.docket.past = {**held, **out}
        self.docket.withheld = sorted(self.withheld.values(), key=lambda case: case.place)
        decisions = decide(self.docket, batch, RULES, now)
        for key in decisions.released | decisions.void:
            self.withheld.pop(key, None)
        self.withheld |= {case.key: case for case, _ in decisions.withheld}
        self.sent += [(case, basis, now) for case, basis in decisions.disclosed]

    def believed(self, recipient: str) -> set[str]:
        """The facts that a recipient takes for true, after all corrections that it got."""
        found: set[str] = set()
        for case, _, _ in self.sent:
            if case.recipient == recipient:
                found -= {case.corrects[1]} if case.corrects else set()
                found |= set() if case.corrects and case.corrects[0] == "cancels" else {case.fact_id}
        return found


@st.composite
def stories(draw: st.DrawFn) -> list[Fact]:
    """Facts of one writer: starts and ends, restated and cancelled, consents given and taken back."""
    told: list[Fact] = []
    standing: list[Fact] = []
    for number in range(draw(st.integers(1, 10))):
        what = draw(st.sampled_from(["admitted", "discharged", "restate", "cancel", "consent", "revoke"]))
        unit = draw(st.sampled_from(["3W", "RES"]))
        if what in {"restate", "cancel"} and standing:
            gone = standing.pop(draw(st.integers(0, len(standing) - 1)))
            told.append(restated(gone, unit=unit) if what == "restate" else cancelled(gone, labels=()))
            standing += [told[-1]] if what == "restate" else []
        elif what == "consent":
            told.append(consent(consent_id=f"c-{number}", scope=draw(st.sampled_from(SCOPES))))
        elif what == "revoke":
            told.append(revoked(consent_id=f"c-{draw(st.integers(0, 9))}"))
        else:
            made = admitted if what == "admitted" else discharged
            told.append(made(visit=f"V{number}", unit=unit, labels=()))
            standing.append(told[-1])
    return a_story(*told)


def cut(story: list[Fact], places: list[int]) -> Iterator[list[Fact]]:
    ends = sorted({place % (len(story) + 1) for place in places} | {len(story)})
    for begin, end in zip([0, *ends], ends, strict=False):
        yield story[begin:end]


CUTS = st.lists(st.integers(0, 12), max_size=6)


@given(stories(), CUTS)
def test_nothing_leaves_without_a_basis_that_holds_at_that_moment(story: list[Fact], places: list[int]) -> None:
    memory, now = Memory(), START
    for batch in cut(story, places):
        now += timedelta(hours=1)
        before = len(memory.sent)
        memory.takes(batch, now)
        standing = {one.basis for one in memory.docket.consents.values() if one.over is None}
        for case, basis, _ in memory.sent[before:]:
            outsider = RULES.outsiders[case.recipient]
            assert basis in standing or basis in outsider.agreements
            asked = outsider.asks(case.facility, case.labels)
            assert obstacle(basis, asked, RULES.day(case.facility, now), RULES.discloses) is None
            assert case.labels <= basis.scope


@given(stories(), CUTS)
def test_no_fact_goes_to_a_recipient_twice_or_is_both_sent_and_withheld(story: list[Fact], places: list[int]) -> None:
    memory = Memory()
    for batch in cut(story, places):
        memory.takes(batch, START)
    sent = [case.key for case, _, _ in memory.sent]
    assert len(sent) == len(set(sent))
    assert not set(sent) & memory.withheld.keys()


@given(stories(), CUTS)
def test_with_a_consent_to_all_of_it_a_recipient_believes_what_stands_whatever_the_batches(
    story: list[Fact], places: list[int]
) -> None:
    memory = Memory()
    for batch in cut(story, places):
        memory.takes(batch, START)
    memory.takes([replace(consent(consent_id="all", scope=SCOPES[1]), sequence=len(story) + 1)], START)
    gone = OwnFacts(story).fallen
    stands = {one.id for one in story if one.name in {"admitted", "discharged"} and one.id not in gone}
    assert memory.believed(CLINIC) == stands
    assert not [key for key in memory.withheld if key[0] == CLINIC]
