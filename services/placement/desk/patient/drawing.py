"""The continuum picture as an SVG's shapes: where each bar, label and tick stands, in units of the view box. Pure.

Colours, dashes and hatches are classes (patient.css), so that the page needs no inline style.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo

from babel.dates import format_date, format_skeleton

from services.placement.desk.patient.picture import Bar, Continuum
from shared.values import value_object
from shared.web.words import locale

WIDTH, LEFT, ROW, TALL, TOP = 1000.0, 132.0, 30.0, 20.0, 22.0
"""Units: the picture's width, where time begins, height of a row and of a bar, and the room above the first row."""
CHARACTER = 6.4
"""Units that one character of a label takes, about."""
AHEAD = timedelta(days=10)
"""How far what has no end is drawn beyond today or its beginning."""
MOST_TICKS = 8
_STEPS = (1, 2, 7, 14, 28, 56, 91, 182, 364, 728)
"""Days between two ticks, the first that gives no more than MOST_TICKS."""


@value_object
class Shape:
    """A bar as drawn: x, y, width and height; `used`: width of its used part; `open`: it goes on."""

    bar: Bar
    x: float
    y: float
    width: float
    height: float
    used: float | None = None
    open: bool = False


@value_object
class Label:
    """A text at a place; `anchor`: start or end; `strong`: it counts more."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    strong: bool = False


@value_object
class Drawing:
    """Everything that is drawn; `height` of the view box, `bottom` of the last row, x of `today` (None: not on it)."""

    height: float
    bottom: float
    shapes: tuple[Shape, ...]
    labels: tuple[Label, ...]
    lanes: tuple[Label, ...]
    ticks: tuple[Label, ...]
    deaths: tuple[float, ...]
    today: Label


@value_object
class Scale:
    """From time to x: `begins` is at LEFT, `ends` at WIDTH."""

    begins: datetime
    ends: datetime

    def x(self, at: datetime) -> float:
        """Where an instant stands; what is outside stands at the edge."""
        part = (at - self.begins) / (self.ends - self.begins)
        return round(LEFT + (WIDTH - LEFT) * min(1.0, max(0.0, part)), 1)


def scale_of(found: Continuum) -> Scale:
    """The time that the picture spans: all bars and today, with some room."""
    begins = [found.today, *(bar.since for bar in found.bars)]
    ends = [found.today, *(bar.until or max(bar.since, found.today) + AHEAD for bar in found.bars)]
    first, last = min(begins), max(ends)
    room = max((last - first) * 0.02, timedelta(hours=12))
    return Scale(first - room, last + room)


def drawing(found: Continuum, zone: tzinfo, now: str) -> Drawing:
    """The picture placed. `now`: the word at the line of today. Bars of a lane that overlap have rows of their own."""
    scale, y = scale_of(found), TOP
    shapes: list[Shape] = []
    labels: list[Label] = []
    titles: list[Label] = []
    for name, title in found.lanes:
        mine = [bar for bar in found.bars if bar.lane == name]
        rows, height = _rows(mine), TALL if any(bar.kind == "stay" for bar in mine) else TALL * 0.7
        titles.append(Label(0, y + 14, title))
        for row in rows:
            placed = [_shape(bar, scale, found.today, y, height) for bar in row]
            shapes += placed
            labels += _labels(placed, y)
            y += ROW
    today = scale.x(found.today)
    near = today > WIDTH - 60
    return Drawing(
        height=y + 24,
        bottom=y,
        shapes=tuple(shapes),
        labels=tuple(labels),
        lanes=tuple(titles),
        ticks=tuple(_ticks(scale, zone, y + 16)),
        deaths=tuple(scale.x(at) for at in found.deaths),
        today=Label(today - 4 if near else today + 4, 12, now, "end" if near else "start", strong=True),
    )


_OVER = frozenset({"leave", "suspended", "taken-back", "expected"})
"""Kinds of bars that lie on the bar of their stay."""


def _rows(bars: Sequence[Bar]) -> list[list[Bar]]:
    """Bars in as few rows as they need; what lies over a stay's bar is in the row of the first bar that holds it."""
    rows: list[list[Bar]] = []
    ends: list[datetime | None] = []
    over = [bar for bar in bars if bar.kind in _OVER]
    for bar in sorted((bar for bar in bars if bar.kind not in _OVER), key=lambda bar: bar.since):
        place = next((n for n, end in enumerate(ends) if end is not None and end <= bar.since), len(rows))
        if place == len(rows):
            rows.append([])
            ends.append(None)
        rows[place].append(bar)
        ends[place] = bar.until
    if over and not rows:
        rows.append([])
    for bar in over:
        next((row for row in rows if any(_holds(one, bar) for one in row)), rows[0]).append(bar)
    return rows


def _holds(one: Bar, bar: Bar) -> bool:
    return one.since <= bar.since and (one.until is None or bar.since < one.until)


def _shape(bar: Bar, scale: Scale, today: datetime, y: float, height: float) -> Shape:
    open_end = bar.until is None
    known = bar.kind not in {"to-come", "seat"}
    until = bar.until or (max(bar.since, today) if known else max(bar.since, today) + AHEAD)
    x = scale.x(bar.since)
    width = round(max(scale.x(until) - x, 2.0), 1)
    thin = bar.kind in {"authorized", "follow-up"}
    tall = 7.0 if thin else height
    used = round(width * bar.part, 1) if bar.part is not None else None
    return Shape(bar, x, y + (TALL - tall) / 2, width, tall, used, open_end)


def _labels(placed: Sequence[Shape], y: float) -> list[Label]:
    """A label after each bar where there is room before the next one, else within it, else before the row's first bar,
    else none: its words are in the table."""
    found = []
    for shape in placed:
        if not (text := shape.bar.label):
            continue
        needs, end = len(text) * CHARACTER + 12, shape.x + shape.width
        follows = min((one.x for one in placed if one.x >= end and one is not shape), default=WIDTH)
        if follows - end >= needs:
            found.append(Label(end + 6, y + 14, text))
        elif shape.width >= needs and shape.bar.kind not in {"authorized", "follow-up"}:
            found.append(Label(shape.x + 6, y + 14, text, strong=True))
        elif shape.x - LEFT >= needs and not any(one.x < shape.x and one is not shape for one in placed):
            found.append(Label(shape.x - 6, y + 14, text, "end"))
    return found


def _ticks(scale: Scale, zone: tzinfo, y: float) -> list[Label]:
    first, last = (at.astimezone(zone).date() for at in (scale.begins, scale.ends))
    span = max(1, (last - first).days)
    step = next((days for days in _STEPS if span / days <= MOST_TICKS), _STEPS[-1] * (1 + span // 5000))
    days = range(1, span + 1, step)
    found = []
    for place, ahead in enumerate(days):
        one = first + timedelta(days=ahead)
        at = datetime(one.year, one.month, one.day, tzinfo=zone)
        x = scale.x(at)
        if x < WIDTH - 40:
            found.append(Label(x, y, _tick(one, with_year=place == 0 or step > 180)))
    return found


def _tick(day: date, *, with_year: bool) -> str:
    if with_year:
        return format_date(day, "medium", locale=locale())
    return format_skeleton("MMMd", datetime(day.year, day.month, day.day), locale=locale())  # noqa: DTZ001 - a day
