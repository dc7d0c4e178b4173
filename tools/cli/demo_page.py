"""The page that `stepdown demo` prints at its end, 80 columns wide, from the figures of the run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from itertools import cycle, zip_longest
from statistics import median
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shared.events.levels import RANK
from tools.cli.demo_story import WORDS, timeline
from tools.simulator.show import Shown

WIDTH = 80
WRITERS = ("intake", "placement", "aftercare")
BACK = "fact-cancelled"
COLOURS = dict(zip(RANK, cycle(("red", "magenta", "yellow", "cyan", "green"))))
OTHERS = {
    "active": "a visit without a level of care",
    "between": "discharged, nothing begun yet",
    "void": "nothing stands (all taken back)",
}
NOTES = {
    "waiting": "waits for the message that it changes or ends",
    "no-effect": "changed nothing",
    "unmapped": "names a unit that the site has not mapped",
    "taken-back": "taken back by a later message",
    "no-visit": "names no visit",
    "error": "could not be taken (AE)",
}
REASONS = {
    "already-told": "it was so already",
    "repeated": "it was so already",
    "already-open": "it was so already",
    "ended": "it was so already",
}


def for_people(shown: Shown) -> None:
    """Print the page to stdout."""
    console = Console(width=min(WIDTH, Console().width), highlight=False, emoji=False)
    for part in _page(shown):
        console.print(part)


def picture(shown: Shown) -> str:
    """The page as SVG. It loads no font from elsewhere, so it is shown in the reader's own monospace font."""
    console = Console(
        width=WIDTH, highlight=False, emoji=False, record=True, file=StringIO(), force_terminal=True,
        color_system="truecolor", legacy_windows=False,
    )  # fmt: skip
    for part in _page(shown):
        console.print(part)
    drawn = console.export_svg(title="stepdown demo", unique_id="stepdown-demo")
    return re.sub(r"@font-face\s*\{.*?\}\s*", "", drawn, flags=re.DOTALL)


def _page(shown: Shown) -> Iterator[RenderableType]:
    plan = shown.plan
    days = f"{plan.ends - timedelta(days=182):%b %-d, %Y} to {plan.ends:%b %-d, %Y}"
    yield Text(f"\nStepdown demo: {plan.number} synthetic patients, seed {plan.seed}, {days}", style="bold")
    yield _titled("Sent and answered", _answers(shown))
    yield _titled("The continuum now", _levels(shown))
    yield _titled("Days between levels", _between(shown))
    yield _titled("Seen after inpatient discharges", _follow_ups(shown))
    yield _titled("Offers to programs", _offers(shown))
    yield _titled("What was told (care.events)", _facts(shown))
    yield _titled("Service periods for billing", _periods(shown))
    yield _titled("Refused, and on the worklists", _lists(shown))
    if shown.one:
        yield _titled("One patient's way", timeline(shown))
    yield _titled("Verify", _verify(shown))


def _titled(title: str, body: RenderableType) -> RenderableType:
    return Group(Text(f"\n{title}", style="bold underline"), Padding(body, (0, 0, 0, 2)))


def _grid(*justify: Any) -> Table:
    table = Table.grid(padding=(0, 2))
    for side in justify:
        table.add_column(justify=side, overflow="fold")
    return table


def _answers(shown: Shown) -> RenderableType:
    table = _grid("left", "right", "right", "right", "left")
    table.add_row(*(Text(text, style="dim") for text in ("", "AA", "AE", "AR", "")))
    for trigger in sorted({trigger for trigger, _ in shown.answers}):
        counts = [shown.answers[trigger, code] for code in ("AA", "AE", "AR")]
        table.add_row(trigger, *(str(n) if n else "·" for n in counts), Text(WORDS.get(trigger, ""), style="dim"))
    slow, acts = max(shown.delays, default=0.0), shown.tally.done.total()
    doors = ", ".join(f"{number} over {door}" for door, number in shown.doors.most_common())
    said = f"{shown.messages} messages ({doors}), {acts} acts over HTTP: {shown.seconds:.1f} s\n"
    middle = median(shown.delays) * 1000 if shown.delays else 0
    said += f"messages answered within {middle:.0f} ms (median), {slow * 1000:.0f} ms (slowest)"
    why = [Text(f"{code} {n}×: {text}", style="red") for (code, text), n in shown.refused.most_common()]
    return Group(table, *why, Text(said))


