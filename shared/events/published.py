"""The base classes of everything that is published: facts, service periods and documents are msgspec structs.

A struct declares its fields once: the type checker knows their names, `msgspec` reads and writes them as JSON (None is
left out), and `model_of` gives the pydantic model from which schemas are made and which HTTP bodies use as a part.
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
    """Structs are frozen and take their fields by name; `dataclass_transform` below tells the type checker.

    Frozen structs cannot form reference cycles, so they are exempt from the garbage collector.
    """

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_: Any) -> Any:
        return super().__new__(cls, name, bases, namespace, frozen=True, omit_defaults=True, kw_only=True, gc=False)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class PublishedStruct(msgspec.Struct, frozen=True, metaclass=_ByName):
    """A published value, or a part of one. Fields that are None are not written; all others are always written."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Inside a pydantic model it is validated by its own model and becomes a struct."""

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
    """The value as a JSON object."""
    found: dict[str, Any] = msgspec.json.decode(encode(value))
    return found


def alike(one: PublishedStruct, other: PublishedStruct) -> bool:
    """True when both values have the same content, as they are written.

    In the hour that a zone's clocks go through twice, Python holds a time with a zone unequal to the same instant with
    an offset (PEP 495); so values that differ are compared again as they will be read.
    """
    if one == other:
        return True
    return type(one) is type(other) and one == msgspec.json.decode(encode(other), type=type(other))


def read_as_struct(kind: type[_Struct], value: object) -> _Struct:
    """A JSON value as a struct of this type. Raises InvalidMessage, which names a field and never its value."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as wrong:
        raise InvalidMessage(why_unreadable(wrong)) from None


def why_unreadable(wrong: msgspec.ValidationError) -> str:
    """What is wrong, by the field's name and never by its value."""
    return f"the field {_field(str(wrong)) or 'value'} is missing or unreadable"


def json_of(body: bytes) -> dict[str, Any]:
    """A body as a JSON object. Raises InvalidMessage where it is none."""
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
    """The path of the field in msgspec's error text, such as `stays[0].level`; the rest of that text may hold the
    value."""
    place, missing = _PLACE.search(text), _MISSING.search(text)
    return ".".join(found[1] for found in (place, missing) if found and found[1])


@cache
def model_of(struct: type[PublishedStruct]) -> type[Published]:
    """The pydantic model with the same fields, for schemas and for parts of HTTP bodies."""
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
