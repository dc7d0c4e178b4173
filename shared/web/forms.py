"""Forms made from the models of the JSON API's request bodies, so that a page asks for what the API asks for. Pure."""

from __future__ import annotations

import hashlib
import types
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Annotated, Any, Literal, NamedTuple, TypeGuard, Union, get_args, get_origin

import orjson
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from shared.errors import InvalidMessage
from shared.web.wording import spoken


class Question(NamedTuple):
    """One field of a form. `kind`: hidden, select, checkbox, datetime-local, date, number or text; `options` of a
    select: value → words; of a checkbox the one value that it sends. `wrong`: why the value that was sent was not
    taken, else empty.

    A name with dots is a place within the body: `identity.name.family`; a number there is a place in a list.
    """

    name: str
    kind: str
    label: str
    required: bool
    value: str = ""
    options: Mapping[str, str] = {}
    wrong: str = ""


class Form(NamedTuple):
    """One thing that can be done: a button, behind its questions where it has any. `address`: where it is sent.

    `seen`: the episode's version that the page showed; `key`: the Idempotency-Key; `zone`: the facility in whose zone
    its times are typed, `clock`: that zone as people write it (`EST`); `open`: its questions are shown; `confirm`: what
    is asked before something that is hard to undo.
    """

    label: str
    address: str
    questions: Sequence[Question]
    seen: int
    key: str
    zone: str = ""
    clock: str = ""
    open: bool = False
    confirm: str = ""

    @property
    def asks(self) -> bool:
        """True where it has a question that a person answers, or something to confirm."""
        return bool(self.confirm) or any(each.kind != "hidden" for each in self.questions)

    @property
    def place(self) -> str:
        """Ten characters that name this form in an address: of where it is sent, and its hidden values."""
        settled = [f"{each.name}={each.value}" for each in self.questions if each.kind == "hidden"]
        return hashlib.sha256("\n".join((self.address, *settled)).encode()).hexdigest()[:10]


class Refused(NamedTuple):
    """A form that was sent and refused: its address, its fields as sent, and field → why it was not taken."""

    address: str
    fields: Mapping[str, str]
    wrong: Mapping[str, str]

    def is_of(self, form: Form) -> bool:
        """True where this form is the one that was refused: the same address, and the same hidden values."""
        settled = ((each.name, each.value) for each in form.questions if each.kind == "hidden")
        return form.address == self.address and all(self.fields.get(name, "") == value for name, value in settled)

    def again(self, form: Form) -> Form:
        """The form with the values that were sent, open, and with what is wrong at each field."""
        told, left = [], dict(self.wrong)
        for each in form.questions:
            about = next((name for name in left if f"{each.name}.".startswith(f"{name}.")), None)
            seen = about is not None and each.kind != "hidden"
            wrong = left.pop(about) if about is not None and seen else ""
            told.append(each._replace(value=self.fields.get(each.name, each.value), wrong=wrong))
        return form._replace(questions=tuple(told), open=True)


def checks(name: str, options: Mapping[str, str]) -> tuple[Question, ...]:
    """A list of which several may be chosen, as checkboxes: `options` has value → words."""
    return tuple(
        Question(f"{name}.{number}", "checkbox", text, required=False, options={value: text})
        for number, (value, text) in enumerate(options.items())
    )


def questions(
    model: type[BaseModel],
    *,
    given: Mapping[str, str] | None = None,
    proposed: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    leave_out: Sequence[str] = (),
    options: Mapping[str, Mapping[str, str]] | None = None,
    required: Sequence[str] = (),
) -> tuple[Question, ...]:
    """The fields of a request model as questions, in the model's order. A list of entries is asked for by the fields of
    each: `coverage.0.payer`.

    `given`: field → value that is fixed, and sent hidden; `proposed`: field → value that a person may change; `labels`:
    field → words, else the field's name; `leave_out`: fields that are not asked for; `options`: field → the values that
    a text is chosen from, with their words; `required`: fields that are needed here and optional in the model. Of a
    list's entries, `labels`, `options` and `leave_out` name a field without its place: `coverage.payer`. As many
    entries are asked for as `proposed` has, one at least.
    """
    known, first, named, chosen = given or {}, proposed or {}, labels or {}, options or {}
    found = []
    for name, plain, info in _fields(model, first):
        if name in known:
            found.append(Question(name, "hidden", "", required=True, value=known[name]))
        elif plain not in leave_out and name.partition(".")[0] not in leave_out:
            last = plain.rpartition(".")[2]
            value = first.get(name, _default(info))
            label = named.get(plain) or named.get(last) or spoken(last).capitalize()
            one = _question(name, info, label, value, chosen.get(plain))
            found.append(one._replace(required=_needed(model, name, info) or name in required))
    return tuple(found)


def _fields(model: type[BaseModel], proposed: Mapping[str, str]) -> Iterator[tuple[str, str, FieldInfo]]:
    """(name, name without the place in a list, field) of every field, those of a list's entries instead of the
    list's."""
    for own, info in model.model_fields.items():
        name, whole = info.alias or own, _without_none(info.annotation)
        if _is_model(whole):
            yield from ((f"{name}.{plain}", f"{name}.{plain}", field) for _, plain, field in _fields(whole, {}))
            continue
        entry = _entry(whole)
        if entry is None:
            yield name, name, info
            continue
        for place in range(max(1, _entries(name, proposed))):
            for inner, field in entry.model_fields.items():
                last = field.alias or inner
                yield f"{name}.{place}.{last}", f"{name}.{last}", field


