"""A packet to a program of another legal entity passes the gate: blind at first, whole at its time, refused with its
reason without a consent, with the notice of 42 CFR 2.32, each reading in the ledger."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.placement.gate.checks import broken
from services.placement.gate.recipients import gate_rules
from shared.facts.envelope import Fact
from shared.storage.desk_tables import exits
from tests.browsing import Browser
from tests.builders import a_story, admitted, diagnosed, discharged
from tests.placement.desk.conftest import DAY, Desk, token
from tests.placement.gating import Gate, consent, revoked

THERE = ("RIVERBEND",)
MED = {"code": "1721029", "last_given": "2026-04-20", "next_due": "2026-05-08", "prescriber_npi": "1000000079"}
EVERYTHING = ("PSY", "SUD", "PART2")
CLOSED = {"ask": {"facility": "Good Health Hospital"}, "whole": False}


class Two:
    """The desk and the gate, which hear the same of one patient; the desk of GOODHEALTH asked RB-PHP."""

    def __init__(self, desk: Desk, labels: tuple[str, ...]) -> None:
        self.desk, self.labels = desk, labels
        self.gate = Gate(desk.feed.database, gate_rules(desk.feed.rules.site), desk.clock)
        self.told: list[Fact] = []

    async def hear(self, *more: Fact) -> None:
        """Intake says more of the patient."""
        before = len(self.told)
        self.told = list(a_story(*self.told, *more)) if self.told else list(a_story(*more))
        await self.desk.feed.bring(*self.told[before:])
        await self.gate.bring(*self.told[before:])

    async def consents(self, **more: Any) -> None:
        """The patient consents that GOODHEALTH tells the entity, for treatment."""
        named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "ce_id": f"consent-{len(self.told)}"}
        await self.hear(consent(**({"recipient": "riverbend", "scope": EVERYTHING} | named | more)))

    async def packet(self, role: str = "program", facilities: tuple[str, ...] = THERE) -> dict[str, Any]:
        """The packet, as the program's staff reads it."""
        answer = await self.desk.get(f"/api/offers/{self.offer}/packet", role=role, facilities=facilities)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def ledger(self) -> list[tuple[str, str, str, str]]:
        """(step, recipient, basis, who) of the packets that left, as the coordinator lists them."""
        found = await self.desk.listed("packets", episode_id="E1")
        return [(one["step"], one["recipient"], one["basis"], one["read_by"]) for one in found]

    offer: str


async def asked(desk: Desk, labels: tuple[str, ...] = ("PSY",)) -> Two:
    """An offer to a program of another entity, of a patient with diagnoses and a medication."""
    two = Two(desk, labels)
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "labels": labels}
    await two.hear(
        admitted("2026-05-01 10:00", **named),
        diagnosed("2026-05-01 11:00", code="F10.20", rank=1, **named),
        discharged("2026-05-04 07:00", **named),
    )
    assert (await desk.post("/api/episodes/E1/medication", MED, role="clinician")).status_code == 200
    search = (await desk.search("E1"))["search_id"]
    await desk.post(f"/api/searches/{search}/needs", {"payer": "ACME", "age_years": 93})
    await desk.post("/api/episodes/E1/assigned", {"user_id": "maria", "role": "coordinator"})
    [two.offer] = await desk.offers("E1", "RB-PHP", variance_reason="patient-choice")
    return two


@pytest.mark.parametrize("answer", [None, "accepted"])
async def test_without_a_consent_it_reads_a_level_a_first_day_and_whom_to_ask(desk: Desk, answer: str | None) -> None:
    two = await asked(desk)
    if answer:
        await desk.post(f"/api/offers/{two.offer}/{answer}", role="program", facilities=THERE)
    assert await two.packet() == CLOSED
    [offer] = (await desk.get("/api/offers", role="program", facilities=THERE)).json()["offers"]
    assert (offer["level"], offer["start_date"], offer["packet"]) == ("php", DAY, {"ask": CLOSED["ask"]})
    assert await two.ledger() == []
    mine = await two.packet("coordinator", ("GOODHEALTH",))
    assert mine == CLOSED | {"withheld": "no-consent"}, "who asks is told why"


