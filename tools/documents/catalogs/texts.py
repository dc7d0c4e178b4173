"""Every text that pages say: what `say` and `say_count` are called with in Python and in templates, the texts of the
tables and fields that are said when they are rendered, the words of codes, and the sentences of refusals.

Python is read, not run: an argument is followed through conditions, `TABLE[…]`, `TABLE.get(…)`, names of the module and
names imported from another module of the project.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from shared.errors import SetUpError
from shared.events.levels import SHORT, SPOKEN, WORDS
from shared.web.codes import CODES
from shared.web.words import PLACE
from tools.documents.catalogs import templates

ROOT = Path(__file__).resolve().parents[3]
SAYING = ("services", "shared", "tools/stack")
"""Folders whose modules say texts."""
PAGES = ("services/*/desk", "services/*/worklists", "shared/web")
"""Folders whose tables and fields are said by templates."""
RULES = ("services", "shared/web")
"""Folders whose refusals pages show."""
FOR_PROGRAMS = (
    "shared/web/paging", "shared/web/idempotency", "shared/web/openid", "shared/web/descriptors",
    "services/intake/receiving", "services/intake/keeping", "services/intake/feeds", "services/placement/engine/api",
    "services/aftercare/desk/rates",
)  # fmt: skip
"""Modules whose refusals only programs get."""
COUNTING = ("say_count", "_many")
"""What is called with the singular and the plural of a text."""
FIELDS = (
    "title", "hint", "empty", "urgent", "label", "labels", "confirm", "heading", "group", "done", "link", "about",
)  # fmt: skip
"""Names of arguments and fields whose texts are said where they are rendered."""
PLACES = {"_form": (0,), "Column": (1,), "Listing": (1, 2, 3), "_section": (1, 2, 4), "Question": (2,), "Pages": (0, 1)}
"""What is made of such texts → the places of its arguments that have them."""
REFUSALS = {
    "Rejected": 1, "Problem": 2, "unfit": 1, "invalid": 0, "UnfitField": 1, "NotSignedIn": 0, "missing": 1, "Stale": 0,
    "FitReason": 1, "InvalidMessage": 0,
}  # fmt: skip
"""What makes a refusal or a reason → the place of its sentence."""
TABLES = (
    ("services/placement/desk/patient/page.py", "SECTIONS"),
    ("services/aftercare/desk/patient.py", "SECTIONS"),
    ("services/intake/desk/patient.py", "TITLES"),
    ("services/intake/desk/wording.py", "NUMBER_STATES"),
    ("services/intake/desk/wording.py", "NEED_STATES"),
    ("services/intake/hl7/triggers.py", "TRIGGERS"),
    ("services/placement/desk/page/wording.py", "MATCHES"),
    ("services/placement/worklists/wording.py", "_WHAT"),
    ("services/placement/worklists/wording.py", "_WHO"),
    ("services/placement/continuum/states.py", "MEANING"),
    ("services/aftercare/desk/wording.py", "WINDOWS"),
    ("services/placement/desk/patient/bills.py", "_FIELDS"),
    ("shared/web/marks.py", "REASONS"),
    ("services/placement/desk/page/wording.py", "MUSTS"),
    ("services/placement/desk/page/choice_list.py", "_SAID"),
    ("shared/web/tables.py", "PLACEMENT"),
    ("shared/web/tables.py", "PAYER"),
    ("shared/web/tables.py", "AFTER"),
    ("shared/web/tables.py", "TO_BE_SETTLED"),
    ("shared/web/app.py", "_WRONG"),
    ("shared/web/telling.py", "_UNITS"),
    ("shared/web/telling.py", "STATES"),
    ("tools/stack/front/refusals.py", "REFUSALS"),
    ("tools/stack/development_issuer/__init__.py", "WHAT_THEY_DO"),
)
"""Tables whose texts reach `say` by a way that cannot be read from the code: module, name."""


class Text(NamedTuple):
    """A text in English: `many` where it has a number; `again`: rules fill it in, and pages say it again."""

    one: str
    many: str = ""
    again: bool = False


def collected() -> dict[Text, set[str]]:
    """Every text → the files that have it."""
    found: dict[Text, set[str]] = {}
    in_templates = [(Text(*each), place) for each, place in templates.said(ROOT)]
    for one, place in [*_said(), *_rendered(), *_refused(), *_tabled(), *_codes(), *in_templates]:
        if _is_said(one.one):
            found.setdefault(one, set()).add(place)
    plural = {each for text in found if text.many for each in (text.one, text.many)}
    again = {text.one for text in found if text.again}
    merged: dict[Text, set[str]] = {}
    for text, places in found.items():
        if not text.many and text.one in plural:
            continue
        merged.setdefault(text._replace(again=text.one in again), set()).update(places)
    return merged


def _is_said(text: str) -> bool:
    """False for what is no text but a code, a sign or places alone."""
    code = _CODE.fullmatch(text) and text not in _WORDS_WITH_A_DASH
    return re.search(r"[^\W\d_]", PLACE.sub("", text)) is not None and not code and text[:1] != "/"


_CODE = re.compile(r"[a-z]+([-_][a-z]+)+")
_WORDS_WITH_A_DASH = frozenset({"pre-admission"})
"""Texts of one word that look like a code."""


def _modules(folders: tuple[str, ...]) -> Iterator[str]:
    files = {file for folder in folders for top in ROOT.glob(folder) for file in top.rglob("*.py")}
    yield from (file.relative_to(ROOT).as_posix() for file in sorted(files) if file.stem != "openapi")


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call, ast.AST]]:
    """(Name of what is called, the call, the function that it is in)."""

    def walk(node: ast.AST, within: ast.AST) -> Iterator[tuple[str, ast.Call, ast.AST]]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            within = node
        if isinstance(node, ast.Call):
            yield _name(node.func), node, within
        for child in ast.iter_child_nodes(node):
            yield from walk(child, within)

    yield from walk(tree, tree)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _said() -> Iterator[tuple[Text, str]]:
    for module in _modules(SAYING):
        if "shared.web" not in (ROOT / module).read_text(encoding="utf-8"):
            continue
        for name, call, within in _calls(_tree(module)):
            if name == "say" and call.args:
                yield from ((Text(one), module) for one in texts(call.args[0], module, within))
            elif name in COUNTING and call.args:
                yield from ((pair, module) for pair in _pairs(call, module, within))


def _pairs(call: ast.Call, module: str, within: ast.AST) -> Iterator[Text]:
    first = call.args[0]
    if isinstance(first, ast.Starred):
        every = list(texts(first.value, module, within))
        yield from (Text(one, many) for one, many in zip(every[::2], every[1::2], strict=True))
    elif isinstance(first, ast.Constant) and isinstance(call.args[1], ast.Constant):
        yield Text(str(first.value), str(call.args[1].value))


def _rendered() -> Iterator[tuple[Text, str]]:
    for module in _modules(PAGES):
        tree = _tree(module)
        made = PLACES if _file("shared.web.listing") == _imported("Listing", module) else _OF_ANY
        for name, call, within in _calls(tree):
            given = [word.value for word in call.keywords if word.arg in FIELDS]
            given += [word.value for word in call.keywords if (name, word.arg) == ("Question", "options")]
            given += [call.args[place] for place in made.get(name, ()) if place < len(call.args)]
            yield from ((Text(one), module) for each in given for one in texts(each, module, within))
            yield from ((Text(one), module) for one in _waits(name, call))
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                told = [value for key, value in zip(node.keys, node.values, strict=True) if _key(key) in FIELDS]
                yield from ((Text(one), module) for each in told for one in texts(each, module, tree))
            if isinstance(node, ast.AnnAssign) and _name(node.target) in FIELDS and node.value is not None:
                yield from ((Text(one), module) for one in texts(node.value, module, tree))


def _key(node: ast.expr | None) -> str:
    """A key of a table that is written out; empty for any other."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


