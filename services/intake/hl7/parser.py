"""Parses HL7 v2 messages from bytes: segments, fields, repetitions, components. It tolerates what hospitals get wrong.

Sources: HL7 v2.5.1 chapter 2 (2.5 delimiters, 2.7 escapes, 2.10.3 batches); and what hospitals send: half of all
files end segments in LF, MSH-2 has 2 to 5 characters, text is wrapped, batches and several messages share a file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from services.intake.hl7.charsets import decode, is_wide, widen
from services.intake.hl7.components import COMPONENTS
from services.intake.hl7.delimiters import delimiters

NULL = '""'
"""The explicit null: remove what is stored (HL7 v2.5.1 2.5.3)."""

_FRAME_MARKS = "\x0b\x1c"
"""They end a line, as CR does; empty lines are nothing."""
_BREAK_BYTES = re.compile(rb"[\r\n\x0b\x1c]")
_CONTINUES = re.compile(rb"[\r\n]+DSC[!-/:-@\[-`{-~]([A-Za-z0-9._-]+)[^\r\n]*[\s\x1c\x0b]*\Z")
"""A DSC segment at the end of a message, and its continuation pointer."""
_MARK = re.compile(rb"[!-/:-@\[-`{-~]")
_BLANKS = " \t\n\ufeff\x00"
_USUAL = frozenset(name for name, _ in COMPONENTS) | {"DG1", "IN1"}
"""Names of segments that need no looking at."""
_ENVELOPE = frozenset({"FHS", "BHS", "BTS", "FTS"})
_NEVER = "\x00"
"""Stands for a delimiter that the sender does not use: it is taken out of every text, so nothing is split at it."""
_BEGIN_A_LINE = _USUAL | {"PD1", "NK1", "OBX", "AL1", "PR1", "ROL", "GT1", "IN2", "IN3", "ACC", "MRG", "NTE", "ZBE"}
"""Segments of ADT messages: what begins with such a name is a line also where LF ends it and CR ended others."""
_STRAY, _WRAPPED, _INDENTED, _LOWER = 1, 2, 3, 4
_ODD_LINES = (
    ("is no segment", "are no segment"),
    ("is no segment and belongs to the one before", "are no segments and belong to those before"),
    ("is indented", "are indented"),
    ("has a segment name in lower case", "have segment names in lower case"),
)
"""What is told of lines of the kinds 1 to 4: of one, of several."""


@dataclass(slots=True, eq=False, repr=False)
class Segment:
    """One line. Fields are counted from 1 as in the standard (MSH-1 is the field separator)."""

    name: str
    line: str
    fields: list[str]
    """Each field as sent, by its number; number 0 is the segment's name."""
    message: Message

    def raw(self, field: int) -> str:
        """The field as sent, all repetitions, nothing unescaped; "" where there is none."""
        return self.fields[field] if field < len(self.fields) else ""

    def raw_to(self, last: int) -> list[str]:
        """The fields as sent up to this one at least, by their numbers; "" where there is none."""
        return self.fields + [""] * (last + 1 - len(self.fields))

    def get(self, field: int, component: int = 1, sub: int = 1) -> str:
        """One subcomponent of the first repetition, unescaped and trimmed; "" where there is none."""
        raw = self.fields[field] if field < len(self.fields) else ""
        if raw.isalnum():  # no delimiter is: the shortest way for most fields
            return raw if component == sub == 1 else ""
        return self.message.part(raw.split(self.message.repetition, 1)[0], component, sub) if raw else ""

    def texts(self, *fields: int) -> list[str]:
        """The first component of each of these fields, as `get` reads one."""
        raws, own, last = [], self.fields, len(self.fields)
        for field in fields:
            raw = own[field] if field < last else ""
            raws.append(raw)
        return self.message.firsts(raws)

    def repetitions(self, field: int) -> list[str]:
        """The repetitions of a field as sent; none for an empty field."""
        raw = self.fields[field] if field < len(self.fields) else ""
        if not raw:
            return []
        return [raw] if self.name == "MSH" and field == 2 else raw.split(self.message.repetition)

    def rows(self, field: int, width: int) -> list[list[str]]:
        """Every repetition of a field as its first `width` components, each its first subcomponent, unescaped and
        trimmed; "" where there is none. No rows for an empty field."""
        raw = self.fields[field] if field < len(self.fields) else ""
        if not raw:
            return []
        found, message, padding = [], self.message, [""] * width
        for each in raw.split(message.repetition):
            components = each.split(message.marks.component, width) + padding
            found.append(message.firsts(components[:width]))
        return found

    def components(self, field: int) -> list[str]:
        """The components of the first repetition, each its first subcomponent, unescaped and trimmed."""
        raw = self.fields[field] if field < len(self.fields) else ""
        message = self.message
        return message.firsts(raw.split(message.repetition, 1)[0].split(message.marks.component)) if raw else []

    def __repr__(self) -> str:
        return f"<Segment {self.name}>"