def _entry(plain: Any) -> type[BaseModel] | None:
    """The model of a list's entries; None for a field that is no such list."""
    if get_origin(plain) is not tuple:
        return None
    inner = get_args(plain)[0]
    return inner if _is_model(inner) else None


def _is_model(plain: Any) -> TypeGuard[type[BaseModel]]:
    """True for a field with fields of its own."""
    return isinstance(plain, type) and issubclass(plain, BaseModel)


def _entries(name: str, fields: Mapping[str, str]) -> int:
    """How many entries of a list these fields name, from the first one on."""
    places = {each.split(".")[1] for each in fields if each.startswith(f"{name}.")}
    return next(count for count in range(len(places) + 1) if str(count) not in places)


def _needed(model: type[BaseModel], name: str, info: FieldInfo) -> bool:
    """True for a required field; within a list's entries only in the first of a list that has to have one."""
    if "." not in name:
        return info.is_required()
    whole, place, *rest = name.split(".")
    first = place == "0" or not rest  # of a list, or the field's own
    return first and info.is_required() and model.model_fields[whole].is_required()


def _question(name: str, info: FieldInfo, label: str, value: str, chosen: Mapping[str, str] | None = None) -> Question:
    plain = _without_none(info.annotation)
    if chosen is not None:
        return Question(name, "select", label, info.is_required(), value, chosen)
    if get_origin(plain) is Literal:
        options = {str(each): spoken(str(each)) for each in get_args(plain)}
        return Question(name, "select", label, info.is_required(), value, options)
    return Question(name, _KINDS.get(plain, "text"), label, info.is_required(), value)


_KINDS: dict[Any, str] = {AwareDatetime: "datetime-local", datetime: "datetime-local", date: "date", int: "number"}


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _without_none(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return _without_none(next(each for each in get_args(annotation) if each is not type(None)))
    return annotation


def _default(info: FieldInfo) -> str:
    """The field's own value where a form can show it; a number that may as well be absent is not proposed."""
    if isinstance(info.default, str) or (isinstance(info.default, int) and info.default > 0):
        return str(info.default)
    return ""


class UnfitField(InvalidMessage):
    """A field of a form, named by `field`, has a value that it cannot have."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def body_of(model: type[BaseModel], fields: Mapping[str, str], zone: tzinfo) -> bytes:
    """The request body that the API would have been sent: JSON of those fields that the model has. Local times get the
    zone's offset; the text of a list is split at blanks, and of a list's entries those are told of which a required
    field is filled in; a name with dots is a place within a field.

    An empty field is left out, except a list that the model requires; so is an element of a list with an empty field.
    Raises UnfitField for a time that cannot be read.
    """
    found: dict[str, Any] = {}
    for own, info in model.model_fields.items():
        name, plain = info.alias or own, _without_none(info.annotation)
        text = fields.get(name, "").strip()
        if (entry := _entry(plain)) is not None:
            found |= told if (told := _told(entry, name, fields, zone)).get(name) or info.is_required() else {}
        elif get_origin(plain) is tuple and name in fields:
            found |= {name: text.split()} if text or info.is_required() else {}
        elif text:
            found[name] = _value(name, plain, text, zone)
        elif inside := {key: value.strip() for key, value in fields.items() if key.startswith(f"{name}.")}:
            found |= {name: value} if (value := _nested(name, inside)) else {}
    return orjson.dumps(found)


def _nested(name: str, fields: Mapping[str, str]) -> Any:
    """The value at a place of the body, from the fields whose names begin with it; None where they are empty."""
    if name in fields:
        return fields[name] or None
    parts = dict.fromkeys(key.removeprefix(f"{name}.").partition(".")[0] for key in fields)
    own = {part: {key: text for key, text in fields.items() if _below(key, f"{name}.{part}")} for part in parts}
    if all(part.isdigit() for part in parts):
        return [_nested(f"{name}.{part}", inside) for part, inside in own.items() if all(inside.values())] or None
    values = {part: _nested(f"{name}.{part}", inside) for part, inside in own.items()}
    return {part: value for part, value in values.items() if value is not None} or None


def _below(key: str, place: str) -> bool:
    return key == place or key.startswith(f"{place}.")


def _told(
    entry: type[BaseModel], name: str, fields: Mapping[str, str], zone: tzinfo
) -> dict[str, list[dict[str, Any]]]:
    """The entries of a list that were filled in, by the list's name; nothing where the form did not ask for any."""
    needed = {field.alias or own for own, field in entry.model_fields.items() if field.is_required()}
    found = []
    for place in range(_entries(name, fields)):
        begin = f"{name}.{place}."
        told = {each.removeprefix(begin): text for each, text in fields.items() if each.startswith(begin)}
        if any(told.get(each, "").strip() for each in needed):
            found.append(orjson.loads(body_of(entry, told, zone)))
    return {name: found} if found or _entries(name, fields) else {}


def _value(name: str, plain: Any, text: str, zone: tzinfo) -> Any:
    if _KINDS.get(plain) != "datetime-local":
        return text
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UnfitField(name, f"{spoken(name)} is no time") from None
    return (at if at.tzinfo else at.replace(tzinfo=zone)).isoformat()


def local(at: datetime, zone: tzinfo) -> str:
    """An instant as the value of an HTML `datetime-local` field: local time of the zone, to the minute."""
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
