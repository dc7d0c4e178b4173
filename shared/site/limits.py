"""Limits that a site chooses, and how long it keeps what it keeps."""

from __future__ import annotations

from pydantic import Field

from shared.site.values import Part


class Limits(Part):
    """Limits that a site chooses."""

    episode_gap_days: int = Field(default=30, ge=0, le=365)
    """A visit within so many days after an episode's last known end belongs to it (contract 3.6 rule 12)."""
    future_minutes: int = Field(default=1440, ge=0, le=10080)
    """A message whose time lies further ahead is AE (contract 6)."""
    arrival_days: int = Field(default=1, ge=0, le=365)
    """An arrival that is expected is overdue when so many days after its day are over and nobody came."""
    gap_days: int = Field(default=3, ge=0, le=90)
    """More days between the end of a stay and the first day at the next program are listed as a gap; and so many days
    longer than agreed a placement is kept for a patient who is still in a 24-hour stay (contract 3.7)."""
    leaving_days: int = Field(default=3, ge=0, le=90)
    """Who is expected to leave within so many days, and has no next program, is listed."""
    receipt_hours: int | None = Field(default=None, ge=1, le=720)
    """So many hours after a first day the program has confirmed that the patient came and that it read the packet, else
    the placement is listed; absent: nobody asks."""
    deletion_days: int = Field(default=30, ge=0, le=3650)
    """So many days after a visit's end a message may still delete it (A23); later a person says so (contract 6)."""
    capacity_days: int = Field(default=7, ge=1, le=365)
    """What a program told of its seats is fresh for so many days."""
    parked_alarm_seconds: int = Field(default=60, ge=1, le=86400)
    """A fact that waits longer for its predecessor raises the alarm (contract 5 promise 2)."""
    message_bytes: int = Field(default=1_048_576, ge=1024, le=16_777_216)
    """A longer message is refused."""
    frame_messages: int = Field(default=2000, ge=1, le=100_000)
    """So many messages may one frame, record or request body have."""
    identity_questions: int = Field(default=120, ge=1, le=100_000)
    """How often one person may ask in a minute who somebody is, by GET and by POST with `identity`; then 429."""
    machine_identity_questions: int = Field(default=1200, ge=1, le=1_000_000)
    """The same for a token that has the role `hospital` and no role of a person."""


class Retention(Part):
    """For how many days what is kept sealed, or for a time, is kept."""

    raw_message_days: int = Field(default=0, ge=0, le=36_500)
    """The text of a message that got AA; 0: for ever. What it said, as codes, dates and ids, stays."""
    refused_message_days: int = Field(default=30, ge=0, le=36_500)
    """The text of a message that got AE or AR; 0: for ever (contract 6)."""
    dead_letter_days: int | None = Field(default=None, ge=1, le=3650)
    """The content of a dead letter; absent: STEPDOWN_DEAD_LETTER_DAYS."""
    answered_request_days: int | None = Field(default=None, ge=1, le=365)
    """The answer to a POST with an Idempotency-Key; absent: 7 at intake, 2 at placement and aftercare."""
    desk_days: int = Field(default=365, ge=31, le=3650)
    """Who had an entry of a desk's list, since it was taken or came back to the list; and who uses the desk, since they
    opened it last. Who was not there for 30 days is nobody to hand an entry to."""
