"""Which desks a role opens, and who is told names: what a page needs to know of the services beside it, so that it asks
them for nothing that its reader does not get. Each service's own doors decide; tests/house/test_desks.py compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from shared.web.auth import Caller

DESKS: Final[Mapping[str, Sequence[str]]] = {
    "placement": ("coordinator", "clinician", "auditor", "billing", "program", "reviewer"),
    "aftercare": ("coordinator", "clinician", "auditor"),
    "intake": ("coordinator", "clinician", "identity", "program", "reviewer", "interface", "auditor"),
}
"""Service → the roles that open its desk, besides admin, in the order in which the rail shows them behind one host."""
NAMED: Final = ("coordinator", "clinician", "identity", "reviewer")
"""Who is told by intake who the patients of a page are, besides admin."""
FINDS: Final = (*NAMED, "program")
"""Who finds patients, besides admin."""


def desks_of(who: Caller | None) -> list[str]:
    """The services whose desks somebody opens; none for nobody."""
    return [name for name, roles in DESKS.items() if opens(who, roles)]


def patient_page(who: Caller | None, patient_id: str) -> str:
    """The address, behind one host, of the page of a patient that somebody may open: placement's, else what intake has;
    empty where neither is for them."""
    if opens(who, DESKS["placement"]):
        return f"/placement/patients/{quote(patient_id, safe='')}"
    return f"/intake/patients/{quote(patient_id, safe='')}/part" if opens(who, NAMED) else ""


def opens(who: Caller | None, roles: Sequence[str]) -> bool:
    """True for somebody with one of these roles, or admin."""
    return who is not None and bool(who.roles & {*roles, "admin"})
