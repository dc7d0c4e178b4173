"""Scenes of this morning about messages and records: what waits, contradicts, or was taken for somebody else's."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from functools import partial

from tools.simulator.doors import Json, Refused
from tools.simulator.somebody import WARD, Scene, Somebody, somebody, there

EMERGENCY, IDENTITY = "ED", "identity"
LONG_AGO = 45
"""Days: longer ago than a hospital may delete a visit by itself."""


async def _is_told_too_soon(one: Somebody) -> None:
    """The hospital takes back a discharge that it has not told yet."""
    await one.says("A13", 0.1)


async def _is_told_elsewhere(one: Somebody) -> None:
    """In the ward since four days ago; an update tells another unit, and no transfer was told."""
    await one.says("A01", 4)
    await one.says("A08", 0.1, "OBS")


async def _was_never_here(one: Somebody) -> None:
    """The hospital deletes a visit to its emergency department of six weeks ago, which was somebody else's; such a
    deletion waits for a person, who agreed."""
    await one.says("A04", LONG_AGO, EMERGENCY, patient_class="E")
    await one.says("A03", LONG_AGO - 0.2, EMERGENCY, patient_class="E", disposition="01")
    await one.says("A23", 0.1, EMERGENCY, patient_class="E")
    asked = {"mrn": one.visit.person.mrn, "trigger": "A23"}
    found = await one.morning.post("intake", "/api/messages/find", asked, "interface")
    await one.morning.post("intake", f"/api/messages/{found['messages'][0]['message_id']}/agreed", {}, IDENTITY)


async def _may_be_known(one: Somebody) -> None:
    """Admitted under a new number; somebody with the same name and the same number of the state has another one."""
    await _admitted((one, 3), (_same_name(one), 2))


async def _was_taken_for_another(one: Somebody) -> None:
    """Left some days ago, and was taken for somebody of the same name: the payer was asked and a call was made before
    it was said that they are two."""
    other, morning = _same_name(one), one.morning
    await _admitted((one, 9), (other, 2.2))
    await one.says("A03", 2.6, disposition="01")
    await other.says("A03", 1.2, disposition="01")
    who = [await _patient(each) for each in (one, other)]
    match = await morning.shown(partial(_match, one, who), "a match")
    await morning.post("intake", f"{match}/same", {"surviving_patient_id": who[0]}, IDENTITY)
    await morning.shown(partial(_is_merged, other), "a merge")
    await one.is_asked_of_the_payer(5, -1, -10)
    call = {"episode_id": one.episode_id, "at": morning.now.isoformat(), "mode": "phone", "outcome": "no-answer"}
    await morning.post("aftercare", "/api/contacts", call, "clinician")
    await morning.post("intake", f"{match}/different", {}, IDENTITY)


async def _has_the_number_of_another(one: Somebody) -> None:
    """Admitted under a visit number that the hospital gave somebody else, too."""
    other = somebody(one.morning)
    other.visit.number = one.visit.number
    await one.says("A01", 2)
    await other.says("A01", 1)


def _same_name(one: Somebody) -> Somebody:
    """Somebody else of the same name, sex and birth date."""
    other = somebody(one.morning)
    other.visit.person = replace(one.visit.person, mrn=other.visit.person.mrn)
    return other


async def _admitted(*admissions: tuple[Somebody, float]) -> None:
    """Each so many days ago, all with one number of the state, which nobody else has."""
    morning = admissions[0][0].morning
    number = f"9{(int(morning.now.timestamp()) + 7919 * next(morning.numbers)) % 10**8:08}"
    for each, ago in admissions:
        told = each.visit.says("A01", morning.now - timedelta(days=ago), WARD).raw
        await morning.send(told.replace(b"^MR", f"^MR~{number}^^^USSSA^SS".encode(), 1))


async def _patient(one: Somebody) -> str:
    """The patient's id, once the episode is there."""
    watch = one.morning.watch
    one.episode_id = await there(watch, lambda: watch.episodes.get(one.visit.number), "an episode")
    return str((await one.morning.shown(partial(_episode, one), "an episode"))["patient_id"])


async def _match(one: Somebody, who: Collection[str]) -> str:
    """The path of the match between these patients; empty: there is none."""
    listed = (await one.morning.doors.get("intake", "/api/matches", IDENTITY, limit="200"))["matches"]
    return next((f"/api/matches/{each['match_id']}" for each in listed if set(each["patient_ids"]) == set(who)), "")


async def _is_merged(one: Somebody) -> bool:
    return "merged_into" in await _episode(one)


async def _episode(one: Somebody) -> Json:
    """The patient's episode at placement; empty: it is not there yet."""
    try:
        found: Json = (await one.morning.doors.get("placement", f"/api/episodes/{one.episode_id}"))["episode"]
    except Refused as no:
        if no.status != 404:
            raise
        return {}
    return found


OF_RECORDS: tuple[Scene, ...] = (
    _is_told_too_soon, _is_told_elsewhere, _was_never_here, _may_be_known, _was_taken_for_another,
    _has_the_number_of_another,
)  # fmt: skip
"""One patient each, or two who are taken for one."""