_OF_ANY = {name: places for name, places in PLACES.items() if name != "Listing"}
"""The same for modules whose `Listing` is another one: of the API."""


def _waits(name: str, call: ast.Call) -> Iterator[str]:
    """What waits in a worklist without a hint is its hint."""
    given = {word.arg: word.value for word in call.keywords}
    waits = given.get("waits")
    if name == "Worklist" and "title" in given and "hint" not in given and isinstance(waits, ast.Constant):
        yield f"{waits.value!s}."


def _refused() -> Iterator[tuple[Text, str]]:
    for module in _modules(RULES):
        if module.startswith(FOR_PROGRAMS):
            continue
        for name, call, within in _calls(_tree(module)):
            place = REFUSALS.get(name)
            sentences = [word.value for word in call.keywords if word.arg == "text"]
            sentences += call.args[place : place + 1] if place is not None else []
            for sentence in sentences if place is not None else ():
                every = texts(sentence, module, within)
                yield from ((Text(one, again=True), module) for one in every if name != "FitReason" or "{" not in one)


def _tabled() -> Iterator[tuple[Text, str]]:
    for module, name in TABLES:
        node, again = _assigned(name, module), name == "MATCHES"
        if node is None:
            raise SetUpError(f"{module} has no {name} any more: TABLES in tools/documents/catalogs/texts.py names it")
        for value in _values(node):
            yield from ((Text(one, again=again), module) for one in texts(value, module, node))


