"""A story with plans, movements, swaps, changes of doctor, deletions and their cancels ends alike, in whatever order
its messages come and however often; and what goes out one by one is what all of them mean together."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.intake.hl7.model import VisitMessage
from services.intake.visits.derive import ActiveFact, derive, difference
from tests.intake.said import SITE, told

TRIGGERS = [
    "A01", "A02", "A03", "A04", "A05", "A08", "A11", "A12", "A13", "A14", "A16", "A17", "A23", "A25", "A27", "A38",
    "A54", "A55", "A60", "A61", "A62", "Z99",
]  # fmt: skip
SAID = st.tuples(
    st.sampled_from(TRIGGERS),
    st.integers(5, 12),
    st.sampled_from(["3W", "RES", "PHP1", "ED", ""]),
    st.sampled_from(["", "1", "2", "3"]),
    st.sampled_from(["INSERT", "UPDATE", "CANCEL"]),
    st.sampled_from(["", "1000000001", "1000000002"]),
    st.sampled_from(["", "20260112", '""']),
)


def messages(story: list[tuple[str, int, str, str, str, str, str]]) -> list[VisitMessage]:
    """The messages of a story, each said an hour after the one before on its day."""
    found = []
    for number, (trigger, day, unit, movement, action, attending, expected) in enumerate(story):
        zbe = f"\rZBE|{movement}|202601{day:02}080000||{action}|N" if movement else ""
        said = f"202601{day:02}{8 + number:02}0000"
        found.append(told(number, trigger, said, unit=unit, pv1_7=attending, pv2=f"PV2|||||||||{expected}{zbe}"))
    return found


def meant(said: list[VisitMessage]) -> tuple[dict[Any, Any], list[Any]]:
    derived = derive("V1", said, SITE)
    assert len({one.key for one in derived.facts}) == len(derived.facts), "two facts under one key"
    return {one.key: one.value for one in derived.facts}, sorted(derived.notes)


@given(st.lists(SAID, min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_any_order_and_repetition_ends_alike(story: list[Any], chance: Any) -> None:
    said = messages(story)
    shuffled = [*said, *chance.sample(said, chance.randint(0, len(said)))]
    chance.shuffle(shuffled)
    assert meant(shuffled) == meant(said)


@given(st.lists(SAID, min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_what_goes_out_one_by_one_is_what_all_mean_together(story: list[Any], chance: Any) -> None:
    said = messages(story)
    chance.shuffle(said)
    standing: dict[Any, ActiveFact] = {}
    for number in range(1, len(said) + 1):
        out = difference(standing, derive("V1", said[:number], SITE).facts)
        for key in out.cancel:
            del standing[key]
        for _, wanted in out.state:
            standing[wanted.key] = ActiveFact(f"f{number}", wanted.value.TYPE, wanted.value)
    assert {key: one.value for key, one in standing.items()} == meant(said)[0]