def _levels(shown: Shown) -> RenderableType:
    episodes = shown.outcome.episodes
    at = Counter(one["level"] for one in episodes if one.get("level"))
    away = Counter(one["level"] for one in episodes if one.get("level") and one["state"] == "on-leave")
    other = Counter(one["state"] for one in episodes if not one.get("level"))
    most = max([*at.values(), *other.values(), 1])
    table = _grid("left", "right", "left")
    for level in RANK:
        leave = f"  {away[level]} on leave" if away[level] else ""
        table.add_row(level, str(at[level]), _bar(at[level], most, COLOURS[level]).append(leave, style="dim"))
    for state, number in other.most_common():
        table.add_row(state, str(number), _bar(number, most, "blue").append(f"  {OTHERS.get(state, '')}", style="dim"))
    return table


def _bar(number: int, most: int, colour: str) -> Text:
    return Text("█" * round(number * 20 / most) or ("▏" if number else ""), style=colour)


def _between(shown: Shown) -> RenderableType:
    """Steps down and up, the most frequent first, with the days from the end of one level to the first day of the
    next."""
    table = _grid("left", "right", "left", "left")
    steps = sorted(shown.outcome.steps.items(), key=lambda one: (-len(one[1]), one[0]))
    most = max((median(days) for _, days in steps), default=1) or 1
    for (before, after), days in steps:
        middle = median(days)
        bar = _bar(round(middle), round(most) or 1, COLOURS.get(after, "blue"))
        table.add_row(f"{before} → {after}", f"{len(days)}×", f"{middle:g} days (median)", bar)
    return table


def _offers(shown: Shown) -> RenderableType:
    """How many offers were sent, accepted and so on, and for which reasons programs declined."""
    words = ("sent", "accepted", "declined", "countered", "withdrawn", "expired", "reopened")
    found = shown.outcome.answers
    table = _grid("right", "left")
    for reason, number in shown.outcome.declined.most_common():
        table.add_row(str(number), f"declined: {reason}")
    return Group(Text(" · ".join(f"{word}\N{NO-BREAK SPACE}{found[word]}" for word in words if found[word])), table)


def _facts(shown: Shown) -> RenderableType:
    """The facts of each writer in a column of its own, the most frequent first."""
    facts = shown.outcome.facts
    columns = [[(WORDS.get(name, name), n) for (who, name), n in facts.most_common() if who == writer and name != BACK]
               for writer in WRITERS]  # fmt: skip
    table = _grid("right", "left", "right", "left", "right", "left")
    table.add_row(*(Text(text, style="dim") for writer in WRITERS for text in ("", f"by {writer}")))
    for row in zip_longest(*columns, fillvalue=("", "")):
        table.add_row(*(str(cell) for name, number in row for cell in (number, name)))
    taken = sum(number for (_, name), number in facts.items() if name == BACK)
    said = f"{facts.total()} facts in all; {taken} took another back, {shown.outcome.corrected} stated one anew"
    return Group(table, Text(said))


def _periods(shown: Shown) -> RenderableType:
    told = shown.outcome.periods
    names = ("opened", "amended", "closed", "voided")
    return Text(" · ".join(f"{name} {told[f'service-period-{name}']}" for name in names))


