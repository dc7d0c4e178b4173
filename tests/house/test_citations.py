"""What is cited is there: the contract in docs/contract.md, decisions in docs/decisions; and no other law is cited.

A citation is "contract 3.6", "contract 3.6 rules 2 and 7", "contract 5.2", "contract 4, Days and Identity", with more
numbers behind "and", "to" and commas; "rule 7" alone is one of 3.6.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "docs/contract.md"
SEARCHED = ("services", "shared", "tools", "tests", "docs", "config", "bench", "*.md", "pyproject.toml")
TEXT = frozenset({".py", ".md", ".yml", ".yaml", ".toml", ".js", ".html", ".css", ".java"})
OWN = "tests/house/test_citations.py"
RULES = "3.6"
"""Where a rule stands that is cited by its number alone."""

_CITED = re.compile(r"ontracts?\s+(?=\d)")
_RULE_CITED = re.compile(r"ules?\s+\d")
_BEFORE = re.compile(r"(?<![\w.])([1-8]\.\d)[\s#]+r$")
_NUMBER = re.compile(r"(\d+(?:\.\d+)*)(?![\w:]|\.\d)")
_RULES = re.compile(r"[\s#]*\(?([Rr]ules?|promises?)\s+(?=\d)")
_RULE = re.compile(r"(\d+)(?![\w:]|\.\d)")
_MORE_RULES = re.compile(r"(?:,\s*|\s+and\s+|\s+to\s+)(?=\d+(?!\.?\d|[\w:]))")
_ASIDE = re.compile(r"\s*\([^()]{0,60}\)|,[^,()\d]{0,40}\)")
_NAME = re.compile(r"(?:,\s*|\s+and\s+|\s+)\"?([A-Z][a-z]{2,})\b")
_ON = re.compile(r"\s*\)?(?:,\s*|\s+and\s+|\s+to\s+)(?:section\s+)?(?=\d|promise\s+\d)")
_DECIDED = re.compile(r"\b[Dd]ecisions?[ /](\d{4})\b")
_ELSEWHERE = re.compile(
    r"\bhouse\.md\b|\bhouse (?:sentence|section)s? \d|\bnotes/\w|\bnotes on (?!the\b)\w+|\.\./shared\b"
)


class Law(NamedTuple):
    """What can be cited: `3.6`, `3.6 rule 7`, and the paragraphs that have a name, `4 Days`."""

    places: frozenset[str]
    names: frozenset[str]
    """First words of named paragraphs, of any section."""


class Broken(NamedTuple):
    """A citation that leads nowhere."""

    file: str
    line: int
    cited: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} cites {self.cited}"


def law_of(text: str) -> Law:
    """The headings, the numbered rules under them and the named paragraphs of a contract."""
    places: set[str] = set()
    names: set[str] = set()
    section = ""
    for line in text.splitlines():
        if heading := re.match(r"#{2,3} (\d+(?:\.\d+)?)\.? ", line):
            section = heading[1]
            places.add(section)
        elif rule := re.match(r"(\d+)\. ", line):
            places |= {f"{section} rule {rule[1]}", f"{section}.{rule[1]}"}
        elif name := re.match(r"(?:- )?\*\*([A-Z][a-z]+)\b[^*]*\*\*", line):
            places.add(f"{section} {name[1]}")
            names.add(name[1])
    return Law(frozenset(places), frozenset(names))


def cited(text: str, law: Law) -> Iterator[tuple[int, str]]:
    """Where in the text something is cited, and what: every number, rule and name of a citation by itself."""
    begin = _with_its_section(text)
    done = 0
    for at in sorted([*(found.end() for found in _CITED.finditer(text)), *map(begin, _rules_of(text))]):
        for one, end in _read(text, at, law) if at >= done else ():
            yield at, one
            done = end


def _rules_of(text: str) -> Iterator[int]:
    """Where the word stands that a number follows."""
    for found in _RULE_CITED.finditer(text):
        at = found.start() - 1
        if text[at] in "rR" and not text[at - 1 : at].isalnum():
            yield at


def _with_its_section(text: str) -> Callable[[int], int]:
    """From "rule 7" to the beginning of "3.6 rule 7", where that stands there."""

    def begin(at: int) -> int:
        before = max(at - 20, 0)
        found = _BEFORE.search(text[before : at + 1])
        return before + found.start() if found else at

    return begin


def _read(text: str, at: int, law: Law) -> Iterator[tuple[str, int]]:
    section = RULES
    while True:
        if number := _NUMBER.match(text, at):
            section, at = number[1], number.end()
            yield section, at
        if rules := _RULES.match(text, at):
            of = "5" if rules[1].startswith("promise") else section
            at = rules.end()
            for rule, at in _rules(text, at, many=rules[1].endswith("s")):  # noqa: B020
                yield f"{of} rule {rule}", at
        elif not number:
            return
        while (name := _NAME.match(text, at)) and (name[1] in law.names or text[at] == ","):
            at = name.end()
            yield f"{section} {name[1]}", at
        aside = _ASIDE.match(text, at)
        on = _ON.match(text, aside.end() if aside else at)
        if not on:
            return
        at = on.end()


def _rules(text: str, at: int, *, many: bool) -> Iterator[tuple[str, int]]:
    while rule := _RULE.match(text, at):
        at = rule.end()
        yield rule[1], at
        more = _MORE_RULES.match(text, at) if many else None
        if more is None:
            return
        at = more.end()


def broken(file: str, text: str, law: Law) -> list[Broken]:
    """The citations of a text that lead nowhere, and what it cites that nobody here can read."""
    wrong = [(at, f"contract {one}") for at, one in cited(text, law) if one not in law.places]
    if "ecision" in text:
        made = decisions()
        wrong += [(found.start(), found[0]) for found in _DECIDED.finditer(text) if found[1] not in made]
    if "house" in text or "notes" in text or "../shared" in text:
        wrong += [(found.start(), found[0]) for found in _ELSEWHERE.finditer(text)]
    return [Broken(file, text.count("\n", 0, at) + 1, one) for at, one in sorted(wrong)]


@cache
def the_law() -> Law:
    """What docs/contract.md has."""
    return law_of(CONTRACT.read_text(encoding="utf-8"))


@cache
def decisions() -> frozenset[str]:
    """The numbers of the decisions that there are."""
    return frozenset(page.name[:4] for page in (ROOT / "docs/decisions").glob("[0-9]*.md"))


def files() -> Iterator[tuple[str, str]]:
    """Every text that the repository keeps, but for what is generated from it and this test."""
    listed = subprocess.run(["git", "ls-files", "-z", *SEARCHED], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().rstrip("\0").split("\0"):
        path = ROOT / name
        if path.suffix in TEXT and name not in {OWN, "docs/asyncapi.yaml"} and path.is_file():
            yield name, path.read_text(encoding="utf-8")


def test_every_citation_of_the_contract_is_found_there() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: what belongs to the repository is not known")
    wrong = [str(one) for name, text in files() for one in broken(name, text, the_law())]
    assert wrong == []


def test_the_contract_has_its_sections_rules_and_named_paragraphs() -> None:
    every = {"1", "2", "3", "3.1", "3.5", "3.6", "3.8", "7", *(f"3.6 rule {n}" for n in range(1, 15))}
    every |= {*(f"5.{n}" for n in range(1, 11)), "3.7.4", "6 Who", "6 Times", "6 What", "4 Days", "4 Identity"}
    assert every - the_law().places == set()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("(contract 3.6)", ["3.6"]),
        ("Contract 3.6 rule 7. And 24:00", ["3.6", "3.6 rule 7"]),
        ("contract 3.6 rules 2, 7, 12 and section 6; IHE", ["3.6", "3.6 rule 2", "3.6 rule 7", "3.6 rule 12", "6"]),
        ("contract 3.6 (rules 4, 10 and 12) and 4 (days)", ["3.6", "3.6 rule 4", "3.6 rule 10", "3.6 rule 12", "4"]),
        ("contract 3.6 (rules 2 and 7, table of moves) and 6.", ["3.6", "3.6 rule 2", "3.6 rule 7", "6"]),
        ("contract 3.6 rules 6 to 8)", ["3.6", "3.6 rule 6", "3.6 rule 8"]),
        ("contract 5.1 to 5.4 and 5.6 for", ["5.1", "5.4", "5.6"]),
        ("contracts 3.6 and 5", ["3.6", "5"]),
        ("contract 3.6 rule 14, promise 5", ["3.6", "3.6 rule 14", "5 rule 5"]),
        ("contract 5 promise 2", ["5", "5 rule 2"]),
        ("contract 2 (out.<recipient>), 5.2 and 5.7.", ["2", "5.2", "5.7"]),
        ("contract 4, Days and Identity)", ["4", "4 Days", "4 Identity"]),
        ("Contract 6, Who: 999999999", ["6", "6 Who"]),
        ("contract 5.10, 6 Who)", ["5.10", "6", "6 Who"]),
        ('Contract 5.10 and 6 "Who": two', ["5.10", "6", "6 Who"]),
        ("contract 6, ITI-31: A06", ["6"]),
        ("(contract 3.6\n    rule 8)", ["3.6", "3.6 rule 8"]),
        ("# contract 3.6\n# rule 8", ["3.6", "3.6 rule 8"]),
        ("contract 3.7.4)", ["3.7.4"]),
        ("itself back (3.6 rule 9);", ["3.6", "3.6 rule 9"]),
        ("waits (rule 10), and", ["3.6 rule 10"]),
        ("an import contract, 3 of them", []),
    ],
)
def test_what_a_text_cites_is_understood(text: str, what: list[str]) -> None:
    assert [one for _, one in cited(text, the_law())] == what


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("as contract 9 has it", "a.py:1 cites contract 9"),
        ("\ncontract 3.6 rule 15", "a.py:2 cites contract 3.6 rule 15"),
        ("contract 5.11", "a.py:1 cites contract 5.11"),
        ("contract 4, Nights, of", "a.py:1 cites contract 4 Nights"),
        ("(house.md 6.5)", "a.py:1 cites house.md"),
        ("see decision 0116", "a.py:1 cites decision 0116"),
        ("house sentence 5", "a.py:1 cites house sentence 5"),
        ("sources in notes/domain.md", "a.py:1 cites notes/d"),
    ],
)
def test_a_citation_that_leads_nowhere_is_told_with_file_and_line(text: str, why: str) -> None:
    assert [str(one) for one in broken("a.py", text, the_law())] == [why]
