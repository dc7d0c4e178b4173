"""Which act takes another one back, where the law allows that: the form to offer right after an act. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import orjson

from services.placement.desk.frame import Write
from shared.web.auth import Caller
from shared.web.desk import may
from shared.web.form_posts import address
from shared.web.forms import Form, Question

UNDO: Final[Mapping[str, tuple[str, str]]] = {
    "stay-started": ("/api/placements/{id}/start-withdrawn", "id"),
    "start-missed": ("/api/placements/{id}/start-missed-withdrawn", "id"),
    "handover-received": ("/api/placements/{id}/received-withdrawn", "id"),
    "stay-completed": ("/api/placements/{id}/end-withdrawn", "id"),
    "stay-discontinued": ("/api/placements/{id}/end-withdrawn", "id"),
    "session-told": ("/api/sessions/{id}/withdrawn", "id"),
    "seat-held": ("/api/seats/{id}/released", "id"),
    "waitlisted": ("/api/waitlist/{id}/left", "id"),
    "offer-sent": ("/api/offers/{id}/withdrawn", "id"),
    "offer-withdrawn": ("/api/offers/{id}/reopened", "id"),
    "offer-declined": ("/api/offers/{id}/reopened", "id"),
    "offer-accepted": ("/api/placements/{id}/cancelled", "placement_id"),
    "leftover-kept": ("/api/leftovers/{id}/goes-back", "id"),
    "search-closed": ("/api/searches", "episode_id"),
    "discharge-planned": ("/api/episodes/{id}/discharge-plan-cancelled", "episode_id"),
    "ready-for-step": ("/api/episodes/{id}/ready-for-step-withdrawn", "episode_id"),
}
"""An act → the write that takes it back, and the field of the act's answer that this is about."""


def undoing(writes: Sequence[Write]) -> Callable[[Write, Caller, bytes], str]:
    """For an act that was carried out, and its answer: the path of the patient's page with the form open that takes it
    back; empty where there is none that the caller may use, and where the act made several things."""
    known = {write.path: write for write in writes}

    def undo(write: Write, who: Caller, answer: bytes) -> str:
        if write.action not in UNDO:
            return ""
        path, field = UNDO[write.action]
        told = _one(orjson.loads(answer))
        if not may(who, known[path].roles) or field not in told or "episode_id" not in told:
            return ""
        return f"/episodes/{quote(told['episode_id'], safe='')}?open={_place(path, str(told[field]))}"

    return undo


def _one(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry that was made or changed; empty where there are several."""
    several = answer.get("offers")
    if isinstance(several, list) and "id" not in answer:
        return several[0] if len(several) == 1 else {}
    return answer


def _place(path: str, about: str) -> str:
    settled = () if "{id}" in path else (Question("episode_id", "hidden", "", required=True, value=about),)
    return Form("", address(path).replace("{id}", about), settled, 0, "").place
