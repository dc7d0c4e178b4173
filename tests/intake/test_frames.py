"""Frames out of a stream of bytes, however it was cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.hl7.frames import Framer, TooLong, framed

LIMIT = 50


def frames(*parts: bytes, limit: int = LIMIT) -> list[bytes]:
    """All frames of a stream that comes in these parts; `TooLong` ends it with a mark of its own."""
    framer, found = Framer(limit), list[bytes]()
    try:
        for part in parts:
            found.extend(framer.feed(part))
    except TooLong:
        found.append(b"<too long>")
    return found


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"\x0bMSH|1\r\x1c\r", [b"MSH|1\r"]),
        (b"\x0bMSH|1\x1c\x0bMSH|2\x1c", [b"MSH|1", b"MSH|2"]),
        (b"\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r", [b"MSH|1", b"MSH|2"]),
        (b"junk\r\n\x0bMSH|1\x1c\r", [b"MSH|1"]),
        (b"\x0bMSH|brok\x0bMSH|1\x1c\r", [b"MSH|1"]),
        (b"\x0b\x1c\r", [b""]),
        (b"MSH|1\x1c\r", [b"MSH|1"]),
        (b"\r\n \r\x1c\r", []),
        (b"\x00\x00\r\n\x00\x1c\r\x00\x0bMSH|1\x1c\r\x00", [b"MSH|1"]),
        (b"\x0bMSH|1\r", []),
        (b"j" * 60 + b"\x0bMSH|1\x1c", [b"MSH|1"]),
        (b"j" * 60 + b"\x1c\x0bMSH|1\x1c", [b"MSH|1"]),
        (b"\x0bMSH|1\x1c\x0b" + b"x" * 51 + b"\x1c\x0bMSH|2\x1c", [b"MSH|1", b"<too long>"]),
        (b"\x0b" + b"x" * 51, [b"<too long>"]),
        (b"\x0b" + b"x" * 50 + b"\x1c", [b"x" * 50]),
    ],
    ids=[
        "one", "two without CR after FS", "two", "junk before VT", "a broken one sent again", "an empty one",
        "without VT", "blanks are no frame",
        "keep-alive bytes are no frame", "not yet whole", "long junk is dropped", "long junk with FS is dropped",
        "one too long after one that is not", "too long before it ends", "just not too long",
    ],
)  # fmt: skip
def test_frames_are_found(stream: bytes, expected: list[bytes]) -> None:
    assert frames(stream) == expected
    assert frames(*(stream[n : n + 1] for n in range(len(stream)))) == expected


PIECES = st.sampled_from([b"\x0b", b"\x1c", b"\r", b"MSH|", b"x" * 17, b"\n", b" ", b"\x1c\r\x0b", b"\xff"])


@given(stream=st.lists(PIECES, max_size=25).map(b"".join), cuts=st.lists(st.integers(0, 200), max_size=8))
def test_any_split_of_the_stream_gives_the_same_frames(stream: bytes, cuts: list[int]) -> None:
    at = sorted({cut % (len(stream) + 1) for cut in cuts} | {0, len(stream)})
    parts = [stream[begin:end] for begin, end in itertools.pairwise(at)]
    assert frames(*parts) == frames(stream)


@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda raw: not {0x0B, 0x1C} & set(raw)), max_size=6))
def test_no_frame_is_lost(sent: list[bytes]) -> None:
    assert frames(*map(framed, sent)) == sent


@pytest.mark.parametrize(
    ("stream", "cut", "waits"),
    [
        (b"\x0bMSH|brok\x0bMSH|1\x1c\r", 1, False),
        (b"\x0bMSH|\x0bMSH|\x0bMSH|", 2, True),
        (b"\x0b\x0b\x0bMSH|1\x1c\r", 0, False),
        (b"log line\r\n\x0bMSH|1\x1c\r", 0, False),
        (b"\x00\x00\r\n \t\x0c", 0, False),
    ],
)
def test_a_frame_whose_end_never_came_is_counted(stream: bytes, cut: int, waits: bool) -> None:
    framer = Framer(LIMIT)
    for byte in stream:
        list(framer.feed(bytes([byte])))
    assert (framer.cut, framer.begun, framer.unfinished) == (cut, waits, waits)
