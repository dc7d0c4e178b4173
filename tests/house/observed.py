"""What can be seen of a site config from outside: each function works one room's real code by a site and tells what
came of it, as values that compare. For `test_site_keys`; pure, no database.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from services.aftercare import timers as aftercare_timers
from services.aftercare.contacts.contacts import Contact
from services.aftercare.engine.derive import derive
from services.aftercare.plans import plans
from services.aftercare.windows.measures import windows
from services.intake import app as intake_app
from services.intake import timers as intake_timers
from services.intake.api.rate_limits import RateLimits
from services.intake.console.silence import ages
from services.intake.hl7.mapping import FacilityMap, SiteRules
from services.intake.hl7.model import PatientId, Refused, VisitMessage
from services.intake.people.identifiers import Authorities, Numbers
from services.intake.receiving.read import Received
from services.intake.visits.derive import derive as derived
from services.intake.visits.reconcile import EpisodeSequences, VisitRecord, reconcile
from services.placement import timers as placement_timers
from services.placement.continuum.fold import fold
from services.placement.desk import capacity, packet_passing, packets
from services.placement.desk.page import rows, search
from services.placement.desk.page.choices import options, own_needs
from services.placement.desk.worklists import recipient_title
from services.placement.engine.change import NOTHING_SAID
from services.placement.engine.publish import seats_of
from services.placement.gate.recipients import gate_rules
from services.placement.rules import rules_of
from services.placement.search.answering import Waiter, answer_by, points_of
from services.placement.search.first_days import kept_until
from services.placement.search.gaps import Asked, gaps
from services.placement.search.levels import LevelQuestion
from services.placement.search.matching import rank
from services.placement.search.searches import DeskFacts
from services.placement.worklists.care import entries_of_care
from services.placement.worklists.entries import entries
from services.placement.worklists.leaving import entries_of_leaving
from services.placement.worklists.program_views import ToldSeats
from shared.events.aftercare import Mode
from shared.events.base import Place
from shared.events.episodes import HowEnded
from shared.events.levels import Level
from shared.events.open_lists import DispositionKind
from shared.events.placing import Needs
from shared.events.published import as_json
from shared.facts.envelope import Fact
from shared.settings import Settings
from shared.site.config import Site
from shared.site.needs import codes_of
from shared.web.app import Problem
from shared.web.auth import Caller
from shared.web.claims import person
from shared.web.desk import facilities_of
from tests.aftercare.builders import day, episode, inpatient, stating, stay
from tests.aftercare.test_deriving import contact
from tests.builders import a_story, admitted, placed, started
from tests.builders.making import fact
from tests.intake.said import er7, read

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TODAY = date(2026, 3, 2)
EVERYBODY = Caller("test", frozenset({"coordinator"}), frozenset({"*"}))
UNITS = ("3W", "RES", "PHP1", "IOP1", "OPC", "ED", "OBS", "CSU", "DTX", "3W-NEW")
ENDS = ("01", "HOME", "02", "XFER", "07", "ELOPED", "20", "DECEASED", "21", "OTHER", "HOME-OP", "LWBS", "CHANGED")
SENDERS: tuple[dict[str, Any], ...] = (
    {"msh": {}},
    {"msh": {4: "GOOD HEALTH HOSPITAL"}},
    {"msh": {4: "CHANGED"}},
    {"msh": {4: "REGIONAL-HIE"}, "unit": "3W^^^GOODHEALTH"},
    {"msh": {4: "RIVERBEND"}},
    {"msh": {3: "CHANGED"}, "unit": "3W^^^RIVERBEND"},
    {"msh": {11: "T"}},
    {"msh": {11: "D"}},
    {"msh": {11: ""}},
    {"msh": {7: "20260105100000-0800"}},
)


# ── intake ────────────────────────────────────────────────────────────────────────────────────────────────────────


def said(site: Site) -> object:
    """What intake makes of a day of messages: refusals, warnings, facts with their labels."""
    day_of = [_stay(site, er7("A01", **sender)) for sender in SENDERS]
    day_of += [_stay(site, er7("A01", unit=unit)) for unit in UNITS]
    day_of += [_stay(site, er7("A01"), er7("A03", "20260109100000", pv1={36: end, 44: "20260105"})) for end in ENDS]
    day_of += [_stay(site, er7("A01", pv1={4: code, 14: code})) for code in "1234589ABCDEFGLNRUZ"]
    payers = product(("", "ACME-STD", "CHANGED"), ("ACME", "60054", "MEDICARE", "CHANGED"))
    day_of += [_stay(site, er7("A01", more=(f"IN1|1|{plan}|{payer}",))) for plan, payer in payers]
    return day_of


def _stay(site: Site, *raw: bytes) -> object:
    try:
        adts = [read(each, rules=SiteRules(site)) for each in raw]
    except Refused as refused:
        return refused.fault
    messages = [VisitMessage(adt, f"m{turn}", NOW) for turn, adt in enumerate(adts)]
    return [adt.warnings for adt in adts], _told(site, VisitRecord("v", "p", adts[0].facility, "V1", messages=messages))


def _told(site: Site, *visits: VisitRecord) -> list[dict[str, Any]]:
    settled = reconcile(visits, EpisodeSequences(), FacilityMap(site), NOW)
    facts = [one.fact for each in settled for one in each.stated]
    return [{"type": one.type, **{k: v for k, v in one.as_json.items() if k != "episode_id"}} for one in facts]


def episodes_of_two_visits(site: Site) -> object:
    """Into how many episodes two visits fall, by the days between them."""
    return [_episodes(site, gap) for gap in (5, 29, 31, 45)]


def _episodes(site: Site, gap: int) -> int:
    begins = datetime(2026, 1, 5)  # noqa: DTZ001 - as a hospital says it
    first = er7("A01"), er7("A03", "20260106100000", pv1={36: "01", 45: "20260106100000"})
    again = er7("A01", f"{begins + timedelta(days=gap + 1):%Y%m%d}100000", visit="V2")
    visits = []
    for key, raw in (("V1", first), ("V2", (again,))):
        told = [VisitMessage(read(each, rules=SiteRules(site)), f"{key}-{n}", NOW) for n, each in enumerate(raw)]
        visits.append(VisitRecord(key, "p", "GOODHEALTH", key, messages=told))
    settled = reconcile(visits, EpisodeSequences(), FacilityMap(site), NOW)
    return len({each.visit.episode_id for each in settled})


def deleted(site: Site) -> object:
    """After which of these days from its end a message still deletes a visit."""
    stay = [er7("A01"), er7("A03", "20260106100000", pv1={45: "20260106100000"})]
    found = []
    for days in (20, 29, 31, 50):
        gone = er7("A23", f"{datetime(2026, 1, 6) + timedelta(days=days):%Y%m%d}100000")  # noqa: DTZ001 - as it is said
        told = [VisitMessage(read(each, rules=SiteRules(site)), f"{n}", NOW) for n, each in enumerate([*stay, gone])]
        found.append(derived("V1", told, FacilityMap(site)).facts == ())
    return found


def expected(site: Site) -> object:
    """When an arrival that is expected is late."""
    arrival = fact("arrival-expected", stay=("visit", "V1"), at="2026-03-04T14:00:00Z")
    rules = rules_of(site)
    return [line.due for line in entries_of_care(fold([arrival], rules.zone_of), NOTHING_SAID, rules)]


def answered(site: Site) -> object:
    """By when each program answers, whether its line goes by itself, and who is first in a line."""
    by = [answer_by(each, NOW, site.zone(each.facility)) for each in site.programs]
    by += [answer_by(each, NOW + timedelta(days=2, hours=3), site.zone(each.facility)) for each in site.programs]
    lines = [each.answering and each.answering.line for each in site.programs]
    told: tuple[dict[str, tuple[str, ...]], ...]
    told = ({"risk": ("high",)}, {"risk": ("low",)}, {"legal_status": ("court-ordered",)}, {"mat": ("yes",)}, {})
    waiters = [Waiter(str(n), str(n), NOW, TODAY - timedelta(days=n), {"also": each}) for n, each in enumerate(told)]
    return by, lines, [points_of(site.waiting_line, each, TODAY) for each in waiters]


def told_of_seats(site: Site) -> object:
    """Whether what a program told ten days ago is fresh."""
    told = ToldSeats(NOW - timedelta(days=10), (), ())
    program, days = site.programs[0], site.limits.capacity_days
    return capacity.shown(told, program, site.zone(program.facility), now=NOW, fresh_days=days)


def kept_placement(site: Site) -> object:
    """Until when a placement is kept for who is still in a bed."""
    rules = rules_of(site)
    inside = fold([admitted(), placed()], rules.zone_of)
    return kept_until(inside.placements[0], inside, rules.policy, "GOODHEALTH")


def confirmed_by(site: Site) -> object:
    """Until when a program confirms the handover of who came."""
    facts = a_story(placed(), started("2026-03-10", placement="P1"))
    found = entries(fold(facts, site.zone), DeskFacts.of(facts), rules_of(site))
    return [one.content.get("receipt_due") for one in found if one.kind == "placement"]


def leaving_soon(site: Site) -> object:
    """From when on who is expected to leave is listed."""
    rules = rules_of(site)
    plan = fact("discharge-planned", "2026-03-03", stay=("visit", "V1"), expected_at="2026-03-12T14:00:00Z")
    inside = fold([admitted(), plan], rules.zone_of)
    return [line.content for line in entries_of_leaving(inside, NOTHING_SAID, rules)]


def ahead(site: Site) -> object:
    """Which of these hours ahead of the clock a message may name."""
    return [SiteRules(site).future_limit >= timedelta(hours=hours) for hours in (1, 23, 25, 72)]


def numbered(site: Site) -> object:
    """Which numbers are whose, and which are nobody's."""
    numbers, authorities = Numbers(site, str.encode), Authorities(site, str.encode)
    told = [
        PatientId(value, authority, kind)
        for value, authority, kind in product(
            ("12345", "999999999", "UNKNOWN-7"), (None, "GH", "CHANGED", "RB"), ("MR", "XX", "SS")
        )
    ]
    ids = [numbers.of(told, facility, authorities) for facility in ("GOODHEALTH", "RIVERBEND")]
    return ids, numbers.born_never