async def test_with_a_consent_it_is_blind_at_first_and_whole_at_its_time(desk: Desk) -> None:
    two = await asked(desk)
    await two.consents()
    blind = await two.packet()
    assert (blind["whole"], blind["from_level"], blind["age_years"]) == (False, "inpatient", 90)
    assert (blind["needs"], blind["ask"]["coordinator"]) == ({"payer": "ACME"}, "maria")
    assert "diagnoses" not in blind
    await desk.post(f"/api/offers/{two.offer}/accepted", role="program", facilities=THERE)
    whole = await two.packet()
    assert (whole["whole"], whole["basis"], whole["coordinator"]) == (True, "consent", "maria")
    assert [one["code"] for one in whole["diagnoses"]] == ["F10.20"]
    assert [one["code"] for one in whole["medication"]] == ["1721029"]
    assert "notice" not in whole, "it is not about Part 2 care"
    assert await two.ledger() == [
        ("blind", "riverbend", "consent", "a-program"), ("whole", "riverbend", "consent", "a-program"),
    ]  # fmt: skip
    async with desk.feed.database.read() as connection:
        left = (await connection.execute(sa.select(exits.c.way, exits.c.basis, exits.c.purpose))).all()
    assert [tuple(one) for one in left] == [("packet-out", "consent", "treatment")] * 2
    assert [str(one) async for one in broken(desk.feed.database, desk.feed.rules.site)] == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"scope": ("PSY", "SUD")}, "not-in-scope"),
        ({"recipient": "another-clinic"}, "no-consent"),
        ({"purpose": "payment"}, "other-purpose"),
        ({"discloser": "RIVERBEND"}, "other-discloser"),
        ({"to": "2026-05-03"}, "expired"),
        ({"begins": "2026-06-01"}, "not-begun"),
        ({}, None),
        ({"recipient": None, "class": "treating-provider"}, None),
    ],
)
async def test_a_consent_has_to_name_the_entity_the_purpose_and_everything_that_it_is_about(
    desk: Desk, more: dict[str, Any], why: str | None
) -> None:
    two = await asked(desk, EVERYTHING)
    await two.consents(**more)
    mine = await two.packet("coordinator", ("GOODHEALTH",))
    assert mine.get("withheld") == why
    theirs = await two.packet()
    assert (theirs == CLOSED) is (why is not None)
    assert len(await two.ledger()) == (0 if why else 1)


async def test_part_2_care_goes_with_the_notice_and_nothing_goes_once_the_consent_is_taken_back(desk: Desk) -> None:
    two = await asked(desk, EVERYTHING)
    await two.consents()
    await desk.post(f"/api/offers/{two.offer}/accepted", role="program", facilities=THERE)
    whole = await two.packet()
    assert whole["notice"] == desk.feed.rules.site.redisclosure_notice
    assert [one["code"] for one in whole["medication"]] == ["1721029"], "the consent covers substance use"
    [row] = await desk.listed("packets", episode_id="E1")
    assert (row["notice"], row["basis_scope"], row["labels"]) == (True, sorted(EVERYTHING), sorted(EVERYTHING))
    desk.clock.forward(timedelta(minutes=1))
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "ce_id": "revoked"}
    await two.hear(revoked("2026-05-04 09:00", recipient="riverbend", scope=EVERYTHING, **named))
    assert await two.packet() == CLOSED
    assert (await two.packet("coordinator", ("GOODHEALTH",)))["withheld"] == "revoked"
    assert len(await two.ledger()) == 1
    assert [str(one) async for one in broken(desk.feed.database, desk.feed.rules.site)] == []


async def test_whoever_may_see_both_reads_it_as_use_within_the_entity(desk: Desk) -> None:
    two = await asked(desk)
    await two.consents()
    assert (await two.packet("coordinator", ("GOODHEALTH", "RIVERBEND")))["from_level"] == "inpatient"
    assert await two.ledger() == []


async def test_the_ledger_of_packets_is_shown_to_who_may_see_what_leaves_at_the_facility_that_told(desk: Desk) -> None:
    two = await asked(desk)
    await two.consents()
    await two.packet()
    assert (await desk.get("/api/packets", role="program")).status_code == 403
    there = await desk.get("/api/packets", role="auditor", facilities=THERE)
    here = await desk.get("/api/packets", role="auditor", facilities=("GOODHEALTH",))
    assert ([len(one.json()["packets"]) for one in (there, here)]) == [0, 1]
    assert {"needs", "from_level", "why"} <= set(here.json()["packets"][0]["fields"])


async def test_the_page_says_why_and_has_the_notice(nobody: Browser, desk: Desk) -> None:
    two = await asked(desk, EVERYTHING)
    path = f"/offers/{two.offer}/packet"
    await nobody.sign_in(token("program", THERE))
    assert "More may be told once the patient has consented" in (await nobody.open(path)).text
    await two.consents()
    await desk.post(f"/api/offers/{two.offer}/accepted", role="program", facilities=THERE)
    shown = (await nobody.open(path)).text
    for words in ("1721029", "42 CFR Part 2", "on this basis: consent"):
        assert words in shown, words
