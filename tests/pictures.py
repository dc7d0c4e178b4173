"""Pictures of the desks for docs/a-day-at-the-desk.md: `make pictures` starts a demo, signs in by role, and takes them.

They come into docs/desk, with few colours, so that each is small.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from PIL import Image
from playwright.async_api import Browser, Page, expect

from tests.browser.people import PHONE, a_browser, begins, named, opens, person
from tests.system import ROOT, System

PLACE = ROOT / "docs" / "desk"
PATIENTS = 40
MOST_BYTES = 80 * 1024
"""Of one picture."""
COLOURS = (128, 64, 32, 16)
"""How many colours a picture may have: the first number with which it is small enough. Half of them are the most
frequent ones, half are spread over the others, so that a small mark keeps its colour."""
DESK = {"width": 1180, "height": 800}
PAPER = {"width": 794, "height": 1123}
"""A4 at 96 dots an inch."""
Shows = Callable[[Page], Awaitable[Any]]


class Picture(NamedTuple):
    """One picture: its name, who looks, and what is done first; `how`: the browser's window and liking."""

    name: str
    role: str
    shows: Shows
    how: Mapping[str, Any] = MappingProxyType({"viewport": DESK})


async def today(page: Page) -> None:
    """A coordinator's first page."""
    await named(page)


async def compares(page: Page) -> None:
    """Programs for somebody of this morning, whom nobody was asked for yet."""
    await opens(page, "To be placed")
    await page.locator("tr.row", has_text="nobody asked yet").last.get_by_text("Compare programs").click()
    await expect(page.get_by_role("heading", name="Programs that suit")).to_be_visible()
    await named(page)


async def one_patient(page: Page) -> None:
    """Somebody in a program whose authorization ends soon."""
    await opens(page, "Authorizations ending")
    await page.locator("tr.row .person a").first.click()
    await expect(page.locator("#aftercare h3").first).to_be_visible()
    await named(page)


async def offers(page: Page) -> None:
    """A program's offers, with the form of the first one's answer."""
    await opens(page, "Offers out")
    await expect(await begins(page.locator("tr.row").first, "Program accepts")).to_be_visible()


async def calls(page: Page) -> None:
    """Whom a nurse calls, with the form of a contact."""
    await page.locator("nav.rail a[href*='list=contacts']").click()
    await expect(page.get_by_role("heading", level=1, name="Contacts to make")).to_be_visible()
    await named(page)
    form = await begins(page.locator("tr.row").first, "Record a contact")
    await form.locator("[name=mode]").select_option("phone")
    await form.locator("[name=outcome]").select_option("reached")


async def ending(page: Page) -> None:
    """Authorizations that end, with the form by which the payer's answer is noted."""
    await opens(page, "Authorizations ending")
    await expect(await begins(page.locator("tr.row").first, "Payer allows more")).to_be_visible()


async def finds(page: Page) -> None:
    """The box, with who was found by the beginning of a name."""
    await page.keyboard.press("/")
    await page.keyboard.type("will")
    await expect(page.locator("form.find [role=option]").first).to_be_visible()


async def to_be_placed(page: Page) -> None:
    """The list of those who need a program."""
    await opens(page, "To be placed")


PICTURES = (
    Picture("today", "coordinator", today),
    Picture("compare", "coordinator", compares),
    Picture("patient", "coordinator", one_patient, {"viewport": {"width": 1180, "height": 1000}}),
    Picture("find", "coordinator", finds, {"viewport": {"width": 1180, "height": 480}}),
    Picture("program", "program", offers, {"viewport": {"width": 1180, "height": 560}}),
    Picture("follow-up", "clinician", calls),
    Picture("payer", "reviewer", ending, {"viewport": {"width": 1180, "height": 560}}),
    Picture("phone", "coordinator", to_be_placed, {"viewport": PHONE, "device_scale_factor": 1.5}),
    Picture("dark", "coordinator", to_be_placed, {"viewport": DESK, "color_scheme": "dark"}),
    Picture("print", "coordinator", one_patient, {"viewport": PAPER}),
)


async def taken(browser: Browser, system: System, picture: Picture) -> int:
    """Take one picture; its bytes."""
    page = await person(browser, system, picture.role, timezone_id="America/New_York", **picture.how)
    if picture.role == "clinician":
        await page.goto(system.ready["desk"] + "/aftercare/")
    await picture.shows(page)
    await expect(page.locator("nav.rail .part[hx-get]")).to_have_count(0)
    if picture.name == "print":
        await page.emulate_media(media="print")
    await page.evaluate("scrollTo(0, 0)")
    small = shrunk(await page.screenshot())
    (PLACE / f"{picture.name}.png").write_bytes(small)
    await page.context.close()
    return len(small)


def shrunk(raw: bytes) -> bytes:
    """A PNG with as many colours as MOST_BYTES allow. Raises ValueError where even the fewest are too many."""
    whole = Image.open(BytesIO(raw)).convert("RGB")
    often = sorted(whole.getcolors(whole.width * whole.height) or (), reverse=True)
    for colours in COLOURS:
        rare = whole.quantize(colours // 2, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
        palette = Image.new("P", (1, 1))
        palette.putpalette([*_parts(often[: colours // 2]), *rare])
        few, out = whole.quantize(palette=palette, dither=Image.Dither.NONE), BytesIO()
        few.save(out, "PNG", optimize=True)
        if out.tell() <= MOST_BYTES:
            return out.getvalue()
    raise ValueError(f"a picture of {whole.size} stays larger than {MOST_BYTES} bytes")


def _parts(often: Sequence[tuple[int, Any]]) -> Iterator[int]:
    """Red, green and blue of each."""
    for _, colour in often:
        yield from colour


@contextmanager
def a_demo(data: Path) -> Iterator[System]:
    """`stepdown demo --serve`: half a year, and this morning's work left half done."""
    command = [sys.executable, "-m", "tools.cli.main", "demo", "--serve", "--json", "--patients", str(PATIENTS)]
    with subprocess.Popen([*command, "--data", str(data)], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise SystemExit("the demo did not get ready")
        try:
            yield System(data, process)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


async def main(system: System) -> None:
    """Take all of them, or those that are named on the command line."""
    PLACE.mkdir(exist_ok=True)
    async with a_browser() as browser:
        for picture in PICTURES:
            if not sys.argv[1:] or picture.name in sys.argv[1:]:
                print(f"docs/desk/{picture.name}.png: {await taken(browser, system, picture):,} bytes")


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory(prefix="stepdown-pictures-", ignore_cleanup_errors=True) as made,
        a_demo(Path(made) / "demo") as demo,
    ):
        asyncio.run(main(demo))