def asked(site: Site) -> object:
    """How often a person and a machine may ask who somebody is."""
    return [_taken(RateLimits(site.limits), role) for role in ("coordinator", "hospital")]


def _taken(rates: RateLimits, role: str) -> int:
    who = Caller("test", frozenset({role}), frozenset({"*"}))
    for number in range(5000):
        try:
            rates.take(who)
        except Problem:
            return number
    return 5000


def service(site: Site) -> object:
    """What intake is put together with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake_app, "of_service", lambda _: site)
        made = intake_app.assemble(
            Settings(database_url="postgresql://a:b@127.0.0.1:1/none", message_keys="k:" + "A" * 43 + "=")
        )
    (doors,) = made.doors
    assert isinstance(doors, intake_app.Doors)
    frame = doors.intake.messages_of(Received(er7("A01") + er7("A03"), "mllp", NOW))
    return made.parked_alarm_seconds, doors.doors[0].limits.frame_bytes, len(frame)  # type: ignore[attr-defined]


def signed_in(site: Site) -> object:
    """Who somebody is by an ID token's claims."""
    claims = {"sub": "u1", "roles": ["coordinator"], "job": ["billing"], "facilities": ["GOODHEALTH"], "place": "*"}
    return person(site, claims)


def kept(site: Site) -> object:
    """How long each service keeps what, and the days that its process is put together with."""
    services = (intake_timers, placement_timers, aftercare_timers)
    return [(kind.name, kind.kept) for each in services for kind in each.retention_kinds(site, dead_letter_days=30)]


