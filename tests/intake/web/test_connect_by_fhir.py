"""The commands of docs/connect-by-fhir.md do what the page says, and its tables are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from services.intake.fhir import codes
from shared.fhir.billed_codes import STATUS_OF
from tests.intake.web.conftest import Asking

PAGE = (Path(__file__).resolve().parents[3] / "docs/connect-by-fhir.md").read_text(encoding="utf-8")
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
CURL = re.compile(r'curl (?:-X (\w+) )?"\$BASE([^"]+)"(.*?)(?:-d @- <<\'END\'\n(.*?)\nEND)?\n', re.DOTALL)
HEADER = re.compile(r'-H "([a-z-]+): ((?:[^"\\]|\\.)*)"')
ROW = re.compile(r"^\| `([^`]+)` \| (.+) \|$", re.MULTILINE)


def table(heading: str) -> dict[str, str]:
    section = PAGE.split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    return dict(ROW.findall(section))


async def test_every_command_of_the_page_works(http: httpx.AsyncClient, asking: Asking) -> None:
    statuses = []
    for block in SHELL.findall(PAGE):
        told = CURL.fullmatch(block)
        assert told, block
        method, path, options, body = told.groups()
        headers = {name: value.replace('\\"', '"') for name, value in HEADER.findall(options)}
        answer = await http.request(
            method or "GET", path.replace("\\$", "$"), content=body, headers={**headers, **asking("hospital")}
        )
        statuses.append(answer.status_code)
        assert answer.status_code < 300, (path, answer.text)
    assert statuses == [201, 200, 200, 200, 201, 201, 201, 201, 200, 201]


def test_every_door_of_the_page_has_a_command() -> None:
    shown = {f"{method or 'GET'} {path}".replace("\\$", "$") for method, path, *_ in CURL.findall(PAGE)}
    for door in re.findall(r"`((?:POST|PUT|GET) /fhir[^`]*)`", PAGE.split("## The doors")[1].split("\n## ")[0]):
        pattern = re.escape(door).replace(r"\{id\}", "[^/]+")
        alike = "POST /fhir/Observation" if door == "POST /fhir/QuestionnaireResponse" else None
        told_by_put = "PUT /fhir/Encounter/enc-1001" if door == "POST /fhir/Encounter" else None
        assert {alike, told_by_put} & shown or any(re.fullmatch(pattern, one) for one in shown), door


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    assert table("Class") == dict(codes.CLASS)
    assert table("Disposition") == dict(STATUS_OF)
    words = {"planned": "is expected (A05)", "open": "goes on", "on-leave": "goes on, the patient is away",
             "ended": "has ended", "taken-back": "is taken back"}  # fmt: skip
    assert table("Status") == {status: words[state] for status, state in codes.STATUS.items()}
