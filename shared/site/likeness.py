"""How much each likeness of two records counts for or against their being one person's: a part of the site config."""

from __future__ import annotations

from pydantic import Field

from shared.site.values import Part


class Likeness(Part):
    """Points of each likeness and difference (contract 6, Who), and from how many points on two records are listed."""

    listed_from: int = Field(default=5, ge=1, le=100)
    """Two records that share no number are listed from so many points on: the same name and birth date are enough."""
    similar_from: float = Field(default=0.88, gt=0, le=1)
    """Two parts of a name are similar from this Jaro-Winkler similarity on (0 to 1): Smith and Smyth are."""
    same_name: int = Field(default=3, ge=-100, le=100)
    similar_name: int = Field(default=2, ge=-100, le=100)
    same_birth_date: int = Field(default=3, ge=-100, le=100)
    same_telephone: int = Field(default=2, ge=-100, le=100)
    same_address: int = Field(default=2, ge=-100, le=100)
    name_differs: int = Field(default=-3, ge=-100, le=100)
    birth_date_differs: int = Field(default=-3, ge=-100, le=100)
    sex_differs: int = Field(default=-2, ge=-100, le=100)