def silent(site: Site) -> object:
    """After how many hours each facility has fallen silent."""
    last = {each.name: datetime(2026, 3, 1, tzinfo=UTC) for each in site.facilities}
    return ages(site, last)


def hanging(site: Site) -> object:
    """After how many days without a message an open visit hangs."""
    return site.hanging_after.by_place


# ── placement ─────────────────────────────────────────────────────────────────────────────────────────────────────

ASKED = (
    Needs(payer="ACME", age_years=34, language="es", start_by=date(2026, 3, 16)),
    Needs(payer="SELF", age_years=15, language="en", track="mood", mode="telehealth", days=("mon", "sun")),
    Needs(payer="MEDICARE", age_years=70, accreditation="CARF", track="trauma", days=("mon", "wed", "fri")),
)


def ranked(site: Site) -> object:
    """Every program for these patients at each level, with all reasons."""
    free = {program.id: TODAY for program in site.programs}
    return [rank(site.programs, level, needs, free, TODAY, vocabulary=site.needs) for level in Level for needs in ASKED]


def needed(site: Site) -> object:
    """The site's own needs: as the desk asks for them and judges them, what no program answers, and what a packet
    leaves out."""
    also: dict[str, tuple[str, ...]] = {"transport": ("yes",), "risk": ("high",), "time_of_day": ("evening",)}
    also |= {"gender_served": ("men",), "mat": ("yes",), "housing": ("yes",), "modality": ("CBT", "EMDR")}
    free = {program.id: TODAY for program in site.programs}
    ranked = [rank(site.programs, level, Needs(also=also), free, TODAY, vocabulary=site.needs) for level in Level]
    asked = [Asked("GOODHEALTH", level, need, value, 1, NOW) for level in Level for need, value in also.items()]
    lacking = list(gaps(site, asked))
    shown = [packets._needs({"also": {key: list(values) for key, values in also.items()}}, site)]
    home = {"need": "housing", "search_id": "S1", "facility": "GOODHEALTH", "since": NOW.isoformat()}
    document = episode(needs_referred=[home])
    referred = [as_json(one) for one in derive(document, (), {}, site=site, now=NOW).facts]
    return ranked, lacking, shown, own_needs(site, {}), codes_of(site.needs), referred


