"""YAML files as plain values, with file and line of each; knows nothing of what the values mean.

Every scalar stays the text that was written (`01` is "01", `no` is "no"); the models that check the values convert.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from shared.errors import SetUpError

QUICK = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""libyaml's where PyYAML was built with it: ten times as fast at each start; it tells less well what is wrong."""
Location = tuple[str | int, ...]
"""The way to a value: keys and positions, outermost first."""


class Mark(NamedTuple):
    """Where a value is written: the file as it was named, and the line, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class YamlProblem(NamedTuple):
    """One problem in a file, and where it is."""

    mark: Mark
    text: str

    def __str__(self) -> str:
        return f"{self.mark}: {self.text}"


class ConfigError(SetUpError):
    """The files are wrong; each problem has its file and line."""

    def __init__(self, problems: list[YamlProblem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Marked:
    """The top-level mappings of all files together, and the mark of every value."""

    values: dict[str, Any] = field(default_factory=dict)
    marks: dict[Location, Mark] = field(default_factory=dict)

    def mark(self, at: Location) -> Mark:
        """The mark of the value at `at`, else of the nearest value around it."""
        for length in range(len(at), -1, -1):
            if found := self.marks.get(at[:length]):
                return found
        return Mark("config", 1)


def read(path: Path) -> Marked:
    """All of one file, or of every *.yml and *.yaml in a folder. Raises ConfigError or SetUpError."""
    marked = Marked()
    files = _files(path)
    marked.marks[()] = Mark(str(files[0]), 1)
    for file in files:
        _add(marked, file)
    return marked


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = sorted(file for file in path.glob("*.y*ml") if file.suffix in {".yml", ".yaml"}) if path.is_dir() else []
    if not found:
        raise SetUpError(f"no site config at {path}: name a folder with *.yml files, or one file, in STEPDOWN_CONFIG")
    return found


def _add(marked: Marked, file: Path) -> None:
    top = _compose(file)
    if top is None:
        return
    if not isinstance(top, yaml.MappingNode):
        raise ConfigError([YamlProblem(_mark(file, top), "a mapping of keys is expected here")])
    for key, value in _pairs(file, top):
        name = str(key.value)
        if name in marked.values:
            raise ConfigError([YamlProblem(_mark(file, key), f"`{name}` is already given at {marked.marks[(name,)]}")])
        marked.marks[(name,)] = _mark(file, key)
        marked.values[name] = _plain(marked, file, value, (name,), (top,))


def _compose(file: Path) -> yaml.Node | None:
    try:
        text = file.read_text(encoding="utf-8")
        with contextlib.suppress(yaml.YAMLError):
            return yaml.compose(text, Loader=QUICK)
        return yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as wrong:
        line = wrong.problem_mark.line + 1 if wrong.problem_mark else 1
        raise ConfigError([YamlProblem(Mark(str(file), line), f"not YAML: {wrong.problem}")]) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError([YamlProblem(Mark(str(file), 1), "not YAML: a character that is not allowed")]) from None
    except OSError as wrong:
        raise SetUpError(f"{file} can't be read: {wrong.strerror}") from None


def _mark(file: Path, node: yaml.Node) -> Mark:
    return Mark(str(file), node.start_mark.line + 1)


def _pairs(file: Path, node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
    """The keys and values of a mapping. Raises ConfigError for a key that is no text or occurs twice."""
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError([YamlProblem(_mark(file, key), "a key must be plain text")])
        if key.value in seen:
            raise ConfigError(
                [YamlProblem(_mark(file, key), f"`{key.value}` is already given in line {seen[key.value]}")]
            )
        seen[key.value] = key.start_mark.line + 1
    return list(node.value)


def _plain(marked: Marked, file: Path, node: yaml.Node, at: Location, above: tuple[yaml.Node, ...]) -> Any:
    """The node as text, list or dict, with every value marked; a value in a mapping has the line of its key."""
    marked.marks.setdefault(at, _mark(file, node))
    if any(node is outer for outer in above):
        raise ConfigError([YamlProblem(_mark(file, node), "an alias that contains itself")])
    inside = (*above, node)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(marked, file, item, (*at, index), inside) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        values = {}
        for key, value in _pairs(file, node):
            marked.marks[(*at, key.value)] = _mark(file, key)
            values[key.value] = _plain(marked, file, value, (*at, key.value), inside)
        return values
    return node.value
