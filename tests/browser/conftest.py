"""One running system with this morning's work on it, and one browser, for all tests that only need those."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.browser.chromium import Chromium, a_chromium
from tests.browser.people import a_browser, play
from tests.system import System, a_system


@pytest.fixture(scope="module")
async def morning(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A running system on which this morning's work was played and left half done."""
    with a_system(tmp_path_factory.mktemp("morning")) as running:
        await play(running)
        yield running


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with a_browser() as found:
        yield found


@pytest.fixture(scope="module")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chromium]:
    async with a_chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser
