"""FHIR R4's data types, as far as an element of theirs is used. An element that is not here is ignored.

Every element may be absent: what a resource must have is checked by who needs it, who can say which one is missing.
"""

from __future__ import annotations

from msgspec import Struct, field


class Element(Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What all elements have in common here: JSON names in camelCase, and no element that says nothing."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Coding(Element):
    """A code, and the URI of the system that it is of."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Element):
    """One meaning, in codes of several systems or in words."""

    coding: tuple[Coding, ...] = ()
    text: str | None = None


class Period(Element):
    """From and to, both as FHIR's dateTime (times.py reads it)."""

    start: str | None = None
    end: str | None = None


class Identifier(Element):
    """A number of a thing or person: the value, and the URI of the system in which it is the only one."""

    use: str | None = None
    type: CodeableConcept | None = None
    system: str | None = None
    value: str | None = None
    period: Period | None = None
    assigner: Reference | None = None


class Reference(Element):
    """Another resource: by its address, by a number of it, or in words."""

    reference: str | None = None
    type: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class HumanName(Element):
    """A name of a person. In JSON a name without a value, but with an extension, is null in the list."""

    use: str | None = None
    text: str | None = None
    family: str | None = None
    given: tuple[str | None, ...] = ()


class ContactPoint(Element):
    """A telephone number or an address of mail."""

    system: str | None = None
    value: str | None = None
    use: str | None = None


class PostalAddress(Element):
    """Where somebody lives."""

    use: str | None = None
    line: tuple[str | None, ...] = ()
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class Meta(Element):
    """What a server says of a resource: its version, and when it was changed last."""

    version_id: str | None = None
    last_updated: str | None = None
    profile: tuple[str, ...] = ()


class ResourceHead(Element):
    """The least that every resource says of itself."""

    resource_type: str = ""
    id: str | None = None
    meta: Meta | None = None


class Quantity(Element):
    """A number of a measure."""

    value: float | None = None


class Extension(Element):
    """What FHIR has no element for, under a URL."""

    url: str | None = None
    value_code: str | None = None
    value_string: str | None = None
    value_boolean: bool | None = None
    value_decimal: float | None = None
    value_coding: Coding | None = None


Class = field(name="class", default=None)
"""The element `class`, which is no name in Python."""
