"""The corpus of public messages: every one gets a line, and an independent parser reads the same fields."""

from __future__ import annotations

import csv
import os
import re
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import hl7 as oracle
import pytest

from services.intake.hl7.parser import Message, messages
from services.intake.receiving.dry_run import AnyFeed, check

LATER = datetime(2027, 1, 1, tzinfo=UTC)

CORPUS = Path(os.environ.get("STEPDOWN_CORPUS", Path(__file__).resolve().parents[2].parent / "shared" / "corpus"))
pytestmark = pytest.mark.skipif(not (CORPUS / "INDEX.tsv").exists(), reason="no corpus: set STEPDOWN_CORPUS")

FIELDS = [("MSH", 9, 1), ("MSH", 9, 2), ("MSH", 10, 1), ("MSH", 3, 1), ("PID", 3, 1), ("PID", 5, 1), ("PID", 5, 2)]
FIELDS += [("PID", 7, 1), ("PID", 18, 1), ("PV1", 2, 1), ("PV1", 3, 1), ("PV1", 19, 1), ("PV1", 36, 1)]
FIELDS += [("PV1", 44, 1), ("PV1", 45, 1), ("EVN", 2, 1)]


def _indexed() -> list[dict[str, str]]:
    with (CORPUS / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
        return list(csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE))


def _as_indexed(row: dict[str, str], lines: int) -> bool:
    """The index counts the messages of a file, but for one of which it lists only the commonest types."""
    several = re.search(r"multi-message x(\d+)", row["oddities"])
    listed = sum(int(count) for count in re.findall(r" x(\d+)", row["type_trigger(MSH-9)/resourceType"]))
    return lines == int(several[1]) if several else lines >= listed if listed else lines == 1


def test_every_message_of_the_corpus_gets_exactly_one_line() -> None:
    wrong = {}
    for row in _indexed():
        raw = (CORPUS / row["file"]).read_bytes()
        lines = list(check(row["file"], raw, AnyFeed(), LATER))
        assert [line.index for line in lines] == list(range(1, len(lines) + 1))
        assert {line.ack for line in lines} <= {"AA", "AE", "AR"}
        assert all((line.error is None) == (line.ack == "AA") for line in lines)
        if not _as_indexed(row, len(lines)):
            wrong[row["file"]] = len(lines)
    assert wrong == {}


def test_admissions_of_the_corpus_are_taken() -> None:
    rows = [row for row in _indexed() if row["type_trigger(MSH-9)/resourceType"].startswith("ADT^A01^ADT_A01")]
    taken = sum(
        line.ack == "AA" for row in rows for line in check("", (CORPUS / row["file"]).read_bytes(), AnyFeed(), LATER)
    )
    assert len(rows) > 100
    assert taken > 0.9 * len(rows)


def test_an_independent_parser_reads_the_same_fields() -> None:
    compared, differing = 0, []
    for row in _indexed():
        if row["kind"] != "hl7v2":
            continue
        for message in messages((CORPUS / row["file"]).read_bytes()):
            for place, ours, theirs in _both(message):
                compared += 1
                if ours != theirs:
                    differing.append((row["file"], place))
    assert compared > 5_000
    assert differing == []


def _both(message: Message) -> Iterator[tuple[str, str, str]]:
    """Our value and python-hl7's of each field, where it can read the message at all."""
    if any("lower case" in warning for warning in message.warnings):
        return  # it takes pid for another segment than PID
    if message.msh.raw(2) not in {"^~\\&", "^~\\&#"} or any("\\" in segment.line[9:] for segment in message.segments):
        return  # it knows neither short MSH-2 nor broken escapes
    text = "\r".join(segment.line for segment in message.segments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = oracle.parse(text)
    except (oracle.HL7Exception, LookupError, ValueError):
        return
    for name, field, component in FIELDS:
        segment = message.first(name)
        if segment is not None:
            yield f"{name}-{field}.{component}", segment.get(field, component), _theirs(parsed, name, field, component)


def _theirs(parsed: oracle.Message, name: str, field: int, component: int) -> str:
    try:
        return str(parsed.extract_field(name, 1, field, 1, component, 1)).strip()
    except (LookupError, ValueError):
        return ""