def _values(table: ast.expr) -> Iterator[ast.expr]:
    """The values within a table, at any depth."""
    yield table
    for each in ast.walk(table):
        if isinstance(each, ast.Dict):
            yield from each.values
        elif isinstance(each, ast.Call):
            yield from each.args


def _codes() -> Iterator[tuple[Text, str]]:
    for words in (CODES, WORDS, SPOKEN, SHORT):
        yield from ((Text(one), "shared/web/codes.py") for one in words.values())


def texts(node: ast.expr, module: str, within: ast.AST, depth: int = 0) -> Iterator[str]:
    """The texts that an expression may be; a formatted one with its places named."""
    if depth > _DEEP:
        return
    if isinstance(node, ast.Constant):
        yield from [node.value] if isinstance(node.value, str) else []
    elif isinstance(node, ast.JoinedStr):
        yield formatted(node)
    elif isinstance(node, ast.Attribute):
        other = _imported(_name(node.value), module)
        found = _assigned(node.attr, other) if other else None
        yield from texts(found, other, _tree(other), depth + 1) if found is not None and other else ()
    else:
        for each in _parts(node, module, within):
            yield from texts(each, module, within, depth + 1)


_DEEP = 6
"""Steps after which an expression is not followed any further."""


def _parts(node: ast.expr, module: str, within: ast.AST) -> list[ast.expr]:
    """The expressions one of which this one is."""
    match node:
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
        case ast.BoolOp(values=values) | ast.Tuple(elts=values) | ast.List(elts=values) | ast.Dict(values=values):
            return values
        case ast.Subscript(value=value):
            return [value]
        case ast.Call(func=ast.Attribute(value=value, attr="get"), args=args):
            return [value, *args[1:]]
        case ast.Name(id=name):
            return [*_local(name, within), *filter(None, [_assigned(name, module)])]
    return []


def formatted(node: ast.JoinedStr) -> str:
    """An f-string as a text with places: `f"the plan is {plan.state}"` → `the plan is {state}`."""
    found, used = "", set[str]()
    for part in node.values:
        if isinstance(part, ast.Constant):
            found += str(part.value)
            continue
        names = [each.id if isinstance(each, ast.Name) else each.attr for each in ast.walk(part)
                 if isinstance(each, ast.Name | ast.Attribute)]  # fmt: skip
        plain = [each.lower().strip("_") for each in names if each not in {"len", "join", "sorted", "str"}]
        name = next((each for each in plain if each not in used), f"value{len(used)}")
        used.add(name)
        found += "{" + name + "}"
    return found


def _local(name: str, within: ast.AST) -> list[ast.expr]:
    """What is assigned to a name in a function."""
    if isinstance(within, ast.Module):
        return []
    found = []
    for node in ast.walk(within):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                found += _of_target(target, node.value, name)
    return [each for each in found if not (isinstance(each, ast.Name) and each.id == name)]


def _of_target(target: ast.expr, value: ast.expr, name: str) -> list[ast.expr]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return [own for part, own in zip(target.elts, value.elts, strict=False) if _name(part) == name]
    return [value] if isinstance(target, ast.Name) and target.id == name else []


def _assigned(name: str, module: str) -> ast.expr | None:
    """The value of a constant of a module, or of the module that it is imported from."""
    for node in _tree(module).body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if values := _of_target(target, node.value, name):
                    return values[0]
        elif isinstance(node, ast.AnnAssign) and _name(node.target) == name:
            return node.value
        elif isinstance(node, ast.ImportFrom) and any((each.asname or each.name) == name for each in node.names):
            other = _file(node.module or "")
            return _assigned(name, other) if other else None
    return None


def _imported(owner: str, module: str) -> str | None:
    """The module of the project that a name stands for."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom):
            for each in node.names:
                if (each.asname or each.name) == owner:
                    return _file(f"{node.module}.{each.name}") or _file(node.module or "")
    return None


def _file(dotted: str) -> str | None:
    path = dotted.replace(".", "/")
    return next((one for one in (f"{path}.py", f"{path}/__init__.py") if (ROOT / one).is_file()), None)
