"""Whatever the bytes, no exception but a refusal leaves the parser, and no refusal or warning repeats the message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.intake.hl7.acknowledgements import Outcome, answers, build
from services.intake.hl7.adt import read_adt
from services.intake.hl7.header import header
from services.intake.hl7.model import Refused
from services.intake.hl7.parser import messages
from services.intake.hl7.triggers import TRIGGERS
from services.intake.people.person import told_by
from services.intake.receiving.dry_run import AnyFeed, check
from tests.intake.said import NOW, SITE, er7

MARKER = "ZQXJ"
SYNTAX = [
    "",
    "|",
    "^",
    "~",
    "\\",
    "&",
    '""',
    "\r",
    "\n",
    "\x0b",
    "\x1c",
    "\\X",
    "\\X41\\",
    "MSH|",
    "\rMSH|^~\\&|",
    " ",
    "\x00",
]
VALUES = [MARKER, f"{MARKER}^{MARKER}", "20260105", "99999999999999", "2026-01-05T10:00:00Z", "+2500", "é", "\ufeff"]
BITS = st.one_of(st.sampled_from(SYNTAX), st.sampled_from(VALUES), st.text(max_size=6))
FIELD = st.lists(BITS, max_size=4).map("".join)
FIELDS = st.dictionaries(st.integers(1, 50), FIELD, max_size=6)


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=200).map(lambda tail: b"MSH|^~\\&|" + tail)))
def test_any_bytes_get_an_answer(raw: bytes) -> None:
    for line in check("f", raw, AnyFeed(), NOW):
        assert line.ack in {"AA", "AE", "AR"}
        line.as_json()


@given(
    st.sampled_from(sorted(TRIGGERS)),
    FIELDS.map(lambda fields: {place: text for place, text in fields.items() if place not in {1, 2, 9}}),
    FIELDS,
    FIELDS,
    FIELDS,
    st.lists(st.tuples(st.sampled_from(["MRG", "DG1", "IN1", "PV2", "ZZZ", MARKER]), FIELD), max_size=3),
    st.sampled_from(["utf-8", "latin-1", "utf-16"]),
)
def test_a_mangled_message_is_read_or_refused_without_repeating_it(
    trigger: str,
    msh: dict[int, str],
    evn: dict[int, str],
    pid: dict[int, str],
    pv1: dict[int, str],
    more: list[tuple[str, str]],
    encoding: str,
) -> None:
    lines = tuple(f"{name}|1|{text}|{text}|{text}" for name, text in more)
    text = er7(trigger, msh=msh, evn=evn, pid={**pid, 40: MARKER}, pv1=pv1, more=(*lines, MARKER)).decode()
    for message in messages(text.encode(encoding, "replace")):
        told_by(message)
        head = header(message)
        try:
            adt = read_adt(message, head, SITE, NOW)
            outcome, shown = Outcome("AA"), f"{adt!r}{adt.warnings}"
        except Refused as refused:
            outcome, shown = (
                Outcome(refused.ack, refused.fault),
                f"{refused!r}{refused}{refused.fault}{message.warnings}",
            )
        assert MARKER not in shown
        for code in answers(head, outcome):
            if code is not None:
                assert build(head, code, outcome.fault, at=NOW, control_id="R").startswith(b"MSH")


@given(st.data())
def test_a_message_cut_and_spliced_anywhere_gets_an_answer(data: st.DataObject) -> None:
    raw = er7("A01", pid={5: MARKER + "^" + MARKER}, more=("DG1|1||F33.2^x^I10", "IN1|1|A|B"))
    begin = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(begin, len(raw)))
    spliced = raw[:begin] + data.draw(st.binary(max_size=8)) + raw[end:]
    for line in check("f", spliced, AnyFeed(), NOW):
        told = (line.warnings, line.error)
        assert MARKER not in str(told)
