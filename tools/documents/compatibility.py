"""What a change of a schema breaks for readers (contract 3: only optional fields are added). Pure: two schemas in,
sentences out.

A record stays on its topic for ever, so the new schema must fit old records, and readers of the old schema must be able
to read new records. Every change but a new optional field, or another title or description, breaks that.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_WORDS = {"title", "description", "examples", "default", "deprecated", "$comment", "$id", "$schema", "$defs", "$ref"}
_WALKED = {"properties", "required", "enum", "items", "prefixItems", "additionalProperties", "anyOf", "oneOf", "allOf"}


def incompatibilities(old: Schema, new: Schema) -> list[str]:
    """A sentence for each break, with the path of the field; empty where readers of `old` are not affected."""
    return _Pair(old, new).compare(old, new, "")


def sets_incompatibilities(old: dict[str, Schema], new: dict[str, Schema]) -> list[str]:
    """The same for all types by ce_type; a new type breaks nothing, a removed one does."""
    found = [f"{ce_type}: the type was taken away" for ce_type in sorted(old.keys() - new.keys())]
    for ce_type in sorted(old.keys() & new.keys()):
        found += [f"{ce_type}: {text}" for text in incompatibilities(old[ce_type], new[ce_type])]
    return found


class _Pair:
    """Compares two schema documents, in which references (`#/…`) are looked up. `inside`: the references that are being
    compared now, so that a part that contains itself ends."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self.old, self.new = old, new
        self.inside: list[tuple[str, str]] = []

    def compare(self, old: Any, new: Any, at: str) -> list[str]:
        """Sentences about the breaks between two parts; `at` is the path of the part."""
        if not isinstance(old, dict) or not isinstance(new, dict):
            return [] if old == new else [f"{at or 'value'}: {old} became {new}"]
        references = (old.get("$ref", ""), new.get("$ref", ""))
        if any(references) and references in self.inside:
            return []  # a part that contains itself
        self.inside.append(references)
        found = self._compare(_follow(self.old, old), _follow(self.new, new), at)
        self.inside.pop()
        return found

    def _compare(self, old: Schema, new: Schema, at: str) -> list[str]:
        return [
            *_keywords(old, new, at),
            *_enum(old, new, at),
            *self._properties(old, new, at),
            *self._open(old, new, at),
            *self._parts(old, new, at),
        ]

    def _properties(self, old: Schema, new: Schema, at: str) -> list[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        found = [f"{_at(at, name)}: taken away" for name in before if name not in after]
        found += [f"{_at(at, name)}: made required" for name in sorted(needs - needed)]
        found += [f"{_at(at, name)}: no longer always there" for name in sorted(needed - needs) if name in after]
        for name in before.keys() & after.keys():
            found += self.compare(before[name], after[name], _at(at, name))
        return sorted(found)

    def _open(self, old: Schema, new: Schema, at: str) -> list[str]:
        """Breaks in `additionalProperties`, where absent and true mean the same."""
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        return self.compare(before, after, f"{at or 'value'}.*")

    def _parts(self, old: Schema, new: Schema, at: str) -> list[str]:
        found = []
        if "items" in old or "items" in new:
            found += self.compare(old.get("items", True), new.get("items", True), f"{at}[]")
        for key in ("prefixItems", "anyOf", "oneOf", "allOf"):
            before, after = old.get(key, []), new.get(key, [])
            if len(before) != len(after):
                found.append(f"{at or 'value'}: {key} has {len(after)} parts instead of {len(before)}")
            for n, (one, other) in enumerate(zip(before, after, strict=False)):
                found += self.compare(one, other, f"{at}({key} {n + 1})")
        return found


def _follow(whole: Schema, part: Schema) -> Schema:
    """The part with its `$ref` replaced by what it refers to, and with the keywords beside it."""
    while "$ref" in part:
        target: Any = whole
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        part = {**target, **{key: value for key, value in part.items() if key != "$ref"}}
    return part


def _keywords(old: Schema, new: Schema, at: str) -> list[str]:
    """Breaks in type, format, const, pattern, lengths and bounds: any difference."""
    checked = sorted((old.keys() | new.keys()) - _WORDS - _WALKED)
    return [
        f"{at or 'value'}: {key} was {old.get(key, 'open')}, is {new.get(key, 'open')}"
        for key in checked
        if old.get(key) != new.get(key)
    ]


def _enum(old: Schema, new: Schema, at: str) -> list[str]:
    before, after = old.get("enum"), new.get("enum")
    if before is None and after is None:
        return []
    if before is None or after is None:
        return [f"{at or 'value'}: {'closed to a list of values' if before is None else 'opened to any value'}"]
    gone = [f"{at or 'value'}: value `{value}` taken away" for value in before if value not in after]
    return gone + [f"{at or 'value'}: value `{value}` added to a closed list" for value in after if value not in before]


def _at(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
