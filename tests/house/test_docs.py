"""The documents name only what is there: links, commands with their options, functions, decisions."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import click
import pytest

from shared.site.config import Site
from tools.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FUNCTION = re.compile(r"`((?:services|shared)/[\w/]+\.py):(\w+)`")
SHELL = re.compile(r"```sh[^\n]*\n(.*?)```", re.DOTALL)
FENCED = re.compile(r"```.*?```", re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
IN_A_CONTAINER = re.compile(r"^docker compose run --rm tools ")
IN_TEXT = re.compile(r"`(stepdown [^`]+)`(?! \*\(?not built yet)")
"""Commands in a sentence, but for those that are said not to be there yet."""
OPTIONAL = re.compile(r"[\[\]]")
GENERIC = re.compile(r"[|…]|\bNAME\b")
"""Shorthand for several commands at once."""


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands(text: str) -> list[str]:
    lines = [line for block in SHELL.findall(text) for line in block.splitlines()]
    lines = [IN_A_CONTAINER.sub("stepdown ", line) for line in lines]
    shown = [line.split("#")[0].strip() for line in lines if line.startswith("stepdown ")]
    return shown + [OPTIONAL.sub(" ", told) for told in IN_TEXT.findall(text) if not GENERIC.search(told)]


@cache
def defined(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = [link.split("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


@cache
def anchors(page: Path) -> frozenset[str]:
    """What a link may name after `#`: headings as they become ids on a code host."""
    headings = HEADING.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    return frozenset(re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "#" in link and "://" not in link]
    to = [(page.parent / file if file else page, anchor) for file, _, anchor in (one.partition("#") for one in links)]
    assert [anchor for file, anchor in to if file.suffix == ".md" and anchor not in anchors(file.resolve())] == []


def test_the_anchor_of_a_heading_is_known() -> None:
    assert {"the-data-directory", "back-it-up", "run-it"} <= anchors(ROOT / "docs/run-it.md")


MAKE = re.compile(r"(?:^|`)make ([a-z-]+)", re.MULTILINE)
TARGETS = frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    assert set(MAKE.findall(page.read_text(encoding="utf-8"))) - TARGETS == set()


def test_every_key_of_a_site_is_explained() -> None:
    page = (ROOT / "docs/configure-a-site.md").read_text(encoding="utf-8")
    assert [key for key in Site.model_fields if f"| `{key}` |" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_function_that_is_named_exists(page: Path) -> None:
    named = FUNCTION.findall(page.read_text(encoding="utf-8"))
    gone = [f"{file}:{word}" for file, word in named if not (ROOT / file).is_file() or word not in defined(ROOT / file)]
    assert gone == []


PLACE = re.compile(r"`((?:[a-z_]\w*/)+[\w*-]+\.(?:py|yml|html|md)|(?:services|shared|tools|tests|docs)/[\w/]+/)[:`]")
WITHIN = (".", "services", "services/*", "shared", "tools", "docs")
"""Whatever a path in a page may begin behind: pages leave out what the sentence says."""


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_module_and_folder_that_is_named_is_there(page: Path) -> None:
    named = sorted(set(PLACE.findall(page.read_text(encoding="utf-8"))))
    assert [one for one in named if not any(next(ROOT.glob(f"{base}/{one}"), None) for base in WITHIN)] == []


def test_the_way_of_one_discharge_names_functions_in_every_service() -> None:
    named = FUNCTION.findall((ROOT / "docs/the-way-of-one-discharge.md").read_text(encoding="utf-8"))
    assert {file.split("/")[1] for file, _ in named if file.startswith("services/")} == {
        "intake", "placement", "aftercare",
    }  # fmt: skip


def wrong_with(line: str) -> str | None:
    """What click says of a command line, without running it; None when it would run."""
    group: click.Command = cli
    words = shlex.split(line)[1:]
    context = click.Context(cli, info_name="stepdown")
    while isinstance(group, click.Group) and words and not words[0].startswith("-"):
        found = group.get_command(context, words[0])
        if found is None:
            return f"no command {words[0]}"
        group, words = found, words[1:]
    known = {option for parameter in group.params for option in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "-h", "--version"}
    unknown = [word for word in words if word.startswith("-") and word.split("=")[0] not in known]
    return f"no option {unknown[0]}" if unknown else _arguments(group, words)


def _arguments(command: click.Command, words: list[str]) -> str | None:
    """Whether there are words for what is neither option nor an option's value; a mention may leave them out."""
    taking = {
        option for one in command.params if isinstance(one, click.Option) and not one.is_flag for option in one.opts
    }
    plain = [
        word
        for place, word in enumerate(words)
        if not word.startswith("-") and not (place and words[place - 1] in taking)
    ]
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    many = any(one.nargs == -1 for one in arguments)
    return None if many or len(plain) <= len(arguments) else f"no argument for {plain[-1]}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_line_is_one_that_exists(page: Path) -> None:
    told = commands(page.read_text(encoding="utf-8"))
    assert [(line, why) for line in told if (why := wrong_with(line))] == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("stepdown fly", "no command fly"),
        ("stepdown up --wings", "no option --wings"),
        ("stepdown up --data here there", "no argument for there"),
        ("stepdown up --data here", None),
    ],
)
def test_a_command_line_that_does_not_exist_is_found(line: str, why: str | None) -> None:
    assert wrong_with(line) == why


def test_a_command_that_is_said_not_to_be_there_is_not_there() -> None:
    text = (ROOT / "docs/contract.md").read_text(encoding="utf-8")
    marked = {line.split()[1] for line in re.findall(r"`(stepdown [^`]+)` \*\(not built yet", text)}
    assert [name for name in marked if name in cli.list_commands(click.Context(cli))] == []


def test_every_decision_is_in_the_index_and_numbered_as_its_file() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for page in sorted(folder.glob("[0-9]*.md")):
        assert page.read_text(encoding="utf-8").startswith(f"# {page.name[:4]}. "), page.name
        assert f"[{page.name[:4]}]({page.name})" in index
    assert not [page.name for page in folder.glob("*.md") if not page.name[:4].isdigit() and page.name != "README.md"]
