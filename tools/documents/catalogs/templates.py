"""The texts of templates: what `say` and `say_count` are called with, and what a loop's own list of texts has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, nodes

TEMPLATES = ("shared/web/assets/*.html", "tools/stack/development_issuer/*.html")


def said(root: Path) -> Iterator[tuple[tuple[str, str], str]]:
    """Every text, in the singular and the plural, with the file that has it."""
    environment = Environment()  # noqa: S701 - templates are only read
    for file in sorted(each for pattern in TEMPLATES for each in root.glob(pattern)):
        parsed, place = environment.parse(file.read_text(encoding="utf-8")), file.relative_to(root).as_posix()
        for call in parsed.find_all(nodes.Call):
            name = call.node.name if isinstance(call.node, nodes.Name) else ""
            if name == "say" and call.args:
                yield from (((one, ""), place) for one in _texts(call.args[0]))
            elif name == "say_count":
                one, many = (_text(each) for each in call.args[:2])
                yield (one, many), place
        for loop in parsed.find_all(nodes.For):
            yield from (((one, ""), place) for one in _of_loop(loop))


def _texts(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.CondExpr):
        yield from _texts(node.expr1)
        if node.expr2 is not None:
            yield from _texts(node.expr2)
    elif isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value


def _text(node: nodes.Node) -> str:
    assert isinstance(node, nodes.Const)  # noqa: S101 - a text with a number is written where it is said
    return str(node.value)


def _of_loop(loop: nodes.For) -> Iterator[str]:
    """The last of each few constants: `for name, title in (('aftercare', 'Aftercare'), …)`."""
    if isinstance(loop.iter, nodes.Tuple):
        for each in loop.iter.items:
            if isinstance(each, nodes.Tuple) and isinstance(last := each.items[-1], nodes.Const):
                yield str(last.value)
