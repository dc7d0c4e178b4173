"""A page asks the services beside it for nothing that its reader does not get: the table of desks is as the doors."""

from __future__ import annotations

import pytest

from services.aftercare.desk.page import FollowUps
from services.intake.api.live import INTERFACE
from services.intake.api.patients import READERS as NAMED_BY_INTAKE
from services.intake.desk.desk import IntakeDesk
from services.intake.desk.lists import LISTS
from services.intake.desk.page import READERS as FOUND_BY_INTAKE
from services.intake.desk.patient import READERS as PATIENT_AT_INTAKE
from services.placement.desk.page.desk import Placement
from shared.roles import ROLES
from shared.web.auth import Caller
from shared.web.desks import DESKS, FINDS, NAMED, desks_of, opens, patient_page

DOORS = {"placement": Placement.readers, "aftercare": FollowUps.readers, "intake": IntakeDesk.readers}


def caller(role: str) -> Caller:
    return Caller("somebody", frozenset({role}), frozenset())


def test_the_desks_are_opened_by_whom_their_services_let_in() -> None:
    assert {name: set(roles) for name, roles in DESKS.items()} == {name: set(roles) for name, roles in DOORS.items()}
    assert {*NAMED} == {*NAMED_BY_INTAKE}
    assert {*FINDS} == {*FOUND_BY_INTAKE}
    lists = {role for one in LISTS for role in one.readers}
    assert {*DESKS["intake"]} == {*FINDS, *lists, *INTERFACE}


@pytest.mark.parametrize(
    ("role", "first"),
    [("coordinator", "placement"), ("program", "placement"), ("reviewer", "placement"), ("identity", "intake"),
     ("interface", "intake"), ("admin", "placement")],
)  # fmt: skip
def test_who_signs_in_is_led_to_a_desk_that_they_open(role: str, first: str) -> None:
    assert desks_of(caller(role))[0] == first


def test_who_has_no_work_at_a_desk_is_led_to_none() -> None:
    assert desks_of(caller("hospital")) == []
    assert desks_of(None) == []
    assert not opens(None, ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_a_link_to_a_patient_leads_to_a_page_that_its_reader_may_open(role: str) -> None:
    there = patient_page(caller(role), "a/b")
    assert there.startswith("/placement/") == (role in {*Placement.readers, "admin"})
    assert there.startswith("/intake/") == (role in {*PATIENT_AT_INTAKE} - {*Placement.readers})
    assert "a/b" not in there
