"""The words of the console: what became of a message, what it waits for, what changes. Pure; English here, said where
it is shown."""

from __future__ import annotations

from collections.abc import Mapping

NOTES: Mapping[str, tuple[str, str]] = {
    "applied": ("took effect", "good"),
    "waiting": ("waits", "soon"),
    "no-effect": ("no effect", ""),
    "unmapped": ("unit in no table", "late"),
    "taken-back": ("taken back", ""),
    "kept": ("kept", ""),
    "error": ("went wrong", "late"),
    "refused": ("refused", "late"),
}
"""Note of a message → its words, and the tone of its badge."""
NOTE_WORDS: Mapping[str, str] = {
    "applied": "took effect",
    "waiting": "waits",
    "no-effect": "no effect",
    "unmapped": "unit in no table",
    "taken-back": "taken back",
    "kept": "kept",
    "place-differs": "tells another place",
    "error": "went wrong",
    "refused": "refused",
}
WAITS: Mapping[str, str] = {
    "beginning": "waits for the message that begins its visit",
    "what-it-takes-back": "waits for the message that it takes back",
    "leave": "waits for the beginning of the leave",
    "visit": "names no visit that is known, and waits for one that it fits",
    "number": "has no number by which the patient is known",
    "unit": "waits until its unit is in the site's tables",
    "person": "waits for a person to say so",
    "decision": "has a visit number of another patient, and waits for a person to say whose the visit is",
}
"""What a message waits for → words."""
REASONS: Mapping[str, str] = {
    "already-told": "the same was told before",
    "repeated": "the update before it said the same",
    "already-open": "the stay is open already",
    "already-there": "the patient is in that unit already",
    "ended": "the visit had ended by then",
    "no-level": "the visit is at no level of care",
    "on-leave": "the patient is on leave already",
    "not-current": "it is not the last movement of the visit: the later ones are to be cancelled first",
    "other-time": "nothing of that kind stood at the time it names: the last one was taken back",
    "plan-over": "the discharge that was planned has come",
    "transferred": "it was taken for a transfer there",
    "told-otherwise-later": "the records were told of otherwise later",
    "one-patient-already": "both records are one patient's already",
    "nothing-to-part": "the two records were not one",
    "no-other-record": "it names no other record",
    "no-patient-key": "it names no number by which a patient is known",
}
"""Why a message has no effect → words."""
CHANGES: Mapping[str, str] = {
    "stated": "stated: {fact}",
    "replaced": "stated anew: {fact}",
    "taken-back": "taken back: {fact}",
}
"""What happens to a fact → words."""
STATES: Mapping[str, str] = {"replaced": "stated anew later", "taken-back": "taken back since"}
"""State of a fact that does not stand → words."""
