"""The page docs/states.md, made from the table of moves; `python -m services.placement.continuum.picture` prints it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from services.placement.continuum.states import COLUMNS, MEANING, MOVES, ROWS, NoEffectReason, State
from shared.events.levels import WORDS

_NAMES = {State.NONE: "[*]", State.VISIT: "visit", State.OPEN: "open", State.ON_LEAVE: "on_leave", State.ENDED: "ended"}

EPISODE_STATES: Final = {
    "void": "no stay, referral, assessment or placement stands",
    "referred": "a referral, an assessment or a placement stands, and no stay",
    "active": "a stay is open (a visit without level counts where nothing else is open)",
    "on-leave": "the stay that holds the level is on leave",
    "between": "every stay has ended, and the next has not begun",
    "aftercare": "every stay has ended, and aftercare started on or after the last leaving day",
    "closed": "it was ended, aftercare was closed, or the patient died; an admission takes it up again",
}

_EPISODE_MOVES: Final = (
    ("[*]", "void", ""),
    ("void", "referred", "referred, assessed, placed"),
    ("void", "active", "a stay begins"),
    ("referred", "active", "a stay begins"),
    ("referred", "aftercare", "aftercare-started"),
    ("referred", "closed", "episode-ended, patient-died"),
    ("active", "on_leave", "leave-started"),
    ("on_leave", "active", "leave-ended"),
    ("active", "between", "the last stay ends"),
    ("on_leave", "between", "the last stay ends"),
    ("active", "closed", "the last stay ends in or after death"),
    ("between", "active", "a stay begins"),
    ("between", "aftercare", "aftercare-started"),
    ("between", "closed", "episode-ended, patient-died"),
    ("aftercare", "active", "a stay begins"),
    ("aftercare", "closed", "aftercare-closed, episode-ended, patient-died"),
    ("closed", "active", "reopened: a stay begins within the site's limit"),
)

_TOP = """# States of a stay, an episode and the continuum

Written from `services/placement/continuum/states.py` by `python -m services.placement.continuum.picture`; a test fails
when the two differ. The law is [contract 3.6](contract.md); how the fold reads it is in
[decision 0101](decisions/0101-how-the-fold-reads-the-contract.md).
"""


def states_page() -> str:
    """The whole page: Markdown with Mermaid diagrams, ending in one newline."""
    parts = (_TOP, _stay_diagram(), _moves(), _words(), _episode(), _continuum())
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _mermaid(lines: Iterable[str]) -> str:
    return "\n".join(("```mermaid", "stateDiagram-v2", *(f"    {line}" for line in lines), "```"))


def _stay_diagram() -> str:
    arrows: dict[tuple[State, State], list[str]] = {}
    for (row, before), after in MOVES.items():
        if isinstance(after, State):
            arrows.setdefault((before, after), []).append(row)
    lines = [f'state "{state.value}" as {_NAMES[state]}' for state in COLUMNS if state is not State.NONE]
    lines += [f"{_NAMES[one]} --> {_NAMES[other]}: {' / '.join(rows)}" for (one, other), rows in arrows.items()]
    return f"## One stay\n\n{_mermaid([*lines, 'ended --> [*]'])}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _moves() -> str:
    head = ("fact", *(column.value for column in COLUMNS))
    rows = [[row, *(_cell(MOVES[row, column]) for column in COLUMNS)] for row in ROWS]
    return (
        "A word in code is why the fact has no effect. `attended` and `absent` are judged by day, all others by their "
        f"instant; facts of one instant are tried until none moves any more.\n\n{_table(head, rows)}"
    )


def _cell(outcome: State | NoEffectReason) -> str:
    return f"`{outcome.value}`" if isinstance(outcome, NoEffectReason) else outcome.value


def _words() -> str:
    return "## Why a fact has no effect\n\n" + _table(
        ("word", "meaning"), ([f"`{word.value}`", meaning] for word, meaning in MEANING.items())
    )


def _episode() -> str:
    states = _table(("state", "when"), ([f"`{state}`", when] for state, when in EPISODE_STATES.items()))
    lines = [f"{one} --> {other}{': ' + why if why else ''}" for one, other, why in _EPISODE_MOVES]
    diagram = _mermaid(['state "on-leave" as on_leave', *lines])
    return (
        "## An episode\n\nThe state is read from the facts that stand, never stepped: when a fact is taken back, it is "
        f"as if it had never been. The arrows are the usual ways.\n\n{diagram}\n\n{states}"
    )


def _continuum() -> str:
    lines = [*(f'state "{words}" as {level}' for level, words in WORDS.items()), *_steps()]
    return (
        "## The continuum\n\nThe level of an episode is that of its most intensive open stay. Every change is "
        "announced as a step; a step may skip levels, and a less intensive stay is suspended under an open 24-hour "
        "stay.\n\n" + _mermaid(lines)
    )


def _steps() -> Iterator[str]:
    for upper, lower in pairwise(WORDS):
        yield f"{upper} --> {lower}: stepped-down"
        yield f"{lower} --> {upper}: stepped-up"


if __name__ == "__main__":
    print(states_page(), end="")  # noqa: T201  this is what running the module is for
