"""What it costs to take back one fact in an episode of 10, 150 and 1,000 facts: through placement's handlers."""

from __future__ import annotations

from statistics import median

from bench import facts
from bench.asked import Asked
from bench.feed import Feed, feed_of
from bench.report import Report, at_most, row
from bench.stage import staged

BROKERS = ("embedded",)
LIMITS = "All facts of the episode are read, folded and compared with what went out; then one commit, with fsync."
TRIED = (
    "All writes of a batch in one statement, statements by the driver itself, missing rows inserted only where "
    "some are missing, a transaction that begins without a statement of its own: a batch of one takes 0.6 of the CPU "
    "before and half the round trips (decision 0142). At 150 facts Python takes 10 ms of CPU: a third folds, a sixth "
    "makes what goes out, a seventh reads the facts."
)
GOALS = {150: 8.0, 1000: 30.0}
"""Facts of the episode → milliseconds."""


async def measure(asked: Asked, report: Report) -> None:
    """Cancel the fact in the middle of each of so many episodes."""
    found: dict[int, list[float]] = {length: [] for length in facts.VISITS}
    async with staged("embedded") as stage, stage.database("placement") as database:
        feed = await feed_of(database)
        for run in range(asked.runs):
            for length, costs in found.items():
                costs.append(1000 * await _cost(feed, length, asked.size, f"{run}"))
        await stage.checked("placement")
    for length, costs in found.items():
        report.rows.append(row(f"cancel one of {length} facts", "ms", costs, size=f"{asked.size} episodes"))
        if length in GOALS:
            name, wanted = report.rows[-1].name, GOALS[length]
            report.goals.append(at_most(f"{name}: ≤ {wanted:g} ms", report.rows[-1].value, wanted))


async def _cost(feed: Feed, length: int, episodes: int, run: str) -> float:
    """Seconds of one cancel, the median over these episodes."""
    costs = []
    for number in range(episodes):
        told = facts.facts(length, f"{run}{length:04d}{number:03d}")
        await feed.bring(told)
        await feed.relayed()
        back = next(fact for fact in told[length // 2 :] if fact.name == "leave-started")
        costs.append(await feed.bring([facts.cancel(back, length + 1)]))
        await feed.relayed()
    return median(costs)
