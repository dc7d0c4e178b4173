"""The base of all that is published: structs, which facts, bills and documents are made of.

A struct says its fields once: the type checker knows their names, `msgspec` reads and writes them as JSON (absent where
they are None), and `model_of` gives the pydantic model that schemas are made from, and that bodies of requests and
answers have as a part.
"""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform, get_type_hints

import msgspec
import orjson
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, create_model
from pydantic_core import core_schema

from shared.errors import InvalidMessage

_Struct = TypeVar("_Struct", bound="PublishedStruct")
_Default = TypeVar("_Default")
_CONSTRAINTS = ("description", "min_length", "max_length", "pattern", "ge", "le")
_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_MISSING = re.compile(r"missing required field `(\w+)`")


class Published(BaseModel):
    """A value that leaves a service: frozen, keeps what it does not know, never prints what it was given."""

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        hide_input_in_errors=True,
        use_enum_values=True,
        populate_by_name=True,
        defer_build=True,  # a process uses a few of the types: each is built when it is first used
    )


class _ByName(msgspec.StructMeta):
    """Frozen, and made by the names of its fields; `dataclass_transform` below tells the type checker.

    What is frozen and made of such is never in a circle, so the garbage collector need not look at it.
    """

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_: Any) -> Any:
        return super().__new__(cls, name, bases, namespace, frozen=True, omit_defaults=True, kw_only=True, gc=False)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class PublishedStruct(msgspec.Struct, frozen=True, metaclass=_ByName):
    """A published value, or a part of one. What is None is not written; whatever else has a default is `always` so."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """As a part of a pydantic model it is checked by its own model, and stays a struct."""

        def read(told: Any, check: core_schema.ValidatorFunctionWrapHandler) -> Any:
            if isinstance(told, cls):
                return told
            checked = check(told)
            return cls(**{name: getattr(checked, name) for name in cls.__struct_fields__})

        written = core_schema.plain_serializer_function_ser_schema(as_json)
        inner = handler.generate_schema(model_of(cls))
        return core_schema.no_info_wrap_validator_function(read, inner, serialization=written)


if TYPE_CHECKING:

    def always(value: _Default) -> _Default:
        """A default that is written too."""

else:

    def always(value):
        """A default that is written too."""
        # of `tuple` itself msgspec would leave out an empty one
        return msgspec.field(default_factory=partial(tuple) if value == () else lambda: value)


encode = msgspec.json.Encoder().encode
"""A struct as bytes of JSON."""


def as_json(value: PublishedStruct) -> dict[str, Any]:
    """The JSON value, for who shows or compares it."""
    found: dict[str, Any] = msgspec.json.decode(encode(value))
    return found


def alike(one: PublishedStruct, other: PublishedStruct) -> bool:
    """Whether two values say the same, as they are written.

    In the hour that a zone's clocks go through twice, Python holds a time with a zone unequal to the same instant with
    an offset (PEP 495): so what differs is compared again as it will be read.
    """
    if one == other:
        return True
    return type(one) is type(other) and one == msgspec.json.decode(encode(other), type=type(other))


def read_as_struct(kind: type[_Struct], value: object) -> _Struct:
    """A JSON value as what it is told to be. Raises InvalidMessage, which names a field and never its value."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as wrong:
        raise InvalidMessage(why_unreadable(wrong)) from None


def why_unreadable(wrong: msgspec.ValidationError) -> str:
    """What is wrong, by the field's name and never by its value."""
    return f"the field {_field(str(wrong)) or 'value'} is missing or unreadable"


def json_of(body: bytes) -> dict[str, Any]:
    """Any JSON object. Raises InvalidMessage."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidMessage("the value is not JSON") from None
    if not isinstance(value, dict):
        raise InvalidMessage("the value is not a JSON object")
    if b"u0000" in body and _NUL.search(body):
        raise InvalidMessage("the value has a NUL character")
    return value


def _field(text: str) -> str:
    """`stays[0].level`, by msgspec's words, of which nothing else is told: they have the value."""
    place, missing = _PLACE.search(text), _MISSING.search(text)
    return ".".join(found[1] for found in (place, missing) if found and found[1])


@cache
def model_of(struct: type[PublishedStruct]) -> type[Published]:
    """The pydantic model of the same fields, for schemas and for parts of facts."""
    hints = get_type_hints(struct, include_extras=True)
    fields: dict[str, Any] = {
        one.name: (hints[one.name], _field_info(one, hints[one.name])) for one in msgspec.structs.fields(struct)
    }
    return create_model(
        struct.__name__, __base__=Published, __doc__=struct.__doc__, __module__=struct.__module__, **fields
    )


def _field_info(one: msgspec.structs.FieldInfo, hint: Any) -> Any:
    said: dict[str, Any] = {"alias": one.encode_name} if one.encode_name != one.name else {}
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta):
            said |= {name: each for name in _CONSTRAINTS if (each := getattr(meta, name)) is not None}
    if one.default is not msgspec.NODEFAULT:
        said["default"] = one.default
    elif one.default_factory is not msgspec.NODEFAULT:
        said["default"] = one.default_factory()
    return Field(**said)