class Message:
    """One message: its segments in order, the charset it was read in, and what was odd about it.

    `texts` has the components of `COMPONENTS` that were sent, by name, each as `get` reads it; `body` is the text of
    the segments with a CR between two. `warnings` are sentences about lines and fields, never with a value of one.
    """

    __slots__ = (
        "_by_name", "_delimiters", "body", "charset", "marks", "msh", "repetition", "segments", "texts", "warnings",
    )  # fmt: skip

    def __init__(self, raw: bytes, charset: str = "") -> None:
        """`charset`: what the door was told of it beside the message, if anything."""
        head = _BREAK_BYTES.split(raw, maxsplit=1)[0]
        text, self.charset, odd = decode(raw, _msh18(head), charset)
        for ending in _FRAME_MARKS:
            text = text.replace(ending, "\r")
        lines, wrapped = _lines(text.replace(_NEVER, ""))
        self.warnings: list[str] = [odd] if odd else []
        mark = lines[0][3]
        self.marks, odd = delimiters(mark, lines[0][4:].split(mark, 1)[0])
        if odd:
            self.warnings.append(odd)
        self.repetition = self.marks.repetition or _NEVER
        """What to split repetitions at: the sender's delimiter, or a character that no text has."""
        marks = self.marks
        self._delimiters = (self.repetition, marks.component, marks.sub or _NEVER, marks.escape or _NEVER)
        self.segments: list[Segment] = []
        self._by_name: dict[str, list[Segment]] = {}
        self.body = self._read(lines, wrapped=wrapped)
        self.msh = self._by_name["MSH"][0]
        """The header, which every message has."""
        self.texts = self._read_components()

    def first(self, name: str) -> Segment | None:
        """The first segment of that name, or None."""
        found = self._by_name.get(name)
        return found[0] if found else None

    def all(self, name: str) -> list[Segment]:
        """Every segment of that name, in order."""
        return self._by_name.get(name, [])

    def by_patient(self) -> list[bytes]:
        """The message as one for each PID segment: with the segments before the first PID, and those from this one to
        the next. It is encoded in its own charset."""
        starts = [place for place, one in enumerate(self.segments) if one.name == "PID"]
        if len(starts) < 2:
            return [self.body.encode(self.charset, "replace")]
        lines = [one.line for one in self.segments]
        groups = [lines[begun:end] for begun, end in zip(starts, [*starts[1:], None], strict=True)]
        return ["\r".join(lines[: starts[0]] + group).encode(self.charset, "replace") for group in groups]

    def get(self, name: str, field: int) -> str:
        """The first component of a field of the first segment of that name; "" where there is none."""
        found = self._by_name.get(name)
        return found[0].get(field) if found else ""

    def firsts(self, raws: Iterable[str]) -> list[str]:
        """The first part of each text as sent (repetition, component and subcomponent), unescaped and trimmed."""
        repetition, component, sub, escape = self._delimiters
        found = []
        for raw in raws:
            text = raw
            if text and not text.isalnum():  # most are, and have no delimiter
                if repetition in text:
                    text = text.split(repetition, 1)[0]
                if component in text:
                    text = text.split(component, 1)[0]
                if sub in text:
                    text = text.split(sub, 1)[0]
                text = (self.unescape(text) if escape in text else text).strip()
            found.append(text)
        return found

    def part(self, repetition: str, component: int = 1, sub: int = 1) -> str:
        """One subcomponent of a repetition, unescaped and trimmed; "" where there is none."""
        _, mark, sub_mark, escape = self._delimiters
        parts = repetition.split(mark, component)
        subs = parts[component - 1].split(sub_mark, sub) if len(parts) >= component else []
        text = subs[sub - 1] if len(subs) >= sub else ""
        return (self.unescape(text) if escape in text else text).strip()

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

    def _read_components(self) -> dict[str, str]:
        texts: dict[str, str] = {}
        more: dict[str, str] = {}  # what has a delimiter, or may have one
        for name, components in COMPONENTS:
            found = self._by_name.get(name)
            fields = found[0].fields if found else ()
            last, split, parts = len(fields), 0, list[str]()
            for place, field, component in components:
                if field >= last:
                    break  # they are in the order of the fields
                raw = fields[field]
                if not raw:
                    continue
                if component > 1:
                    if split != field:
                        split, parts = field, raw.split(self.repetition, 1)[0].split(self.marks.component)
                    raw = parts[component - 1] if len(parts) >= component else ""
                if raw.isalnum():
                    texts[place] = raw
                elif raw:
                    more[place] = raw
        texts.update(zip(more, self.firsts(more.values()), strict=True))
        return texts

    def _read(self, lines: list[str], *, wrapped: bool) -> str:
        """Make the segments of these lines; returns the text of all segments. `wrapped`: a line that is no segment
        belongs to the one before."""
        odd = [0] * (len(_ODD_LINES) + 1)
        mark, body, last = self.marks.field, list[str](), None
        for line in lines:
            bare = line.strip(_BLANKS)
            if not bare:
                continue
            fields = bare.split(mark)
            name = fields[0]
            if name not in _USUAL:
                if name == "ADD" or not _is_name(name, alone=len(fields) == 1):
                    odd[_put_on(last, fields, body, wrapped=wrapped)] += 1
                    continue
                odd[_LOWER] += not name.isupper()
                name = name.upper()
            odd[_INDENTED] += line[0] != bare[0]
            if name == "MSH":
                fields.insert(1, mark)
            last = None
            if name not in _ENVELOPE:
                last = Segment(name, bare, fields, self)
                self.segments.append(last)
                if name in self._by_name:
                    self._by_name[name].append(last)
                else:
                    self._by_name[name] = [last]
                body.append(bare)
        self._warn(odd)
        return "\r".join(body)

    def _warn(self, odd: list[int]) -> None:
        """Warn of odd lines: how many there are of each kind."""
        if any(odd[1:]):
            for count, (one, several) in zip(odd[1:], _ODD_LINES, strict=True):
                if count:
                    self.warnings.append(f"1 line {one}" if count == 1 else f"{count} lines {several}")

    def __repr__(self) -> str:
        return f"<Message of {len(self.segments)} segments>"


