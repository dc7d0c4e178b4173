"""Bytes to HL7 v2 messages, tolerant and lazy: lines, delimiters, fields; knows no meaning of a field.

Sources: HL7 v2.5.1 chapter 2 (2.5 delimiters, 2.7 escapes, 2.10.3 batches); and what hospitals send: half of all
files end segments in LF, MSH-2 has 2 to 5 characters, text is wrapped, batches and several messages share a file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import lru_cache

from services.intake.hl7.charsets import decode, widen
from services.intake.hl7.delimiters import delimiters

NULL = '""'
"""The explicit null: remove what is stored (HL7 v2.5.1 2.5.3)."""

_BREAKS = re.compile(r"[\r\n\x0b\x1c]+")
_BREAK_BYTES = re.compile(rb"[\r\n\x0b\x1c]")
_MARK = re.compile(rb"[!-/:-@\[-`{-~]")
_BLANKS = " \t\ufeff\x00"
_ENVELOPE = frozenset({"FHS", "BHS", "BTS", "FTS"})


class Segment:
    """One line: fields counted from 1 as in the standard (MSH-1 is the field separator)."""

    __slots__ = ("_fields", "_message", "line", "name")

    def __init__(self, name: str, line: str, message: Message) -> None:
        self.name = name
        self.line = line
        self._message = message
        self._fields: list[str] | None = None

    def _split(self) -> list[str]:
        fields = self._fields = self.line.split(self._message.marks.field)
        if self.name == "MSH":
            fields.insert(1, self._message.marks.field)
        return fields

    def raw(self, field: int) -> str:
        """The field as sent, all repetitions, nothing unescaped; "" where there is none."""
        fields = self._fields or self._split()
        return fields[field] if field < len(fields) else ""

    def raw_to(self, last: int) -> list[str]:
        """The fields as sent up to this one at least, by their numbers; "" where there is none."""
        fields = self._fields or self._split()
        return fields + [""] * (last + 1 - len(fields))

    def repetitions(self, field: int) -> list[str]:
        """The repetitions of a field as sent; none for an empty field."""
        raw, mark = self.raw(field), self._message.marks.repetition
        if not raw:
            return []
        return raw.split(mark) if mark and not (self.name == "MSH" and field == 2) else [raw]

    def get(self, field: int, component: int = 1, sub: int = 1) -> str:
        """One subcomponent of the first repetition, unescaped and trimmed; "" where there is none."""
        fields = self._fields or self._split()
        raw = fields[field] if field < len(fields) else ""
        if not raw:
            return raw
        if raw.isalnum():  # no delimiter is: the shortest way for most fields
            return raw if component == sub == 1 else ""
        mark = self._message.marks.repetition
        return self._message.part(raw.split(mark, 1)[0] if mark and mark in raw else raw, component, sub)

    def components(self, field: int) -> list[str]:
        """The components of the first repetition, each its first subcomponent, unescaped and trimmed."""
        found = self.repetitions(field)
        return self._message.components(found[0]) if found else []

    def __repr__(self) -> str:
        return f"<Segment {self.name}>"


class Message:
    """One message: its segments in order, the charset it was read in, and what was odd about it.

    `warnings` name lines and fields, never a value.
    """

    __slots__ = ("_by_name", "charset", "marks", "msh", "segments", "warnings")

    def __init__(self, raw: bytes) -> None:
        head = _BREAK_BYTES.split(raw, maxsplit=1)[0]
        text, self.charset, odd = decode(raw, _msh18(head))
        text = text.replace("\x00", "")
        self.warnings: list[str] = [odd] if odd else []
        msh2 = text[4 : _end(text, text[3])]
        self.marks, odd = delimiters(text[3], msh2)
        if odd:
            self.warnings.append(odd)
        self.segments: list[Segment] = []
        self._by_name: dict[str, list[Segment]] = {}
        self._read(text)
        self.msh = self._by_name["MSH"][0]
        """The header, which every message has."""

    def first(self, name: str) -> Segment | None:
        """The first segment of that name, or None."""
        found = self._by_name.get(name)
        return found[0] if found else None

    def all(self, name: str) -> list[Segment]:
        """Every segment of that name, in order."""
        return self._by_name.get(name, [])

    def get(self, name: str, field: int) -> str:
        """The first component of a field of the first segment of that name; "" where there is none."""
        found = self._by_name.get(name)
        return found[0].get(field) if found else ""

    def part(self, repetition: str, component: int = 1, sub: int = 1) -> str:
        """One subcomponent of a repetition, unescaped and trimmed; "" where there is none."""
        mark, text = self.marks.component, repetition
        if mark and mark in text:
            parts = text.split(mark, component)
            text = parts[component - 1] if len(parts) >= component else ""
        elif component != 1:
            return ""
        return text if not text or (sub == 1 and text.isalnum()) else self._plain_part(text, sub)

    def components(self, repetition: str) -> list[str]:
        """Every component of a repetition, each its first subcomponent, unescaped and trimmed."""
        parts = repetition.split(self.marks.component)
        return [part if not part or part.isalnum() else self._plain_part(part, 1) for part in parts]

    def _plain_part(self, text: str, sub: int) -> str:
        marks = self.marks
        if marks.sub and marks.sub in text:
            parts = text.split(marks.sub, sub)
            text = parts[sub - 1] if len(parts) >= sub else ""
        elif sub != 1:
            return ""
        if marks.escape and marks.escape in text:
            text = self.unescape(text)
        return text.strip()

    def unescape(self, text: str) -> str:
        r"""`\F\ \S\ \T\ \R\ \E\ \P\ \Xhh\ \.br\` as what they stand for; what is broken or unknown stays as it is."""
        return _escapes(self.marks.escape).sub(self._plain, text) if self.marks.escape else text

    def _plain(self, found: re.Match[str]) -> str:
        code, marks = found[1], self.marks
        if code[0] == "X":
            return _hex(code[1:], self.charset)
        if code[0] == ".":
            return "\n" if code[1:3] in {"br", "sp"} else ""
        plain = {"F": marks.field, "S": marks.component, "T": marks.sub, "R": marks.repetition, "E": marks.escape}
        return plain.get(code) or ("#" if code == "P" else "")

    def _read(self, text: str) -> None:
        stray = indented = lower = 0
        ends = ("", self.marks.field)
        for line in _BREAKS.split(text):
            bare = line.strip(_BLANKS) if line[:1] in _BLANKS or line[-1:] in _BLANKS else line
            if not bare:
                continue
            name = bare[:3]
            if bare[3:4] not in ends or len(name) < 3 or not (name.isalnum() and name[0].isalpha() and name.isascii()):
                stray += 1
                continue
            indented += line[:1] != bare[:1]
            lower += not name.isupper()
            self._add(name.upper(), bare)
        self._tell("is no segment", "are no segment", stray)
        self._tell("is indented", "are indented", indented)
        self._tell("has a segment name in lower case", "have segment names in lower case", lower)

    def _add(self, name: str, line: str) -> None:
        if name not in _ENVELOPE:
            segment = Segment(name, line, self)
            self.segments.append(segment)
            self._by_name.setdefault(name, []).append(segment)

    def _tell(self, one: str, several: str, count: int) -> None:
        if count:
            self.warnings.append(f"1 line {one}" if count == 1 else f"{count} lines {several}")

    def __repr__(self) -> str:
        return f"<Message of {len(self.segments)} segments>"


def messages(raw: bytes) -> Iterator[Message]:
    """Every message in a file or frame, in order: none where no line begins with MSH and a delimiter.

    A byte order mark, MLLP bytes, blanks, and the headers and trailers of batches (FHS, BHS, BTS, FTS) are skipped.
    """
    return (Message(piece) for piece in pieces(raw))


def pieces(raw: bytes) -> Iterator[bytes]:
    """The bytes of every message in a file or frame, from its MSH to the next one's."""
    raw = widen(raw)
    starts = list(_starts(raw))
    for begin, end in zip(starts, [*starts, len(raw)][1:], strict=True):
        yield raw[begin:end]


def _end(text: str, mark: str) -> int:
    """Where MSH-2 ends: at the next field separator, or with the line."""
    line = _BREAKS.search(text)
    stop = line.start() if line else len(text)
    found = text.find(mark, 4, stop)
    return stop if found < 0 else found


def _msh18(head: bytes) -> str:
    fields = head.split(head[3:4])
    return re.split(rb"[~^]", fields[17], maxsplit=1)[0].decode("latin-1") if len(fields) > 17 else ""


def _starts(raw: bytes) -> Iterator[int]:
    """Where a line begins with MSH and a delimiter."""
    at = raw.find(b"MSH")
    while at >= 0:
        if _MARK.match(raw, at + 3) and _begins_a_line(raw[max(0, at - 64) : at]):
            yield at
        at = raw.find(b"MSH", at + 3)


def _begins_a_line(before: bytes) -> bool:
    before = before.rstrip(b" \t").removesuffix(codecs.BOM_UTF8).rstrip(b" \t")
    return not before or before[-1] in b"\r\n\x0b\x1c"


@lru_cache(maxsize=32)
def _escapes(mark: str) -> re.Pattern[str]:
    e = re.escape(mark)
    return re.compile(rf"{e}([FSTREPHN]|X(?:[0-9A-Fa-f]{{2}})+|\.[a-z]{{2}}[^{e}]{{0,8}}){e}")


def _hex(digits: str, charset: str) -> str:
    raw = bytes.fromhex(digits).replace(b"\x00", b"")
    for codec in (charset, "utf-8"):
        try:
            return raw.decode(codec)
        except ValueError:
            continue
    return raw.decode("latin-1")
