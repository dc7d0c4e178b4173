"""What a hospital sends as a code, as a code of the site's tables; what is in no table is `unknown`, and listed.

Contract 2. Dispositions, type and source of admission, payers and plans. The text that came stays in intake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from services.intake.hl7.model import Adt, DispositionAs, Payer, SiteMap

UNKNOWN = "unknown"


class Unmapped(NamedTuple):
    """A code that is in no table of the site: what it would be, where it was said, and what was said there."""

    kind: str
    field: str
    code: str


def admission(adt: Adt, site: SiteMap) -> dict[str, Any]:
    """PV1-4 and PV1-14 as a bill's codes."""
    kind, source = _text(adt.admission_type), _text(adt.admission_source)
    told = {"type": kind and site.admission_type(kind), "source": source and site.admission_source(source)}
    return {name: value for name, value in told.items() if value}


def disposition(adt: Adt, site: SiteMap) -> dict[str, Any]:
    """PV1-36 by the site's table; a death that PID tells counts where PV1-36 means nothing here."""
    found = site.disposition(adt.facility, _text(adt.disposition))
    if found.kind == UNKNOWN and adt.deceased:
        found = DispositionAs(found.code, "deceased", site.status_of("deceased"))
    return {name: value for name, value in found._asdict().items() if value is not None}


def payer(one: Payer, site: SiteMap) -> dict[str, Any]:
    """One IN1 as an entry of a coverage."""
    found = site.payer(one.payer, one.plan)
    return {"order": one.order, "payer": found.payer, **({"plan": found.plan} if found.plan else {})}


def unmapped(said: Iterable[Adt], site: SiteMap) -> tuple[Unmapped, ...]:
    """What these messages say that is in no table, each once, in the order said."""
    return tuple(dict.fromkeys(one for adt in said for one in _unmapped(adt, site)))


def _unmapped(adt: Adt, site: SiteMap) -> Iterator[Unmapped]:
    code = _text(adt.disposition)
    if code and site.disposition(adt.facility, code).code == UNKNOWN:
        yield Unmapped("disposition", "PV1-36", code)
    kind, source = _text(adt.admission_type), _text(adt.admission_source)
    if kind and site.admission_type(kind) == UNKNOWN:
        yield Unmapped("admission-type", "PV1-4", kind)
    if source and site.admission_source(source) == UNKNOWN:
        yield Unmapped("admission-source", "PV1-14", source)
    for one in adt.coverage if isinstance(adt.coverage, tuple) else ():
        found = site.payer(one.payer, one.plan)
        if found.payer == UNKNOWN:
            yield Unmapped("payer", "IN1-3", one.payer)
        elif one.plan and found.plan == UNKNOWN:
            yield Unmapped("plan", "IN1-2", one.plan)


def _text(told: object) -> str | None:
    return told if isinstance(told, str) else None
