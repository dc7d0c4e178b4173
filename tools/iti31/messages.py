"""A story's messages as HL7 v2.5.1, with patients and visits whose numbers nobody had before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tools.iti31.stories import Say, Story

AUTHORITY = "GH"
_BORN, _SEX = "19800214", "F"
_MERGES = {
    "A18": "ADT_A18", "A30": "ADT_A30", "A34": "ADT_A30", "A35": "ADT_A30", "A36": "ADT_A30", "A39": "ADT_A39",
    "A40": "ADT_A39", "A41": "ADT_A39", "A42": "ADT_A39", "A43": "ADT_A43", "A44": "ADT_A43", "A45": "ADT_A45",
    "A47": "ADT_A30", "A49": "ADT_A30", "A50": "ADT_A50",
}  # fmt: skip
"""Events with an MRG segment, and their message structure (MSH-9.3)."""
_OF_A_VISIT = frozenset({"A42", "A45", "A50"})
"""Those of them that have a PV1 segment here."""
_LINKS = frozenset({"A24", "A37"})
"""Events of two patients (a PID segment each) and of no visit."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the other side has to be told: MSH-3 to MSH-6 and MSH-11, and its code for each place of the stories."""

    codes: Mapping[str, str]
    application: str = "ADT1"
    facility: str = "GOODHEALTH"
    processing: str = "P"


@dataclass(frozen=True, slots=True)
class Numbers:
    """Gives a story's patients, visits and accounts their numbers: `run` is in each, so that no run meets another."""

    run: str
    numbers: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """The number of a patient (`p1`), a visit (`v1`), an account (`a1`) or a movement (`m1`)."""
        return self.numbers.setdefault(name, f"{self.run}{name.upper()}")

    def name(self, number: str) -> str:
        """Whose number it is; the number itself where it is none of this story."""
        return next((name for name, given in self.numbers.items() if given == number), number)


def written(story: Story, numbers: Numbers, endpoint: Endpoint) -> list[bytes]:
    """The messages of a story, in the order said."""
    for name in names(story):
        numbers.of(name)
    return [_message(say, nth, numbers, endpoint) for nth, say in enumerate(story.says, start=1)]


def names(story: Story) -> set[str]:
    """The patients, visits and accounts of a story."""
    keys = ("patient", "visit", "into", "with", "from", "to", "old-visit", "account", "old-account", "movement")
    said = {say.more[key] for say in story.says for key in keys if key in say.more}
    swapped = {part for say in story.says for part in say.more.get("swap", "").split("/")[:2] if part}
    return {"p1", "v1", *said, *swapped} - {"-"}


def _message(say: Say, nth: int, numbers: Numbers, endpoint: Endpoint) -> bytes:
    more = say.more
    retired = more.get("patient", "p1")
    patient = more.get("into", retired)
    segments = [
        _segment("MSH", {1: "^~\\&", 2: endpoint.application, 3: endpoint.facility, 6: _time(say.at),
                         8: "^".join(filter(None, ("ADT", say.event, _MERGES.get(say.event)))),
                         9: f"{numbers.run}{nth}", 10: endpoint.processing, 11: "2.5.1"}),
        _segment("EVN", {1: say.event, 2: _time(say.at), 6: _time(say.time("evn6"))}),
        *_person(patient, say, numbers, endpoint),
    ]  # fmt: skip
    if "with" in more:
        segments.append(_pid(more["with"], numbers, more))
    if "swap" in more:
        other, visit, place = more["swap"].split("/")
        segments += _person(other, Say(say.event, say.at, place, {"visit": visit}), numbers, endpoint)
    return "".join(f"{each}\r" for each in segments).encode()


def _person(patient: str, say: Say, numbers: Numbers, endpoint: Endpoint) -> Iterable[str]:
    """PID, and what goes with it: MRG, PV1, PV2, ZBE."""
    more = say.more
    yield _pid(patient, numbers, more)
    if say.event in _MERGES:
        fields = {1: _number(numbers.of(more.get("patient", "p1")))}
        if "from" in more:
            fields[4] = _number(numbers.of(more["from"]))
        if "old-account" in more:
            fields[3] = numbers.of(more["old-account"])
        if "old-visit" in more:
            fields[5] = numbers.of(more["old-visit"])
        yield _segment("MRG", fields)
    if say.event in _LINKS or say.event in _MERGES.keys() - _OF_A_VISIT:
        return
    if say.event not in _MERGES and "old-visit" in more:
        yield _segment("MRG", {1: _number(numbers.of(patient)), 5: numbers.of(more["old-visit"])})
    yield _visit(say, numbers, endpoint)
    if "expected" in more or "leaves" in more:
        yield _segment("PV2", {8: _time(say.time("expected")), 9: _time(say.time("leaves"))})
    if "movement" in more:
        moved = _time(say.time("moved") or say.at)
        fields = {1: numbers.of(more["movement"]), 2: moved, 4: more["action"], 5: more.get("historic", "N")}
        if "changed" in more:
            fields[6] = more["changed"]
        yield _segment("ZBE", fields)


def _pid(patient: str, numbers: Numbers, more: Mapping[str, str]) -> str:
    number = numbers.of(patient)
    account = numbers.of(more["account"]) if "account" in more else ""
    to = _number(numbers.of(more["to"])) if "to" in more else ""
    return _segment("PID", {2: to, 3: _number(number), 5: f"{number}^STORY", 7: _BORN, 8: _SEX, 18: account})


def _visit(say: Say, numbers: Numbers, endpoint: Endpoint) -> str:
    more, visit = say.more, say.more.get("visit", "v1")
    begun = say.time("begun") or (say.at if say.event in {"A01", "A04"} else None)
    ended = say.time("ended") or (say.at if say.event == "A03" else None)
    place = endpoint.codes[say.place] if say.place else ""
    fields = {
        2: more.get("class", "I"),
        3: place and f"{place}^^^{endpoint.facility}",
        7: more.get("attending", ""),
        19: "" if visit == "-" else numbers.of(visit),
        44: _time(begun),
        45: _time(ended),
    }
    return _segment("PV1", fields)


def _number(number: str) -> str:
    return f"{number}^^^{AUTHORITY}^MR"


def _segment(name: str, fields: Mapping[int, str]) -> str:
    """A segment with these fields, counted from 1; those of MSH from MSH-2 on."""
    last = max((place for place, text in fields.items() if text), default=0)
    return "|".join([name, *(fields.get(place, "") for place in range(1, last + 1))])


def _time(at: datetime | None) -> str:
    return f"{at:%Y%m%d%H%M%S}" if at else ""