def _follow_ups(shown: Shown) -> RenderableType:
    states = ("due", "kept", "missed", "excluded")
    found = Counter((one["measure"], one["state"]) for one in shown.outcome.follow_ups)
    table = _grid("left", "right", "right", "right", "right", "left")
    table.add_row("", *(Text(state, style="dim") for state in states), "")
    for measure in sorted({measure for measure, _ in found}, key=lambda name: (len(name), name)):
        kept, over = found[measure, "kept"], found[measure, "kept"] + found[measure, "missed"]
        rate = Text(f"{kept / over:.0%} ", style="bold").append(_bar(kept, over, "green")) if over else Text("")
        row = (str(found[measure, state] or "·") for state in states)
        table.add_row(f"within {measure.rpartition('-')[2]} days", *row, rate)
    why = Counter(one["reason"] for one in shown.outcome.follow_ups if one.get("reason"))
    left = ", ".join(f"{reason} {n}" for reason, n in why.most_common())
    return Group(table, Text(f"excluded because: {left}", style="dim")) if why else table


def _lists(shown: Shown) -> RenderableType:
    lines: Counter[str] = Counter()
    for (what, word), number in shown.tally.refused.items():
        lines[f"acts refused: {what}, {word}"] += number
    for (note, reason), number in shown.outcome.noted.items():
        if note in NOTES:
            why = f" ({REASONS.get(reason or '', reason)})" if note == "no-effect" else ""
            lines[f"messages: {NOTES[note]}{why}"] += number
    for (_, means), number in shown.outcome.ineffective.items():
        lines[f"facts without effect: {means}"] += number
    table = _grid("right", "left")
    for text, number in (*lines.most_common(), ("dead letters", sum(shown.outcome.dead.values()))):
        table.add_row(str(number), text)
    return table


def _verify(shown: Shown) -> RenderableType:
    table = _grid("left", "left", "right")
    for promise in shown.report.as_json()["promises"]:
        broken = promise["broken"]
        mark = Text("✗" if broken else "✓", style="bold red" if broken else "green")
        number = f"{len(broken)} broken" if broken else f"{promise['checked']:,}"
        table.add_row(mark, promise["text"], Text(number, style="dim"))
        for one in broken[:5]:
            table.add_row("", Text(one, style="red"), "")
    good = shown.report.ok
    end = Text("Every promise holds." if good else "A promise is broken.", style="bold green" if good else "bold red")
    return Group(table, *(Text(f"note: {note}") for note in shown.report.notes), end)


def as_json(shown: Shown) -> dict[str, Any]:
    """The figures as one JSON document."""
    found = shown.outcome
    return {
        "ok": shown.report.ok,
        "patients": shown.plan.number,
        "seed": shown.plan.seed,
        "messages": shown.messages,
        "seconds": {"playing": round(shown.seconds, 3), "until_at_rest": round(shown.rest, 3)},
        "answers": _nested(shown.answers),
        "doors": dict(shown.doors),
        "acts": _nested(shown.tally.done),
        "acts_refused": _nested(shown.tally.refused),
        "waited_in_vain": dict(shown.tally.in_vain),
        "offers": dict(found.answers),
        "offers_declined": dict(found.declined),
        "days_between": {f"{one} → {other}": sorted(days) for (one, other), days in sorted(found.steps.items())},
        "levels": dict(Counter(one["level"] for one in found.episodes if one.get("level"))),
        "states": dict(Counter(one["state"] for one in found.episodes)),
        "facts": _nested(found.facts),
        "replaced": found.corrected,
        "periods": dict(found.periods),
        "follow_ups": _nested(Counter((one["measure"], one["state"]) for one in found.follow_ups)),
        "notes": [{"note": note, "reason": why, "count": n} for (note, why), n in found.noted.most_common()],
        "ineffective": [{"word": w, "means": m, "count": n} for (w, m), n in found.ineffective.most_common()],
        "dead_letters": found.dead,
        "one_patient": shown.one,
        "verify": shown.report.as_json(),
    }


def _nested(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (outer, inner), number in sorted(counts.items()):
        found.setdefault(outer, {})[inner] = number
    return found