def page(site: Site) -> object:
    """The programs as the desk shows them, the facilities and the choices that it offers."""
    reader = rows.Reader(NOW, site, EVERYBODY, {})
    shown = [search.program_row(program, (), TODAY, reader) for program in site.programs]
    choices = [search._choices(program) for program in site.programs]
    return shown, choices, facilities_of(site, EVERYBODY), options("/api/searches/{id}/needs", site)


def seats(site: Site) -> object:
    """How many each program and group takes."""
    return [seats_of(rules_of(site), program.id) for program in site.programs]


def billed(site: Site) -> object:
    """How each place is billed, who wants to be asked first, which zone a day is of."""
    rules = rules_of(site)
    places: list[tuple[str, str | None, str]] = [(f.name, None, level) for f in site.facilities for level in f.billing]
    places += [(each.facility, each.id, each.level) for each in site.programs]
    asked = [rules.payers.needs_authorization(payer.id, level) for payer in site.payers for level in Level]
    zones = [str(rules.zone_of(each.name)) for each in site.facilities]
    return [rules.billed(place, program, None, level) for place, program, level in places], asked, zones


def recommended(site: Site) -> object:
    """The level that is recommended, and why, whatever is known."""
    ends: tuple[HowEnded | None, ...] = (None, "discharged", "completed", "discontinued")
    kinds: tuple[DispositionKind | None, ...] = (None, "home", "against-advice")
    asks = ((None, None), (Level.PHP, None), (None, Level.IOP))
    known = product((None, *Level), ends, ((), ("PSY",), ("SUD",)), kinds, (None, 15, 40), asks)
    rules = rules_of(site)
    return [
        _without_policy(rules.policy.recommend(LevelQuestion(level, ended, kind, labels, age, assessed, asked)))
        for level, ended, labels, kind, age, (assessed, asked) in known
    ]


def begun(site: Site) -> object:
    """Which ends a search follows, and which a plan."""
    ends = ("home", "transfer", "against-advice", "completed", "incarcerated", "04")
    search = [rules_of(site).policy.begins(word) for word in ends]
    return search, [site.begins("plan", word) for word in ends]


def _without_policy(found: Any) -> object:
    return found.level, found.reasons, found.rule


def passed(site: Site) -> object:
    """Between which facilities a packet passes the gate, whom a consent names, and what all care there is about."""
    places = [each.name for each in site.facilities]
    return [(site.entity(one), packet_passing.labels_of(site, one, ())) for one in places]


def gate(site: Site) -> object:
    """Who gets what on which basis, what a program and a unit are about, whose consent counts where."""
    rules = gate_rules(site)
    named = [rules.labels_of(each.facility, (Place(program=each.id),)) for each in site.programs]
    titles = [recipient_title(each, site) for each in ("valley-clinic", "gone")]
    own = rules.discloses("goodhealth-network", "GOODHEALTH")
    return dict(rules.outsiders), rules.received, rules.notice, named, titles, own


