"""A bar chart as SVG, written by hand: ratios to peers on a logarithmic scale, from the line at 1; no library."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from math import log10

WIDTH, LEFT, RIGHT, LINE, TOP = 820, 270, 64, 24, 92
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
STYLE = """
  svg { background: #ffffff }
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .row { font-weight: 600 }
  .more { fill: #656d76 }
  .bar { fill: #2f6f9f }
  .less { fill: #c2703d }
  .tick { stroke: #d1d9e0 }
  .one { stroke: #656d76 }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117 }
    text { fill: #e6edf3 } .more { fill: #9198a1 } .one { stroke: #9198a1 } .tick { stroke: #30363d }
    .bar { fill: #58a6d8 } .less { fill: #e09a6a }
  }
"""
Ratios = Mapping[str, Mapping[str, float]]
"""What was measured → peer → ours divided by theirs, more than 0."""


def chart(title: str, about: str, found: Ratios) -> str:
    """The drawing as a document."""
    height = TOP + LINE * sum(1 + len(peers) for peers in found.values()) + 12
    ticks = _ticks([ratio for peers in found.values() for ratio in peers.values()])
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<text class="title" x="12" y="24">{escape(title)}</text>',
        f'<text class="more" x="12" y="44">{escape(about)}</text>',
    ]
    for tick in ticks:
        x, kind = _place(tick, ticks), "one" if tick == 1 else "tick"
        drawn.append(f'<text class="more" x="{x:.1f}" y="{TOP - 20}" text-anchor="middle">{tick:g} ×</text>')
        drawn.append(f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 12}" y2="{height - 8}"/>')
    top = TOP
    for name, peers in found.items():
        drawn.append(f'<text class="row" x="12" y="{top + 13}">{escape(name)}</text>')
        for peer, ratio in peers.items():
            top += LINE
            drawn += _bar(peer, ratio, top, ticks)
        top += LINE
    return "\n".join([*drawn, "</svg>"]) + "\n"


def _ticks(ratios: list[float]) -> list[float]:
    """Those that all ratios lie between, and 1."""
    least, most = min([1, *ratios]), max([1, *ratios])
    low = max((tick for tick in TICKS if tick <= least), default=TICKS[0])
    high = min((tick for tick in TICKS if tick >= most), default=TICKS[-1])
    return [tick for tick in TICKS if low <= tick <= high]


def _place(ratio: float, ticks: list[float]) -> float:
    span = log10(ticks[-1] / ticks[0]) or 1
    return LEFT + (WIDTH - LEFT - RIGHT) * log10(ratio / ticks[0]) / span


def _bar(peer: str, ratio: float, top: int, ticks: list[float]) -> list[str]:
    here, one = _place(ratio, ticks), _place(1, ticks)
    kind, begin, long = ("bar", one, here - one) if ratio >= 1 else ("less", here, one - here)
    return [
        f'<text class="more" x="{LEFT - 30}" y="{top + 13}" text-anchor="end">{escape(peer)}</text>',
        f'<rect class="{kind}" x="{begin:.1f}" y="{top}" width="{max(long, 1):.1f}" height="16" rx="2"/>',
        f'<text x="{max(here, one) + 6:.1f}" y="{top + 13}">{ratio:g} ×</text>',
    ]
