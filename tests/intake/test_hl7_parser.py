"""The quirks of field traffic that the parser survives; none of them is an error."""

from __future__ import annotations

import pytest

from services.intake.hl7.parser import messages
from tests.intake.said import er7, only

PLAIN = er7("A01")
HEAD = b"MSH|^~\\&|A|B|||20260101||ADT^A01|1|P|2.5"


@pytest.mark.parametrize(
    "raw",
    [
        PLAIN,
        PLAIN.replace(b"\r", b"\n"),
        PLAIN.replace(b"\r", b"\r\n"),
        PLAIN.replace(b"\r", b"\n", 2).replace(b"\r", b"\r\n", 1),
        PLAIN.rstrip(b"\r"),
        b"\xef\xbb\xbf" + PLAIN,
        b"\x0b" + PLAIN + b"\x1c\r",
        b"\x0b\r\n  " + PLAIN + b"\x1c",
        b"\r\n\r\n" + PLAIN.replace(b"\r", b"\r\r\n") + b"\n \n",
        PLAIN.replace(b"\r", b"|||\r"),
        b"FHS|^~\\&|X\rBHS|^~\\&|X\r" + PLAIN + b"BTS|1\rFTS|1\r",
        PLAIN.decode().encode("utf-16"),
        PLAIN.replace(b"\r", b"\x00\r"),
    ],
    ids=[
        "CR", "LF", "CRLF", "mixed line ends", "no last terminator", "BOM", "MLLP bytes", "blanks before",
        "blank lines", "trailing separators", "batch", "UTF-16 with BOM", "NUL bytes",
    ],
)  # fmt: skip
def test_line_ends_and_wrappings_do_not_change_what_is_read(raw: bytes) -> None:
    message = only(raw)
    assert [segment.name for segment in message.segments] == ["MSH", "EVN", "PID", "PV1"]
    assert message.warnings == []
    pid, pv1 = message.first("PID"), message.first("PV1")
    assert pid is not None
    assert pv1 is not None
    assert (message.msh.get(9), message.msh.get(9, 2), message.msh.get(10)) == ("ADT", "A01", "C1")
    assert (pid.get(3), pid.get(3, 4), pid.get(3, 5), pid.get(5, 2)) == ("123456", "GH", "MR", "Jane")
    assert (pv1.get(3), pv1.get(19), pv1.get(44), pv1.get(99)) == ("3W", "V1", "", "")


@pytest.mark.parametrize(
    ("mark", "given", "warned"),
    [
        ("|", "^~\\&", False),
        ("|", "^~\\&#", True),
        ("|", "^~\\\\&", True),
        ("|", "^~", True),
        ("@", "~&#\\", True),
        ("#", "!@%*", True),
        ("|", "^&&^", True),
        ("|", "", True),
        ("|", "HELLO", True),
    ],
)
def test_delimiters_come_from_the_header_in_whatever_form(mark: str, given: str, warned: bool) -> None:
    component, repetition = ("^", "~") if not given or given == "HELLO" else (given[0], given[1])
    fields = ["MSH", given, "A", "B", "", "", "2026", "", f"ADT{component}A01", "7", "P"]
    pid = ["PID", "", "", f"1{component}{component}{component}X{repetition}2{component}{component}{component}Y"]
    message = only((mark.join(fields) + "\r" + mark.join(pid)).encode())
    found = message.first("PID")
    assert found is not None
    assert (message.msh.get(9, 2), message.msh.get(10), message.msh.raw(2)) == ("A01", "7", given)
    assert [message.part(one, 4) for one in found.repetitions(3)] == ["X", "Y"]
    assert bool(message.warnings) is warned


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("a\\F\\b", "a|b"),
        ("a\\S\\b\\T\\c\\R\\d\\E\\e", "a^b&c~d\\e"),
        ("x\\X41\\y", "xAy"),
        ("caf\\XC3A9\\", "café"),
        ("\\H\\bold\\N\\", "bold"),
        ("one\\.br\\two", "one\ntwo"),
        ("stray\\", "stray\\"),
        ("a\\b", "a\\b"),
        ("\\Q\\", "\\Q\\"),
        ("\\X4\\", "\\X4\\"),
        ("\\XZZ\\", "\\XZZ\\"),
        ("\\E\\F\\", "\\F\\"),
        ("nul\\X00\\", "nul"),
    ],
)
def test_escapes_are_read_and_broken_ones_stay(sent: str, meant: str) -> None:
    message = only(HEAD + b"||||||UTF-8\rPID|||" + sent.encode() + b"^rest")
    found = message.first("PID")
    assert found is not None
    assert (found.get(3), found.get(3, 2)) == (meant, "rest")


