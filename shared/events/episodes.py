"""The value of care.episodes: the latest state of one episode, whole in itself (contract 3.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, field

from shared.events.base import Code, Day, Disposition, Identifier, Instant, StayKind, Years
from shared.events.levels import Level
from shared.events.published import PublishedStruct, always, json_of, read_as_struct

EpisodeStateName = Literal["void", "referred", "active", "on-leave", "between", "aftercare", "closed"]
HowEnded = Literal["visit-ended", "discharged", "completed", "discontinued"]
HowAttended = Literal["in-person", "telehealth", "phone"]


class EndedBy(PublishedStruct):
    """The fact that ended a stay."""

    ce_id: Annotated[Identifier, Meta(description="ce_id of the ending fact")]
    how: Annotated[HowEnded, Meta(description="its name")]
    disposition: Annotated[Disposition | None, Meta(description="of a discharge or a visit's end")] = None
    reason: Annotated[str | None, Meta(description="of a completion or discontinuation")] = None
    copy_of: Annotated[
        Identifier | None, Meta(description="ce_id of the retired episode's fact that it copies, after a merge")
    ] = None


class DiagnosisNow(PublishedStruct):
    """The principal diagnosis of a stay."""

    system: Annotated[Code, Meta(description="code system")]
    code: Annotated[Code, Meta(description="code")]


class AttendedDay(PublishedStruct):
    """A day on which the patient was there."""

    date: Annotated[Day, Meta(description="facility's zone")]
    mode: Annotated[HowAttended, Meta(description="how; in person where no service says it")]
    provider_kind: Annotated[Code | None, Meta(description="kind of provider seen, where it was told")] = None


class StayNow(PublishedStruct):
    """One stay of the episode, open or ended."""

    id: Annotated[Identifier, Meta(description="the stay's id")]
    kind: Annotated[StayKind, Meta(description="visit: by ADT; placement: by a program")]
    level: Annotated[Level | None, Meta(description="absent for a visit without a level")] = None
    visit_class: Annotated[str | None, Meta(description="class of a visit without a level")] = field(
        name="class", default=None
    )
    facility: Annotated[Identifier, Meta(description="facility")]
    program: Annotated[Identifier | None, Meta(description="program, where known")] = None
    begun: Annotated[Instant, Meta(description="clinical time of the beginning")] = field(name="from")
    to: Annotated[Instant | None, Meta(description="clinical time of the end")] = None
    suspended: Annotated[bool, Meta(description="a more intensive 24-hour stay is open over it")]
    attended: Annotated[
        tuple[AttendedDay, ...] | None,
        Meta(description="days attended after a discharge from a more intensive level, or once suspended"),
    ] = None
    setting: Annotated[Code | None, Meta(description="a special setting within the level")] = None
    labels: Annotated[tuple[str, ...] | None, Meta(description="what this stay is about: PSY, SUD, PART2")] = None
    age_years: Annotated[Years | None, Meta(description="age when it began, whole years")] = None
    diagnosis: Annotated[DiagnosisNow | None, Meta(description="the principal one")] = None
    payer: Annotated[Identifier | None, Meta(description="first payer when it began, of site config")] = None
    begun_by: Annotated[Identifier, Meta(description="ce_id of the fact that began it")]
    ended_by: Annotated[EndedBy | None, Meta(description="the fact that ended it")] = None


class DeathNow(PublishedStruct):
    """A death that stands, as one facility told it."""

    ce_id: Annotated[Identifier, Meta(description="ce_id of the fact that tells it")]
    facility: Annotated[Identifier, Meta(description="who told it")]
    at: Annotated[Instant, Meta(description="when, as far as it was told")]


class MergedNow(PublishedStruct):
    """A merge that stands: what one facility told of the patient counts in another episode, and only there."""

    facility: Annotated[Identifier, Meta(description="whose records")]
    episode_id: Annotated[Identifier, Meta(description="the surviving episode")]
    patient_id: Annotated[Identifier, Meta(description="the surviving patient")]


class SearchNow(PublishedStruct):
    """A search that is open."""

    search_id: Annotated[Identifier, Meta(description="the search")]
    level: Annotated[Level, Meta(description="level looked for")]
    facility: Annotated[Identifier, Meta(description="whose search it is")]
    ready_on: Annotated[Day | None, Meta(description="first day looked for; absent: as soon as possible")] = None


class NeedNow(PublishedStruct):
    """A need that no program answers, but a referral."""

    need: Annotated[Code, Meta(description="key of the site's vocabulary")]
    search_id: Annotated[Identifier, Meta(description="the search that has it")]
    facility: Annotated[Identifier, Meta(description="whose search it is")]
    since: Annotated[Instant, Meta(description="when the search was opened")]


class MergeBefore(PublishedStruct):
    """A merge that was taken back: from when to when what one facility told of another episode counted here."""

    facility: Annotated[Identifier, Meta(description="whose records")]
    episode_id: Annotated[Identifier, Meta(description="the episode that counts by itself again")]
    since: Annotated[Instant, Meta(description="when the merge was recorded")]
    until: Annotated[Instant, Meta(description="when it was recorded that it is taken back")]


class EpisodeState(PublishedStruct):
    """What is so of one episode, by the facts seen; an older `version` than one you have is to be dropped."""

    TYPE: ClassVar[str] = "episode"
    episode_id: Annotated[Identifier, Meta(description="the episode")]
    patient_id: Annotated[Identifier, Meta(description="the patient")]
    state: Annotated[
        EpisodeStateName,
        Meta(description="void: nothing stands; between: ended, and the next not begun"),
    ]
    level: Annotated[Level | None, Meta(description="of the most intensive open stay")] = None
    labels: Annotated[
        tuple[str, ...], Meta(description="what the episode's facts are about, for the consent gate: PSY, SUD, PART2")
    ] = always(())
    stays: Annotated[tuple[StayNow, ...], Meta(description="in clinical order")] = always(())
    since: Annotated[Instant | None, Meta(description="since when it is so")] = None
    previous_level: Annotated[Level | None, Meta(description="the level before this one")] = None
    search: Annotated[str | None, Meta(description="state of the most urgent placement search, where one is open")] = (
        None
    )
    searches: Annotated[
        tuple[SearchNow, ...] | None, Meta(description="the searches that are open, the most urgent first")
    ] = None
    needs_referred: Annotated[
        tuple[NeedNow, ...] | None,
        Meta(description="needs of its searches, open ones and those that came to an end, which a referral answers"),
    ] = None
    next_start: Annotated[Day | None, Meta(description="first day agreed with a program, where it has not begun")] = (
        None
    )
    missed_start: Annotated[
        Day | None, Meta(description="first day to which the patient did not come, until another is agreed or told")
    ] = None
    declined_at: Annotated[
        Instant | None, Meta(description="when the patient declined further care, where that ended the latest search")
    ] = None
    next_due: Annotated[Day | None, Meta(description="the earliest open follow-up window's last day")] = None
    deaths: Annotated[
        tuple[DeathNow, ...] | None,
        Meta(
            description="deaths of the patient that stand, by time; empty: a person said that what was told is not so"
        ),
    ] = None
    merged_into: Annotated[
        tuple[MergedNow, ...] | None,
        Meta(description="where records of this episode count now, since patients were merged; absent: here alone"),
    ] = None
    ended_merges: Annotated[
        tuple[MergeBefore, ...] | None,
        Meta(description="merges into this episode that were taken back; absent: there was none"),
    ] = None
    ineffective: Annotated[int, Meta(ge=0, description="facts kept without effect")] = always(0)
    conflicts: Annotated[int, Meta(ge=0, description="conflicts not settled")] = always(0)
    seen: Annotated[dict[str, int], Meta(description="last sequence of each writer")] = always({})
    facilities: Annotated[
        tuple[Identifier, ...] | None,
        Meta(description="who has it: facilities of its stays, searches, offers, seats and placements"),
    ] = None
    version: Annotated[int, Meta(ge=1, description="1,2,3… for one episode")]


_decode = msgspec.json.Decoder(EpisodeState).decode


def read_document(body: bytes) -> EpisodeState:
    """A value of care.episodes from its JSON. Raises InvalidMessage, which names a field and never its value."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return read_episode(json_of(body))


def read_episode(told: Mapping[str, Any]) -> EpisodeState:
    """The same from parsed JSON. Older documents have attended days as plain dates; these are read as in person."""
    stays = told.get("stays")
    if isinstance(stays, list):
        told = {**told, "stays": [_with_modes(one) for one in stays]}
    return read_as_struct(EpisodeState, told)


def _with_modes(stay: Any) -> Any:
    days = stay.get("attended") if isinstance(stay, dict) else None
    if not isinstance(days, list) or not any(isinstance(day, str) for day in days):
        return stay
    return {**stay, "attended": [{"date": d, "mode": "in-person"} if isinstance(d, str) else d for d in days]}
