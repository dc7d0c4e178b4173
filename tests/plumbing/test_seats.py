"""A door stays open for the others: who gets a seat, and who gives way for it (contract 6)."""

from __future__ import annotations

import pytest

from shared.web.connections import ConnectionSlots, sender_of


class Room:
    """Four seats, two of them one address's at most, a frame's grace of 3 seconds; names are address and number."""

    def __init__(self) -> None:
        self.at = 0.0
        self.seats = ConnectionSlots[str](4, 2, 3.0, lambda: self.at)

    def play(self, story: str) -> list[str]:
        """What each newcomer got: `in`, `away`, or whose seat. Words are `a1` (comes), `a1?` busy, `a1!` answered,
        `a1-` begins a frame, `a1+` ends what was none, `+3` seconds pass."""
        told = []
        for word in story.split():
            if word.startswith("+"):
                self.at += float(word)
            elif word[-1] in _SAYS:
                getattr(self.seats, _SAYS[word[-1]])(word[:-1])
            else:
                told.append(self._comes(word))
        return told

    def _comes(self, name: str) -> str:
        admitted, leaves = self.seats.give_way(name[0])
        if leaves is not None:
            self.seats.leave(leaves)
        if admitted:
            self.seats.take(name, name[0])
        return leaves or ("in" if admitted else "away")


_SAYS = {"?": "busy", "!": "idle", "-": "slow", "+": "idle", "x": "leave"}

STORIES = [
    ("there is room", "a1 a2 b1 c1", ["in"] * 4),
    ("who has its share closes its own longest idle one", "b1 a1 a2 a3 a4", ["in", "in", "in", "a1", "a2"]),
    ("when all seats are taken, the longest idle one gives way", "a1 b1 a2 c1 d1 d2", [*["in"] * 4, "a1", "b1"]),
    ("an answered message renews", "a1 b1 a2 c1 a1? a1! d1", [*["in"] * 4, "b1"]),
    ("what was no message renews nothing", "a1 b1 a2 c1 a1- a1+ d1", [*["in"] * 4, "a1"]),
    ("who waits for an answer keeps its seat", "a1 b1 a2 c1 a1? d1", [*["in"] * 4, "b1"]),
    ("who waits for an answer keeps its seat among its own", "a1 a2 a1? a3 a4", ["in", "in", "a2", "a3"]),
    ("all wait for answers: away", "a1 b1 a2 c1 a1? b1? a2? c1? d1", [*["in"] * 4, "away"]),
    ("who has its share, all of it at work, takes nobody else's", "b1 a1 a2 a1? a2? a3", ["in", "in", "in", "away"]),
    ("a frame just begun keeps its seat", "a1 b1 a2 c1 a1- b1- a2- c1- d1", [*["in"] * 4, "away"]),
    ("half a frame for long does not", "a1 b1 a2 c1 a1- b1- a2- c1- +3 d1", [*["in"] * 4, "a1"]),
    ("who is idle gives way before half a frame", "a1 b1 a2 c1 a1- +9 d1", [*["in"] * 4, "b1"]),
    ("a seat that was left is free", "a1 b1 a2 c1 a2x d1 d2", [*["in"] * 4, "in", "a1"]),
]


@pytest.mark.parametrize(("story", "came", "got"), STORIES, ids=[r[0] for r in STORIES])
def test_a_seat_is_found(story: str, came: str, got: list[str]) -> None:
    assert Room().play(came) == got


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        (("10.0.0.1", 9), "10.0.0.1"),
        (("::ffff:10.0.0.1", 9, 0, 0), "10.0.0.1"),
        (("2001:db8:1:2::9", 9, 0, 0), "2001:db8:1:2::/64"),
        (("2001:db8:1:2:ffff::1", 9, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 9, 0, 0), "fe80::/64"),
        (None, ""),
        ("", ""),
    ],
)
def test_one_sender_is_one_address(peer: object, address: str) -> None:
    assert sender_of(peer) == address
