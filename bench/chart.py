"""A bar chart as SVG, written by hand: each benchmark's figure against its goal or its peers; no library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, LEFT, RIGHT, LINE, TOP = 760, 330, 90, 24, 64
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .more { fill: #656d76 }
  .bar { fill: #2f6f9f }
  .less { fill: #c2703d }
  .one { stroke: #656d76; stroke-dasharray: 4 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .more { fill: #9198a1 } .one { stroke: #9198a1 }
    .bar { fill: #58a6d8 } .less { fill: #e09a6a }
  }
"""


class Bar(NamedTuple):
    """`ratio`: ours divided by the other's; 1 is the line in the chart."""

    name: str
    ratio: float


def chart(title: str, about: str, bars: Sequence[Bar]) -> str:
    """The drawing as a document."""
    height = TOP + LINE * len(bars) + 16
    most = max((bar.ratio for bar in bars), default=1)
    unit = (WIDTH - LEFT - RIGHT) / max(most, 1.2)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<text class="title" x="12" y="22">{escape(title)}</text>',
        f'<text class="more" x="12" y="42">{escape(about)}</text>',
        *(part for place, bar in enumerate(bars) for part in _drawn(bar, TOP + LINE * place, unit)),
        f'<line class="one" x1="{LEFT + unit:.1f}" x2="{LEFT + unit:.1f}" y1="{TOP - 10}" y2="{height - 8}"/>',
        "</svg>",
    ]
    return "\n".join(drawn) + "\n"


def _drawn(bar: Bar, top: int, unit: float) -> tuple[str, str, str]:
    kind, long = "bar" if bar.ratio >= 1 else "less", max(bar.ratio * unit, 1)
    return (
        f'<text x="{LEFT - 10}" y="{top + 13}" text-anchor="end">{escape(bar.name)}</text>',
        f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{long:.1f}" height="16" rx="2"/>',
        f'<text class="more" x="{LEFT + long + 6:.1f}" y="{top + 13}">{bar.ratio:g} ×</text>',
    )
