"""What `heal` says of a system of which nothing was lost, while it runs."""

from __future__ import annotations

import pytest

from tests.cli.conftest import RunningSystem, run
from tools.stack import SERVICES


@pytest.mark.parametrize("more", [(), ("--dry-run",), ("intake",), ("placement", "--dry-run")])
def test_where_nothing_was_lost_heal_says_so_and_the_services_go_on(
    system: RunningSystem, more: tuple[str, ...]
) -> None:
    said = system.stepdown("heal", *more, "--json")
    assert said.code == 0, said.err
    [told] = said.lines
    asked = {name for name in more if name in SERVICES} or set(SERVICES)
    assert (told["in_line"], told["dry_run"], set(told["done"])) == (True, "--dry-run" in more, asked), told["done"]
    assert system.stepdown("verify", "--json").code == 0
    assert "are in line" in system.stepdown("heal", *more).out


def test_a_service_that_is_none_is_wrong_usage() -> None:
    assert run("heal", "billing").code == 2
