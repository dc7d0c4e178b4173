"""What can be seen of the parts of a site config that say which visit a message is of, what its unit is, and which
visits are one stay; and of how alike records are. As `observed`; pure, no database.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count, product
from typing import Any

from services.intake.hl7.mapping import FacilityMap, SiteRules
from services.intake.hl7.model import VisitMessage
from services.intake.people.likeness import compared, points
from services.intake.people.person import Fields
from services.intake.receiving.read import Received
from services.intake.receiving.read import read as incoming
from services.intake.receiving.shared_numbers import numbered
from services.intake.visits.derive import derive
from services.placement.billing.periods import periods
from services.placement.continuum.fold import fold
from services.placement.programs import daily_visits
from services.placement.rules import rules_of
from services.placement.search.searches import DeskFacts
from shared.events.published import as_json
from shared.site.config import Site
from shared.storage.sealing import Seal
from tests.builders import admitted, covered, transferred, visit_ended, visit_started
from tests.intake.said import er7, read

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


def classes(site: Site) -> object:
    """What units are for visits of different classes, and what a place told otherwise does."""
    found = []
    for code, service, kind in product(("O", "E", "P", "I", "C"), ("", "MED"), ("", "DAY")):
        found.append(_meant(site, er7("A01", pv1={2: code, 10: service, 18: kind})))
    moved = er7("A08", "20260106100000", unit="RES", control_id="C2")
    return found, _meant(site, er7("A01"), moved), _meant(site, er7("A01", unit="IOPD"))


def _meant(site: Site, *raw: bytes) -> object:
    messages = [VisitMessage(read(each, rules=SiteRules(site)), f"m{n}", NOW) for n, each in enumerate(raw)]
    meant = derive("V1", messages, FacilityMap(site))
    return [as_json(fact.value) for fact in meant.facts], meant.notes


def named(site: Site) -> object:
    """By which number a message names its visit that tells account and visit number."""
    adt = read(er7("A01", visit="W1", pid={18: "F1"}), rules=SiteRules(site))
    return adt.visit_number, adt.by_account


def stays(site: Site) -> object:
    """Which stays visits at IOPD make: two ten days apart, one sixteen days later that ends by a transfer."""
    rules, ids = rules_of(site), count(1)
    facts = []
    for day, disposition in (("03-02", None), ("03-12", "home"), ("03-28", "transfer")):
        facts.append(visit_started(f"2026-{day} 13:00", visit=day, unit="IOPD"))
        more = {"disposition": {"kind": disposition}} if disposition else {}
        facts.append(visit_ended(f"2026-{day} 16:00", visit=day, **more))
    told = daily_visits.stated(fold(facts, rules.zone_of), DeskFacts(), rules, NOW, lambda: f"S{next(ids)}", over=True)
    return [as_json(one) for one in told]


def counted(site: Site) -> object:
    """Whether a visit number that two patients have is looked at as one."""
    received = Received(er7("A01", visit="W1"), "mllp", NOW)
    [message] = incoming(received, SiteRules(site), Seal({"k1": bytes(32)}), 1)
    message.patient_id = "p"
    return numbered(message, FacilityMap(site))


def changed(site: Site) -> object:
    """The days that are billed of a stay of payer ACME that was changed to outpatient in the same bed."""
    rules = rules_of(site)
    facts = [
        admitted(),
        covered(),
        transferred("2026-03-04 10:00", to=None, unit="3W"),
        visit_ended("2026-03-05 10:00"),
    ]
    found = periods(fold(facts, rules.zone_of), rules.zone_of, rules.billed, rules.payers)
    return [(one.start, one.end, one.content.payer) for one in found]


_PERSON: dict[str, Any] = {
    "names": [["SMITH", "JANE"]],
    "birth_date": "1980-02-14",
    "sex": "F",
    "home": [{"system": "phone", "value": "6075550101"}],
    "address": ["12 Elm St", "", "Lima", "NY", "14485"],
}
_OTHERS: tuple[dict[str, Any], ...] = (
    {"names": [["SMYTH", "JANE"]], "birth_date": "1980-02-14"},
    {"names": [["SMITH", "JANE"]], "birth_date": "1980-02-14"},
    {"names": [["OAKS", "BEA"]], "birth_date": "1980-02-14"},
    {"names": [["SMITH", "JANE"]], "birth_date": "1955-01-01"},
    {"names": [["SMITH", "JANE"]], "sex": "M"},
    {"home": _PERSON["home"]},
    {"address": _PERSON["address"]},
)


def alike(site: Site) -> object:
    """Which of some records are listed as maybe one person's."""
    rules, one = site.likeness, _fields(_PERSON)
    found = [compared(one, _fields(other), frozenset(), rules) for other in _OTHERS]
    return [points(*each, rules) >= rules.listed_from for each in found]


def _fields(told: dict[str, Any]) -> Fields:
    return {name: (value, "2026-03-01T09:00:00+00:00") for name, value in told.items()}
