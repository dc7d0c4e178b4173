"""The commands of docs/read-by-fhir.md do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

from tests.placement.desk.conftest import Desk, bearer
from tests.placement.desk.stories import at_the_program

PAGE = (Path(__file__).resolve().parents[3] / "docs/read-by-fhir.md").read_text(encoding="utf-8")
CURL = re.compile(r'^curl "\$BASE([^"]+)"( -H "authorization: Bearer \$TOKEN")?$')


async def test_every_command_of_the_page_works(desk: Desk) -> None:
    await at_the_program(desk)
    found = []
    for line in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)[0].splitlines():
        told = CURL.match(line)
        assert told, line
        head = bearer("coordinator") if told[2] else {}
        answer = await desk.client.get(told[1].replace("$PATIENT", "patient-E1"), headers=head)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
    assert [one["resource"]["resourceType"] for one in found[0]["entry"]] == ["EpisodeOfCare", "Encounter", "Encounter"]
    assert found[-1]["resourceType"] == "CapabilityStatement"