def test_subcomponents_are_told_apart() -> None:
    found = only(HEAD + b"\rPID|||1^^^A&B&C").first("PID")
    assert found is not None
    assert [found.get(3, 4, sub) for sub in (1, 2, 3, 4)] == ["A", "B", "C", ""]
    assert found.get(3, 1, 2) == ""


@pytest.mark.parametrize(
    ("declared", "encoding", "charset", "warned"),
    [
        ("", "utf-8", "utf-8", True),
        ("", "cp1252", "cp1252", True),
        ("UNICODE UTF-8", "utf-8", "utf-8", False),
        ("8859/1", "latin-1", "iso8859-1", False),
        ("8859/15", "iso8859-15", "iso8859-15", False),
        ("UNICODE UTF-8~8859/1", "utf-8", "utf-8", False),
        ("ASCII", "utf-8", "utf-8", True),
        ("UNICODE UTF-8", "latin-1", "cp1252", True),
        ("ISO IR 999", "utf-8", "utf-8", True),
        ("8859/12", "utf-8", "utf-8", True),
    ],
)
def test_the_charset_is_the_declared_one_or_found_and_recorded(
    declared: str, encoding: str, charset: str, warned: bool
) -> None:
    message = only(
        (HEAD + b"||||||").replace(b"P|2.5||||||", b"P|2.5||||||" + declared.encode()) + "\rPID|||é".encode(encoding)
    )
    found = message.first("PID")
    assert found is not None
    assert (found.get(3), message.charset, bool(message.warnings)) == ("é", charset, warned)


def test_a_byte_that_no_charset_has_is_still_read() -> None:
    message = only(HEAD + b"\rPID|||\x81\xff")
    found = message.first("PID")
    assert message.charset == "iso8859-1"
    assert found is not None
    assert found.get(3) == "\x81\xff"


def test_lines_that_are_no_segment_are_counted_and_left_out() -> None:
    message = only(HEAD + b"\rwrapped text\r# note\rPIDX|1\r  PV1||I\rpid|||7\r")
    assert [segment.name for segment in message.segments] == ["MSH", "PV1", "PID"]
    assert message.warnings == [
        "3 lines are no segment",
        "1 line is indented",
        "1 line has a segment name in lower case",
    ]


@pytest.mark.parametrize(
    ("raw", "count"),
    [
        (b"", 0),
        (b"\x0b\x1c\r", 0),
        (b"{}", 0),
        (b"PID|||1\rPV1||I\r", 0),
        (b"FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|1\r", 0),
        (b"MSH", 0),
        (b"MSHX|^~\\&|", 0),
        (b'"MSH|^~\\\\&|A"', 0),
        (b"MSH|", 1),
        (b"MSH|^~", 1),
        (PLAIN + PLAIN + PLAIN, 3),
        (b"BHS|^~\\&\n" + PLAIN.replace(b"\r", b"\n") + b"\n" + PLAIN + b"BTS|2\r", 2),
        (b"\x0b" + PLAIN + b"\x1c\r\x0b" + PLAIN + b"\x1c\r", 2),
    ],
)
def test_every_message_of_a_file_is_found(raw: bytes, count: int) -> None:
    assert len(list(messages(raw))) == count


def test_nothing_of_a_message_shows_when_it_is_printed() -> None:
    message = only(er7("A01", pid={5: "Zebra^Quagga"}))
    assert "Zebra" not in f"{message!r}{message.segments!r}"
