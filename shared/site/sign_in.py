"""Who people are at this site, in site config: which claims of the issuer's ID token say their roles and facilities."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.roles import Role
from shared.site.values import Name, Part

Claim = Annotated[str, StringConstraints(pattern=r"^\S+$", max_length=200)]
"""The name of a claim; within a claim that is an object, the names by dots: `realm_access.roles`."""
ANY_FACILITY = "*"
"""Stands for all facilities of the site."""


class SignIn(Part):
    """How an ID token's claims become roles and facilities.

    `roles`: value of the claim → role; empty: the values are roles by their own names. `facilities`: value of the claim
    → facilities, `*` for all; empty: the values are facilities by their own names. What is in no table gives nothing.
    """

    roles_claim: Claim = "roles"
    roles: dict[Name, Role] = Field(default_factory=dict)
    facilities_claim: Claim = "facilities"
    facilities: dict[Name, tuple[Name, ...]] = Field(default_factory=dict)
