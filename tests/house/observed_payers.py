"""What can be seen of a site's tables by payer: warnings on bills, and what is due for review. For `test_site_keys`."""

from __future__ import annotations

from services.placement.billing.periods import periods
from services.placement.clock.reviews import reviews
from services.placement.continuum.fold import fold
from services.placement.desk.authorizations import RequestAuthorization
from services.placement.rules import rules_of
from shared.facts.envelope import Fact
from shared.site.config import Site
from tests import builders as tell

PAYERS = ("ACME", "MEDICARE")


def _paid_by(payer: str) -> Fact:
    return tell.covered("2026-03-01 09:00", payer=payer, effective="2026-03-01")


def edited(site: Site) -> object:
    """The warnings on bills of two hospital stays, then partial hospitalization, then intensive outpatient."""
    rules, group = rules_of(site), {"kind": "group", "units": 1}
    told = [
        tell.admitted("2026-03-02 10:00", visit="V1"),
        tell.discharged("2026-03-05 10:00", visit="V1"),
        tell.admitted("2026-03-07 10:00", visit="V2"),
        tell.discharged("2026-03-09 10:00", visit="V2"),
        tell.started("2026-03-10", placement="P1", level="php"),
        tell.attended("2026-03-11", placement="P1", services=[group | {"minutes": 300, "mode": "telehealth"}]),
        tell.attended("2026-03-16", placement="P1", services=[group | {"minutes": 300, "mode": "in-person"}]),
        tell.planned("2026-03-10 15:00", level="php", hours_week=19),
        tell.completed("2026-03-17", placement="P1", level="php"),
        tell.started("2026-03-20", placement="P2", level="iop"),
        tell.attended("2026-03-21", placement="P2", services=[group | {"minutes": 60, "mode": "in-person"}]),
        tell.attended("2026-03-29", placement="P2", services=[group | {"minutes": 60, "mode": "in-person"}]),
        tell.planned("2026-03-20 15:00", level="iop", hours_week=9),
    ]
    found = []
    for payer in PAYERS:
        folded = fold([_paid_by(payer), *told], rules.zone_of)
        found.append([one.content.warnings for one in periods(folded, rules.zone_of, rules.billed, rules.payers)])
    return found


def clocked(site: Site) -> object:
    """What is due, and when, of a stay at each level with each payer; and what is asked for where nobody says it."""
    rules, found = rules_of(site), []
    for payer in PAYERS:
        for level in ("inpatient", "residential", "php", "iop"):
            told = [
                _paid_by(payer),
                tell.admitted("2026-03-02 10:00", level=level),
                tell.leave_started("2026-03-04 09:00"),
                tell.leave_ended("2026-03-06 18:00"),
                tell.authorization(units=5, level=level, payer=payer, begins="2026-03-02", when="2026-03-02 11:00"),
                tell.certified("2026-03-02 15:00", begins="2026-03-02"),
                tell.planned("2026-03-02 15:00", level=level, review_due="2027-03-02"),
            ]
            found.append([(one.kind, one.due, one.lead) for one in reviews(fold(told, rules.zone_of), rules)])
    row = {"episode_id": "e", "payer": "ACME", "level": "residential", "from": "2026-03-02", "to": "2026-03-09"}
    asked = RequestAuthorization.model_validate(row)
    return found, asked.misfit(site), [(each.payer, each.unit) for each in site.clocks]


def priced(site: Site) -> object:
    """What each program costs who pays alone, as it is told."""
    return [(each.id, each.self_pay and tuple(each.self_pay)) for each in site.programs]
