"""The roles of people and programs: what a caller may do, by their bearer token or the site's table."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal[
    "hospital",
    "coordinator",
    "clinician",
    "program",
    "billing",
    "reviewer",
    "auditor",
    "identity",
    "interface",
    "admin",
]
ROLES: tuple[Role, ...] = get_args(Role)
