"""Who somebody is by an ID token's claims and the site's table (site config, `sign_in`). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.roles import ROLES
from shared.site.config import Site
from shared.site.sign_in import ANY_FACILITY
from shared.web.auth import Caller, NotSignedIn, can_be_noted, texts


def person(site: Site, claims: Mapping[str, Any]) -> Caller:
    """The person, with the roles and facilities that the table gives for the claims; those may be none. Raises
    NotSignedIn where `sub` is no text that the audit can note."""
    if not can_be_noted(subject := claims.get("sub")):
        raise NotSignedIn("the sign-in service names nobody")
    table = site.sign_in
    told = _values(claims, table.roles_claim)
    roles = {table.roles[each] for each in told if each in table.roles} if table.roles else {*told} & {*ROLES}
    where = _values(claims, table.facilities_claim)
    names = [name for each in where for name in table.facilities.get(each, ())] if table.facilities else where
    found = (
        {ANY_FACILITY} if ANY_FACILITY in names else {known.name for name in names if (known := site.facility(name))}
    )
    return Caller(subject, frozenset(roles), frozenset(found), _called(claims))


def _values(claims: Mapping[str, Any], name: str) -> list[str]:
    """The texts of a claim: of a list, or one text alone; nothing where the claim is not there."""
    found: Any = claims
    for part in [name] if name in claims else name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return texts([found] if isinstance(found, str) else found)


def _called(claims: Mapping[str, Any]) -> str:
    """How the issuer calls the person (OpenID Connect Core 5.1), for the head of a page."""
    known = (claims.get(claim) for claim in ("name", "preferred_username"))
    return next((text for text in known if can_be_noted(text)), "")
