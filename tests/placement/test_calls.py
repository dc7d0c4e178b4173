"""What one discharge costs placement stays what it is: function calls of ours in its transaction."""

from __future__ import annotations

import pytest

from tests.builders import a_story, admitted, covered, diagnosed, discharged, of_episode
from tests.calls import counted, verdict
from tests.placement.feeding import Feed

AT = "2026-03-02 10:00"


async def calls_of_a_discharge(feed: Feed, episode: str) -> int:
    """A stay with its payer and its diagnosis is there; then its end comes in."""
    told = a_story(admitted(AT), covered(AT), diagnosed(AT), discharged("2026-03-09 14:00"))
    *before, end = (of_episode(episode, one) for one in told)
    await feed.bring(*before)
    with counted() as calls:
        await feed.bring(end)
    return calls.number


async def test_a_discharge_calls_as_many_functions_as_it_did(feed: Feed) -> None:
    await calls_of_a_discharge(feed, "the first, for which statements and the site's answers are made")
    assert not verdict("placement", await calls_of_a_discharge(feed, "the second"))


@pytest.mark.parametrize(("found", "word"), [(111, "mend it"), (110, None), (100, None), (85, None), (84, "only")])
def test_much_more_and_much_less_are_told(found: int, word: str | None) -> None:
    told = verdict("placement", found, kept=100)
    assert told is None if word is None else told and word in told
