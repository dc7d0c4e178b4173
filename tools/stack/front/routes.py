"""Which service an address of the one host belongs to. Pure: the same table as deploy/Caddyfile and the chart's
Ingress."""

from __future__ import annotations

from shared.web.prefix import INSIDE_ONLY
from tools.stack import SERVICES

FIRST_PAGE = "/placement/"
"""Where `/` leads."""
OF_INTAKE = frozenset({"assets", "session", "sign-in", "sign-out", "signed-in"})
"""First parts of paths that are intake's without its prefix: sign-in is for all three services, and its pages load
their files. Below /fhir it depends on the type (fhir.py)."""


def service_of(path: str) -> str | None:
    """The service that a decoded path is passed to, unchanged; None for one that is nobody's, and for health and
    metrics, which are not for people."""
    first = path.split("/")[1] if path.startswith("/") else ""
    if first in OF_INTAKE:
        return "intake"
    if first not in SERVICES or path.removeprefix(f"/{first}").startswith(INSIDE_ONLY):
        return None
    return first