# ── aftercare ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _left(**told: Any) -> dict[str, Any]:
    return {**inpatient(), "labels": ["PSY"], "age_years": 40, "diagnosis": {"system": "I10", "code": "F33.2"}} | told


def _came(level: str, on: int, **told: Any) -> dict[str, Any]:
    return {**stay(level, day(on), id=f"{level}-{on}", how="completed"), **told}


def _attended(level: str, on: int, **told: Any) -> dict[str, Any]:
    return _came(level, -1, id=f"{level}-{on}", attended=[{"date": day(on).date().isoformat(), **told}])


def _died(on: int) -> dict[str, Any]:
    return stay("outpatient", day(0), day(on), id="died", how="discontinued", reason="deceased")


DISCHARGES = (
    [_left()],
    *([_left(**each)] for each in ({"age_years": 5}, {"age_years": 90}, {"setting": "withdrawal-management"})),
    *([_left(**each)] for each in ({"setting": "crisis-stabilization"}, {"labels": ["SUD"]})),
    *([_left(diagnosis={"system": "I10", "code": code})] for code in ("F10.20", "J18.9", "F84.0")),
    *([{**_left(), "ended_by": {"ce_id": "V1.ended", "how": "discharged", "disposition": {"kind": kind}}}]
      for kind in ("transfer", "custody", "hospice", "against-advice")),
    [{**_left(), **stay("residential", day(-10), day(0), id="V1")}],
    *([_left(), _came(level, on, labels=labels)]
      for level in ("inpatient", "residential") for on in (0, 1, 5, 25, 31) for labels in (["PSY"], ["SUD"])),
    *([_left(), _came(level, on, labels=["PSY"])] for level in ("php", "iop", "outpatient") for on in (0, 1, 7, 8, 31)),
    *([_left(), _attended("php", on, mode=mode, provider_kind=kind)]
      for on in (1, 7, 20) for mode, kind in (("in-person", "therapist"), ("phone", "peer"))),
    *([_left(), _died(on)] for on in (5, 29, 31)),
)  # fmt: skip
MODES: tuple[tuple[Mode, str], ...] = (("phone", "therapist"), ("in-person", "psychiatrist"), ("telehealth", "peer"))
CONTACTS = tuple(
    Contact(f"c-{on}-{mode}-{kind}", day(on), mode, "reached", kind, "GOODHEALTH")
    for on in (1, 7, 8)
    for mode, kind in MODES
)


def followed_up(site: Site) -> object:
    """The windows after these discharges, and what became of each."""
    found = [
        windows(episode(*stays), site.follow_ups, site.zone, contacts)
        for stays in DISCHARGES
        for contacts in ((), *(((each,) for each in CONTACTS) if stays is DISCHARGES[0] else ()))
    ]
    return [[(w.measure, w.due_from, w.due_to, w.outcome) for w in each] for each in found]


ENDED = tuple(
    (stay(level, day(-9), day(0), id="V1", how=how, reason=reason), labels)
    for level in ("inpatient", "residential", "php", "iop", "outpatient")
    for how, reason in (("discharged", None), ("completed", "goals-met"), ("discontinued", "lost-contact"))
    for labels in (["PSY"], ["SUD"])
)


def planned(site: Site) -> object:
    """What aftercare begins with after these ends, the calls that it asks for, and when missed ones are a sign."""
    return [_planned(site, ended, labels, missed) for ended, labels in ENDED for missed in (0, 2, 3)]


def _planned(site: Site, ended: dict[str, Any], labels: list[str], missed: int) -> object:
    document = episode(ended, labels=labels)
    standing = [_missed(number) for number in range(missed)]
    derived = derive(document, standing, {}, site=site, now=NOW, over_by=day(4))
    facts = [as_json(fact) for fact in derived.facts if not fact.TYPE.startswith("follow-up")]
    begun = [
        stating(lambda: "s").stated(fact, number)
        for number, fact in enumerate(derived.facts)
        if fact.TYPE == "aftercare-started"
    ]
    calls = [plan.calls for plan in plans.plans(document, begun, site)]
    return facts, calls, [start.at for start in derived.starts]


def _missed(number: int) -> Fact:
    return contact(number, day(number + 1), "no-answer")
