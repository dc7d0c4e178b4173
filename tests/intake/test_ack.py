"""Acknowledgements: which ones, and their bytes."""

from __future__ import annotations

import pytest

from services.intake.hl7.acknowledgements import NOT_HL7, Outcome, answers, build
from services.intake.hl7.header import Header, header
from services.intake.hl7.model import Fault
from tests.intake.said import NOW, er7, only

NO_ID = Fault(101, "MSH", 10, "the message has no control id")
NO_PID = Fault(100, "PID", 0, "the message has no PID segment")
AA, AE, AR = Outcome("AA"), Outcome("AE", NO_PID), Outcome("AR", Fault(201, "MSH", 9, "this trigger is not taken here"))
AE_NO_ID = Outcome("AE", NO_ID)


@pytest.mark.parametrize(
    ("accept", "application", "outcome", "commit", "answer"),
    [
        ("", "", AA, None, "AA"),
        ("", "", AE, None, "AE"),
        ("", "", AR, None, "AR"),
        ("AL", "AL", AA, "CA", "AA"),
        ("AL", "AL", AE, "CA", "AE"),
        ("AL", "AL", AE_NO_ID, "CE", None),
        ("AL", "AL", AR, "CR", None),
        ("AL", "NE", AA, "CA", None),
        ("AL", "", AA, "CA", None),
        ("NE", "AL", AA, None, "AA"),
        ("", "AL", AA, None, "AA"),
        ("NE", "AL", AR, None, "AR"),
        ("NE", "NE", AA, None, None),
        ("NE", "NE", AR, None, None),
        ("ER", "AL", AA, None, "AA"),
        ("ER", "AL", AR, "CR", None),
        ("ER", "NE", AE_NO_ID, "CE", None),
        ("SU", "AL", AR, None, "AR"),
        ("SU", "ER", AA, "CA", None),
        ("AL", "ER", AE, "CA", "AE"),
        ("AL", "SU", AE, "CA", None),
        ("AL", "SU", AA, "CA", "AA"),
        ("XX", "NE", AA, "CA", None),
    ],
)
def test_the_conditions_decide_which_answers_are_sent(
    accept: str, application: str, outcome: Outcome, commit: str | None, answer: str | None
) -> None:
    assert answers(Header(accept=accept, application=application), outcome) == (commit, answer)


def test_an_answer_mirrors_the_header_and_nothing_else() -> None:
    raw = er7("A01", control_id="MSG7", msh={3: "EPIC^1", 5: "STEPDOWN", 6: "SD"}, pid={5: "Zebra^Quagga"})
    sent = build(header(only(raw)), "AA", None, at=NOW, control_id="R1")
    assert sent == (
        b"MSH|^~\\&|STEPDOWN|SD|EPIC^1|GOODHEALTH|20260301120000+0000||ACK^A01^ACK|R1|P|2.5.1\rMSA|AA|MSG7\r"
    )


def test_a_refusal_says_where_and_why_in_err() -> None:
    sent = build(
        header(only(er7("A01"))), "AE", Fault(102, "PV1", 44, "a required time is unreadable"), at=NOW, control_id="R"
    )
    assert sent.split(b"\r")[2] == (b"ERR||PV1^1^44|102^Data type error^HL70357|E||||a required time is unreadable")


@pytest.mark.parametrize(
    ("fault", "location"),
    [
        (Fault(200, "MSH", 9, "x"), b"MSH^1^9^1^1"),
        (Fault(201, "MSH", 9, "x"), b"MSH^1^9^1^2"),
        (Fault(202, "MSH", 11, "x"), b"MSH^1^11"),
        (NO_PID, b"PID^1"),
    ],
)
def test_the_location_of_an_error_is_as_the_standard_writes_it(fault: Fault, location: bytes) -> None:
    sent = build(Header(), "AR", fault, at=NOW, control_id="R")
    assert sent.split(b"\r")[2].split(b"|")[2] == location


def test_what_is_not_hl7_gets_an_answer_too() -> None:
    sent = build(Header(), "AR", NOT_HL7, at=NOW, control_id="R1")
    assert sent.startswith(b"MSH|^~\\&|||||20260301120000+0000||ACK|R1|P|2.5.1\rMSA|AR|\rERR||MSH^1|100^")


def test_an_answer_is_in_the_senders_delimiters_and_charset() -> None:
    raw = "MSH#!@%*#APP#É#RECV#FAC#2026##ADT!A01#Ü7#P#2.3######8859/1\r".encode("latin-1")
    sent = build(header(only(raw)), "AR", Fault(202, "MSH", 11, "no # here"), at=NOW, control_id="R1")
    assert sent == (
        "MSH#!@%*#RECV#FAC#APP#É#20260301120000+0000##ACK!A01!ACK#R1#P#2.3######8859/1\rMSA#AR#Ü7\r"
        "ERR##MSH!1!11#202!Unsupported processing id!HL70357#E####no   here\r"
    ).encode("latin-1")


@pytest.mark.parametrize("trigger", ["", "A1", "A01X", "<b>"])
def test_an_odd_trigger_is_not_repeated(trigger: str) -> None:
    sent = build(header(only(er7(trigger))), "AR", AR.fault, at=NOW, control_id="R1")
    assert b"|ACK|" in sent


def test_an_answer_can_be_read_again() -> None:
    sent = build(header(only(er7("A03", control_id="A\\T\\B"))), "AA", None, at=NOW, control_id="R1")
    message = only(sent)
    found = message.first("MSA")
    assert found is not None
    assert (message.msh.get(9), message.msh.get(9, 2), found.get(1), found.get(2)) == ("ACK", "A03", "AA", "A&B")
