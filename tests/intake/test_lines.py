"""Where segments end: line feeds within fields, wrapped lines, continued segments and messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.hl7.parser import Message, messages
from tests.intake.said import er7, only

BEFORE, AFTER = b"MSH|^~\\&|A|B|||20260101||ADT^A01|1|P|2.5", b"PV1|1|I|3W||||%s||||||||||||V7"
DOCTOR = b"123^DOE\nSECOND LINE^A"


def lines(*segments: bytes, ending: bytes = b"\r") -> bytes:
    """Segments with this ending."""
    return b"".join(segment + ending for segment in segments)


def visit_of(message: Message) -> tuple[str, str, list[str]]:
    """PV1-3, PV1-19, and the names of the segments."""
    return message.get("PV1", 3), message.get("PV1", 19), [segment.name for segment in message.segments]


WHOLE = ("3W", "V7", ["MSH", "PV1", "DG1"])


@pytest.mark.parametrize(
    "raw",
    [
        lines(BEFORE, AFTER % b"DOE", b"DG1|1"),
        lines(BEFORE, AFTER % DOCTOR, b"DG1|1"),
        lines(BEFORE, AFTER % DOCTOR, b"DG1|1", ending=b"\r\n"),
        lines(BEFORE, AFTER % DOCTOR, b"DG1|1", ending=b"\n"),
        lines(BEFORE, AFTER % b"DOE\nPV1", b"DG1|1"),
        lines(BEFORE, AFTER % b"DOE\nEND", b"DG1|1"),
        lines(BEFORE, AFTER % b"DOE", b"DG1|1").replace(b"\r", b"\r\r\n\n"),
        lines(BEFORE, AFTER % b"DOE", b"DG1|1").replace(b"\rDG1", b"\nDG1"),
        lines(BEFORE, b"PV1|1|I|3W||||DO", b"ADD|E||||||||||||V", b"ADD|7", b"DG1|1"),
        lines(BEFORE, b"PV1|1|I|3W||||DO", b"ADD|E||||||||||||V", b"ADD|7", b"DG1|1", ending=b"\n"),
        lines(BEFORE, b"PV1|1|I|3W||||DO", b"ADD|", b"DSC|P1|F")
        + lines(BEFORE + b"||P1", b"ADD|E||||||||||||V7", b"DG1|1"),
    ],
    ids=[
        "as it should be", "LF in a field, CR", "LF in a field, CRLF", "a wrapped line, LF",
        "a segment's name in a field",
        "a segment's form in a field", "blank lines", "one LF among CR", "ADD", "ADD between LF", "DSC",
    ],
)  # fmt: skip
def test_a_segment_is_read_whole(raw: bytes) -> None:
    found = list(messages(raw))
    assert len(found) == 1
    assert visit_of(found[0]) == WHOLE


def test_where_lf_ends_segments_a_wrapped_line_belongs_to_the_one_before_and_is_told() -> None:
    message = only(lines(BEFORE, b"NTE|1||page one", b"and two", b"the end", ending=b"\n"))
    assert message.first("NTE").raw(3) == "page one\nand two\nthe end"  # type: ignore[union-attr]
    assert message.warnings == ["2 lines are no segments and belong to those before"]


def test_a_continuation_without_its_beginning_is_a_message_of_its_own() -> None:
    found = list(messages(lines(BEFORE, b"PV1|1", b"DSC|P1|F") + lines(BEFORE + b"||P2", b"ADD|x")))
    assert len(found) == 2


@given(st.lists(st.text(alphabet="ab |^\\n", min_size=1, max_size=8), min_size=1, max_size=4))
def test_however_a_message_is_cut_by_add_it_says_the_same(parts: list[str]) -> None:
    whole = only(lines(BEFORE, ("NTE|1||" + "".join(parts).strip()).encode()))
    first, *rest = (part.encode() for part in parts)
    cut = only(lines(BEFORE, b"NTE|1||" + first, *(b"ADD|" + part for part in rest)))
    squeezed = "".join(cut.first("NTE").raw(3).split())  # type: ignore[union-attr]
    assert squeezed == "".join(whole.first("NTE").raw(3).split())  # type: ignore[union-attr]


@given(st.lists(st.sampled_from(["x", "\n", "PV1", "|", "END|", "^", "é"]), max_size=12).map("".join))
def test_where_cr_ends_segments_no_text_of_a_field_makes_another_segment(text: str) -> None:
    field = text.replace("|", "")
    raw = er7("A01", pv1={7: f"1^{field}"}, more=("DG1|1||F33.2",))
    message = only(raw)
    assert [segment.name for segment in message.segments] == ["MSH", "EVN", "PID", "PV1", "DG1"]
    assert message.get("PV1", 19) == "V1"


@pytest.mark.parametrize(("msh_2", "authority"), [("^~&", "GH"), ("^~\\", "GH"), ("^~\\&", "GH"), ("^~\\&#", "GH")])
def test_an_authority_of_three_parts_is_read_where_msh_2_has_three_marks(msh_2: str, authority: str) -> None:
    found = only(er7("A01", msh={2: msh_2}, pid={3: "7^^^GH&1.2.3&ISO^MR"})).first("PID")
    assert found is not None
    assert (found.get(3), found.get(3, 4), found.get(3, 4, 2)) == ("7", authority, "1.2.3")


@pytest.mark.parametrize("msh_18", ["8859/1", "ASCII", ""])
def test_utf_16_is_known_by_its_form_whatever_msh_18_says(msh_18: str) -> None:
    raw = er7("A01", pid={5: "Müller"}, msh={18: msh_18}).decode()
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        (message,) = messages(raw.encode(encoding))
        assert (message.get("PID", 5), message.charset) == ("Müller", "utf-8")


@pytest.mark.parametrize(
    ("told", "sent", "charset", "warned"),
    [
        ("iso-8859-1", "iso8859-1", "iso8859-1", False),
        ("UTF-8", "utf-8", "utf-8", False),
        ("windows-1252", "cp1252", "cp1252", False),
        ("utf-16", "utf-16", "utf-8", False),
        ("utf-16le", "utf-16-le", "utf-8", False),
        ("utf-8", "cp1252", "cp1252", True),
        ("us-ascii", "utf-8", "utf-8", True),
        ("no-such-thing", "utf-8", "utf-8", True),
        ("", "utf-8", "utf-8", True),
    ],
)
def test_the_charset_told_beside_a_message_counts_first(told: str, sent: str, charset: str, warned: bool) -> None:
    raw = er7("A01", pid={5: "Müller"}).decode().encode(sent)
    (message,) = messages(raw, told)
    assert (message.get("PID", 5), message.charset, bool(message.warnings)) == ("Müller", charset, warned)