def messages(raw: bytes, charset: str = "") -> Iterator[Message]:
    """Every message in a file or frame, in order: none where no line begins with MSH and a delimiter. `charset`: what
    the door was told of it beside the bytes, if anything.

    A byte order mark, MLLP bytes, blanks, and the headers and trailers of batches (FHS, BHS, BTS, FTS) are skipped.
    """
    told = "utf-8" if is_wide(raw) else charset
    return (Message(piece, told) for piece in pieces(raw))


def pieces(raw: bytes) -> list[bytes]:
    """The bytes of every message in a file or frame, from its MSH to the next one's.

    Where one ends in DSC, and MSH-14 of the next names the same continuation, both are one (HL7 v2.5.1 2.10.2).
    """
    raw = widen(raw)
    starts: list[int] = []
    at = raw.find(b"MSH")
    while at >= 0:
        if _MARK.match(raw, at + 3) and (at == 0 or _begins_a_line(raw[max(0, at - 64) : at])):
            starts.append(at)
        at = raw.find(b"MSH", at + 3)
    found = [raw[begin:end] for begin, end in zip(starts, [*starts[1:], len(raw)], strict=False)]
    return _put_together(found) if len(found) > 1 and b"DSC" in raw else found


def _lines(text: str) -> tuple[list[str], bool]:
    """The lines of a message, and whether one that is no segment belongs to the one before.

    Where CR ends segments LF is data; else every LF ends a line, as CR does.
    """
    if "\n" not in text:
        return text.split("\r"), False
    text = text.replace("\r\n", "\r")
    if _cr_ends_segments(text):
        return text.split("\r"), False
    return text.replace("\n", "\r").split("\r"), True


def _cr_ends_segments(text: str) -> bool:
    """Whether CR ends the header, and every segment of which none begins after a CR is none after an LF either."""
    lf, cr = text.find("\n"), text.find("\r")
    if lf < 0 or not 0 <= cr < lf:
        return lf < 0
    begins = re.findall(rf"([\r\n])([A-Z][A-Z0-9]{{2}}){re.escape(text[3])}", text)
    after_cr = {name for ending, name in begins if ending == "\r"}
    return not any(name in _BEGIN_A_LINE and name not in after_cr for _, name in begins)


def _is_name(text: str, *, alone: bool) -> bool:
    """Whether a line's first field is the name of a segment; in lower case only where other fields follow it."""
    named = len(text) == 3 and text.isalnum() and text[0].isalpha() and text.isascii()
    return named and (not alone or text.isupper())


def _put_on(last: Segment | None, fields: list[str], body: list[str], *, wrapped: bool) -> int:
    """Put a line that is no segment on to the one before, and return what kind of odd line it is: 0 for ADD, which
    continues the last field and is nothing odd (HL7 v2.5.1 2.10.2)."""
    if fields[0] == "ADD":
        more, between, kind = fields[1:], "", 0
    elif wrapped:
        more, between, kind = fields, "\n", _WRAPPED
    else:
        return _STRAY
    if last is not None and more:
        last.fields[-1] += between + more[0]
        last.fields += more[1:]
        last.line += between + last.message.marks.field.join(more)
        body[-1] = last.line
    return kind


def _put_together(found: list[bytes]) -> list[bytes]:
    """The messages, with those that continue the one before put on to it."""
    whole: list[bytes] = []
    for piece in found:
        end = _CONTINUES.search(whole[-1]) if whole else None
        head, rest = (*_BREAK_BYTES.split(piece, maxsplit=1), b"")[:2]
        if end and end[1] and end[1] == b"".join(head.split(head[3:4])[13:14]):
            whole[-1] = whole[-1][: end.start()] + b"\r" + rest
        else:
            whole.append(piece)
    return whole


def _msh18(head: bytes) -> str:
    fields = head.split(head[3:4])
    return re.split(rb"[~^]", fields[17], maxsplit=1)[0].decode("latin-1") if len(fields) > 17 else ""


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
