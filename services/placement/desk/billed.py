"""Payers and diagnoses over HTTP: what a bill needs for patients of whom no hospital sent it; rules are in billing/."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from services.placement.billing import payers as told
from services.placement.continuum.about import about
from services.placement.desk.commands import Ask, Misfit
from services.placement.desk.frame import Rule, Subject, write
from services.placement.desk.placements import facility_of
from services.placement.engine.act import Decided, Situation
from services.placement.programs.attendance import stay_of
from shared.errors import Rejected
from shared.events.base import Day
from shared.events.stays import Coverage
from shared.site.config import Site
from shared.web.commands import Command, Name

Short = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Payer(Command):
    """One payer, and its plan."""

    payer: Name
    plan: Short | None = None


class Cover(Ask):
    """From a day on, these payers, the first of them first."""

    effective_from: Day = Field(description="facility's zone")
    coverage: tuple[Payer, ...] = Field(min_length=1, max_length=9)

    def misfit(self, site: Site) -> Misfit:
        """Refuses an unknown payer, and one named twice."""
        known = [site.payer(one.payer) for one in self.coverage]
        for place, payer in enumerate(known):
            if payer is None:
                return f"coverage.{place}.payer", "the site has no such payer"
            if payer in known[:place]:
                return f"coverage.{place}.payer", "the payer is named twice"
        return None


class Diagnose(Ask):
    """A diagnosis of a stay at a program."""

    system: Short = Field(description="code system, as the hospital's messages name it: I10")
    code: Short
    rank: int = Field(default=1, ge=1, le=30, description="1 is principal")
    status: Literal["admitting", "working", "final"] = "working"


def cover(now: Situation, episode_id: str, asked: Cover) -> Decided:
    """State the payers from a day on. Raises Rejected as billing/payers.py `covered` does."""
    payers = []
    for order, one in enumerate(asked.coverage, 1):
        payer = now.rules.site.payer(one.payer)
        payers.append(Coverage(order=order, payer=payer.id if payer else one.payer, plan=one.plan))
    whose = now.about()
    fact = told.covered(whose, now.own, now.now, now.zone(whose.facility), since=asked.effective_from, payers=payers)
    return Decided((fact,), (episode_id,))


def diagnose(now: Situation, placement_id: str, asked: Diagnose) -> Decided:
    """State a diagnosis of a program stay. Raises Rejected: `not-started`, `already-so`."""
    if stay_of(now.folded, placement_id) is None:
        raise Rejected("not-started", "no first day was told", possible=("started",))
    whose = about(now.folded, facility_of(now, placement_id))
    terms = told.DiagnosisTerms(system=asked.system, code=asked.code, rank=asked.rank, status=asked.status)
    return Decided((told.diagnosed(whose, now.own, now.now, placement_id, terms),), (placement_id,))


SUBJECT = Subject(
    None,
    (
        write(
            "/api/episodes/{id}/covered", Cover, Rule(cover), action="coverage-changed", operation="changeCoverage",
            roles=("coordinator", "billing"), summary="From a day on, these payers: periods are split there",
        ),
        write(
            "/api/placements/{id}/diagnosed", Diagnose, Rule(diagnose), action="diagnosis-recorded",
            operation="recordDiagnosis",
            roles=("coordinator", "clinician", "program"), summary="A diagnosis of the stay, for its bill",
        ),
    ),
)  # fmt: skip
