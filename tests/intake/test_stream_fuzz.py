"""Framer and reader together: whatever comes over a connection, every frame is answered, in its order, none is lost."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from services.intake.hl7.frames import Framer
from services.intake.hl7.mapping import SiteRules
from services.intake.hl7.parser import messages
from services.intake.receiving.read import Received, read, together
from shared.site import config
from shared.storage.sealing import Seal
from tests.intake.conftest import NOW
from tests.intake.said import er7

RULES, SEAL = SiteRules(config.load(config.SAMPLE)), Seal({"k1": bytes(32)})
TRIGGERS = ["A01", "A02", "A03", "A04", "A08", "A11", "A13", "A31", "A40", "A99", ""]
NOT_MARKS = st.binary(max_size=40).map(lambda raw: raw.replace(b"\x0b", b"").replace(b"\x1c", b""))
BITS = st.sampled_from([b"|", b"^", b"~", b"\\", b"&", b'""', b"\r", b"\n", b"\x00", b"\xff", b"MSH|", b"\rMSH|^~\\&|"])


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """A message, a message with bytes put in or taken out, several of them, or anything but VT and FS."""
    if draw(st.integers(0, 3)) == 0:
        return draw(NOT_MARKS)
    raw = b"".join(er7(draw(st.sampled_from(TRIGGERS))) for _ in range(draw(st.integers(1, 2))))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(st.one_of(BITS, NOT_MARKS)) + raw[at + draw(st.integers(0, 6)) :]
    return raw


WRAPPED = st.tuples(
    st.sampled_from([b"", b"\r\n", b"junk", b"\x0bbroken off", b"MSH|^~\\&|no VT"]),
    payloads(),
    st.sampled_from([b"\x1c\r", b"\x1c", b"\x1c\r\n"]),
)


@given(sent=st.lists(WRAPPED, max_size=5), cuts=st.lists(st.integers(0, 4000), max_size=6))
def test_every_frame_of_a_connection_is_answered_in_its_order(
    sent: list[tuple[bytes, bytes, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(before + b"\x0b" + payload + after for before, payload, after in sent)
    at = sorted({cut % (len(stream) + 1) for cut in cuts} | {0, len(stream)})
    framer = Framer(1 << 20)
    frames = [frame for begin, end in itertools.pairwise(at) for frame in framer.feed(stream[begin:end])]
    assert frames == [payload for _, payload, _ in sent]
    for frame in frames:
        letters = read(Received(frame, "mllp", NOW), RULES, SEAL, 2000)
        assert len(letters) == max(1, len(list(messages(frame))))
        assert all(letter.replies or letter.head.accept or letter.head.application for letter in letters)
        assert all(letter.sealed for letter in letters if letter.stored)
        assert all(reply.startswith(b"MSH") for reply in together(letters).replies)


@given(
    parts=st.lists(st.one_of(BITS, st.sampled_from([b"\x0b", b"\x1c", b"\x1c\r"]), st.binary(max_size=30)), max_size=30)
)
def test_any_bytes_at_all_raise_nothing(parts: list[bytes]) -> None:
    framer = Framer(1 << 20)
    for frame in (frame for part in parts for frame in framer.feed(part)):
        assert together(read(Received(frame, "mllp", NOW), RULES, SEAL, 2000)).code in {"AA", "AE", "AR"}
