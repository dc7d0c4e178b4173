"""What a row of the attendance sheet says: what is recorded, what somebody says instead, and the request that makes it
so. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple, get_args

import orjson

from services.placement.desk.page.choices import session_of
from services.placement.programs.attendance import AbsenceReason
from services.placement.worklists.views import Line
from shared.site.values import Program

THERE: Final = "there"
"""What is chosen for a patient who came; other choices are why a patient did not, and "" is nothing."""
ABSENCES: Final[tuple[str, ...]] = get_args(AbsenceReason)
FIELDS: Final = ("was", "there", "kind", "minutes", "mode")


class Choice(NamedTuple):
    """What is said of one patient: `there`, THERE, a reason of ABSENCES or "" for nothing; of who was there also what
    was given, for how many minutes and in which mode, as texts of a form."""

    there: str = ""
    kind: str = ""
    minutes: str = ""
    mode: str = ""

    @property
    def text(self) -> str:
        """The choice as one text, to see later whether it is still the same."""
        return "|".join(self)


class Attendee(NamedTuple):
    """One patient of the sheet: the placement, and the session of that day that is recorded, if there is one."""

    placement: Line
    session: Line | None

    @property
    def recorded(self) -> Choice:
        """What is recorded."""
        if self.session is None:
            return Choice()
        told = self.session.content
        if self.session.state == "absent":
            return Choice(str(told["reason"]))
        given: Mapping[str, Any] = next(iter(told.get("services", ())), {})
        minutes = str(given["minutes"]) if given.get("minutes") else ""
        return Choice(THERE, str(given.get("kind", "")), minutes, str(given.get("mode", "")) if given else "")


class Sheet(NamedTuple):
    """Whose day: the program, the day in its facility's zone, the group ("" for the whole program), and the cursor of
    the page of it ("" for the first one)."""

    program: Program
    day: date
    group: str = ""
    cursor: str = ""

    @property
    def session_id(self) -> str:
        """The id of the session that this sheet records of each patient: sent twice it is recorded once."""
        return f"day-{self.day}" + (f"-{self.group}" if self.group else "")

    @property
    def proposed(self) -> Choice:
        """What is proposed for a patient of whom nothing is recorded, once somebody says that the patient was there."""
        first = session_of(self.program, self.day)
        return Choice("", *(first[f"services.0.{name}"] for name in ("kind", "minutes", "mode")))

    def session_among(self, sessions: Sequence[Line]) -> Line | None:
        """The session that a row is about: the sheet's own, else one of that day and group that was told elsewhere."""
        today = [one for one in sessions if one.content["date"] == self.day.isoformat() and one.state != "withdrawn"]
        own = [one for one in today if one.content["session_id"] == self.session_id]
        other = [one for one in today if not self.group or one.content.get("group") in {None, self.group}]
        return next(iter([*own, *other]), None)


def request_of(sheet: Sheet, attendee: Attendee, said: Choice) -> tuple[str, str, bytes]:
    """(path of the write, id in it, body) that makes what is said so: a new session, or the recorded one corrected."""
    body: dict[str, Any] = {"date": sheet.day.isoformat()}
    if said.there == THERE:
        before = attendee.session.content if attendee.session else {}
        group = sheet.group or str(before.get("group", ""))
        body |= {"services": _services(said, before.get("services", ()))} | ({"group": group} if group else {})
    else:
        body |= {"absent": said.there}
    if attendee.session is not None:
        return "/api/sessions/{id}/corrected", attendee.session.id, orjson.dumps(body)
    body |= {"placement_id": attendee.placement.id, "session_id": sheet.session_id}
    return "/api/sessions", "", orjson.dumps(body)


def _services(said: Choice, before: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What was given: the first of what was recorded as it is said now, and the others as they were."""
    first, *others = before or ({},)
    told = {"kind": said.kind, "minutes": said.minutes, "mode": said.mode}
    given = {**first, **{name: text for name, text in told.items() if text}}
    return [*([given] if said.kind else []), *map(dict, others)]


def choices_of(fields: Mapping[str, str], placement_id: str) -> tuple[Choice, str]:
    """What the form says of a patient, and what it showed as recorded."""
    was, *said = (fields.get(f"{name}.{placement_id}", "").strip() for name in FIELDS)
    return Choice(*said), was
