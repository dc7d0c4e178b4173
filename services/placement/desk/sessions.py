"""Sessions of program stays over HTTP: attended or absent, each to be corrected or taken back; no SQL, no rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.placement.continuum import codec
from services.placement.continuum.replacements import roots_of
from services.placement.desk import views as session_views
from services.placement.desk.care_commands import CorrectSession, Given, SessionTold, TellSession
from services.placement.desk.commands import Because
from services.placement.desk.frame import Listing, Parts, Rule, Subject, write
from services.placement.desk.placements import facility_of
from services.placement.desk.views import Attendance
from services.placement.engine.act import Decided, Situation
from services.placement.programs import attendance, sessions
from services.placement.programs.sessions import STATES
from services.placement.worklists import views
from services.placement.worklists.lists import READERS
from services.placement.worklists.views import Line, ListQuestion
from shared.errors import Rejected
from shared.events.base import CareFact
from shared.events.placing import Placed
from shared.events.stays import Absent, Attended, Service
from shared.facts.envelope import Fact
from shared.storage.database import Connection
from shared.web import requests

TELLERS = ("coordinator", "program", "clinician")


def tell(now: Situation, _: str, asked: TellSession) -> Decided:
    """State that the patient attended, or was absent. Raises Rejected as attendance.py `attended` does, and
    `unknown-group`."""
    return Decided((_told(now, asked.placement_id, asked.session_id, asked, None),))


def correct(now: Situation, session: str, asked: CorrectSession) -> Decided:
    """State the session anew, whole. Raises Rejected as `tell` does, and `withdrawn`."""
    fact, before = _standing(now, session)
    return Decided((_told(now, before.stay.id, before.session_id, asked, fact.id),), (session,))


def withdraw(now: Situation, session: str, asked: Because) -> Decided:
    """Take back a session that was recorded in error. Raises Rejected `withdrawn`."""
    fact, before = _standing(now, session)
    return Decided((attendance.cancelled(now.saying(before.facility), fact, asked.reason),), (session,))


def _standing(now: Situation, session: str) -> tuple[Fact, Attended | Absent]:
    found = now.standing(session)
    if found is None or not isinstance(found.value, Attended | Absent):
        raise Rejected("withdrawn", "the session was taken back already", possible=("tell it anew",))
    return found, found.value


def _told(now: Situation, placement_id: str, session_id: str, asked: SessionTold, instead_of: str | None) -> CareFact:
    facility = facility_of(now, placement_id) or now.home
    saying = now.saying(facility, replaces=instead_of, without=instead_of)
    if asked.absent is not None:
        return attendance.absent(saying, placement_id, session_id, asked.date, asked.absent)
    _has_group(now, placement_id, asked.group)
    given = [_service(one) for one in asked.services]
    own = [fact for fact in now.own if now.standing(fact.id) is fact]
    return attendance.attended(saying, placement_id, session_id, asked.date, given, group=asked.group, own=own)


def _service(one: Given) -> Service:
    return Service(code=one.code, kind=one.kind, units=one.units, minutes=one.minutes, mode=one.mode, npi=one.npi)


def _has_group(now: Situation, placement_id: str, group: str | None) -> None:
    program = now.rules.site.program(_programs(now.own).get(placement_id, ""))
    groups = tuple(one.id for one in program.groups) if program else ()
    if group is not None and group not in groups:
        raise Rejected("unknown-group", "the program has no such group", possible=groups)


async def _one(connection: Connection, _: Parts, session: str) -> Line | None:
    """A session by the ce_id of its first statement or of any correction; None where there is none."""
    episode_id = await session_views.whose(connection, session)
    found = await session_views.attendance(connection, episode_id) if episode_id else None
    if found is None:
        return None
    root = roots_of(found.own).get(session)
    return next((line for line in lines_of(found) if line.id == root), None)


async def _listed(connection: Connection, _: Parts, asked: ListQuestion) -> list[Line]:
    """The sessions of one episode or one placement, by their day."""
    episode_id = asked.episode_id
    if asked.placement_id is not None:
        placement = await views.line(connection, "placement", asked.placement_id)
        if placement is None or episode_id not in {None, placement.episode_id}:
            return []
        episode_id = placement.episode_id
    if episode_id is None:
        raise requests.unfit("episode_id", "sessions are listed for one episode_id or one placement_id")
    found = await session_views.attendance(connection, episode_id)
    lines = sorted(lines_of(found) if found else (), key=lambda line: (line.at, line.id))
    return [line for line in lines if _is_asked(line, asked)][: asked.most]


def _is_asked(line: Line, asked: ListQuestion) -> bool:
    if asked.after is not None and (line.at, line.id) <= asked.after:
        return False
    if asked.state not in {None, line.state} or asked.placement_id not in {None, line.content["placement_id"]}:
        return False
    return asked.whose.has(line)


def lines_of(found: Attendance) -> Iterator[Line]:
    """The sessions of an episode as lines."""
    programs = _programs(found.own)
    for one in sessions.sessions(found.own, codec.unpacked(found.fold).ineffective):
        told, program = one.told, programs.get(one.placement_id)
        yield Line(
            "session", one.id, found.episode_id, told.facility, program, one.state, told.occurred_at, None, one.shown(),
            found.patient_id, found.version,
        )  # fmt: skip


def _programs(own: Sequence[Fact]) -> dict[str, str]:
    """placement_id → the program that took the patient."""
    return {fact.value.placement_id: fact.value.program for fact in own if isinstance(fact.value, Placed)}


SUBJECT = Subject(
    Listing(
        "sessions", "Sessions of one episode or one placement: who came, who did not, and whether it counts", READERS,
        ("state", "episode_id", "placement_id"), STATES, _one, _listed,
    ),
    (
        write(
            "/api/sessions", TellSession, Rule(tell), action="session-told", operation="tellSession", roles=TELLERS,
            summary="The patient was in a session of the program, or was absent",
        ),
        write(
            "/api/sessions/{id}/corrected", CorrectSession, Rule(correct), action="session-corrected",
            operation="correctSession", roles=TELLERS,
            summary="Something else became of the session; what is said is all of it",
        ),
        write(
            "/api/sessions/{id}/withdrawn", Because, Rule(withdraw), action="session-withdrawn",
            operation="withdrawSession", roles=TELLERS, summary="The session was told by mistake",
        ),
    ),
)  # fmt: skip
