"""No page of the three desks has a code, and every word is of the language of its reader: crawled on a running system,
by every role, along the links of the rail, the forms of the rows, and the pages of patients and programs."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from services.intake.hl7.triggers import TRIGGERS
from shared.roles import ROLES
from shared.site import config
from tests.browser.people import play
from tests.browsing import Browser
from tests.reading_words import codes, strange, texts
from tests.system import System, a_system
from tools.simulator.care_scenes import INJECTION, PHYSICIAN
from tools.simulator.lives import FAMILY, GIVEN

pytestmark = pytest.mark.slow
DESKS = ("placement", "aftercare", "intake")
PATIENTS, FORMS = 2, 8
"""Of one list: patients whose pages are looked at, and forms."""


@pytest.fixture(scope="module")
async def morning(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    with a_system(tmp_path_factory.mktemp("words")) as running:
        await play(running)
        yield running


_SAID_IN_THE_MORNING = ("PHQ-9", "ACME-STD", "RXNORM", INJECTION, PHYSICIAN, "call-118", "A-4471")
"""An instrument, a payer's plan and references, a medication and its prescriber, as those who told them wrote them."""
_IDS = re.compile(r"…\w{4}\b|\b[0-9a-f]{32}\b|\b9\d{8}\b")
"""Ends of patients' numbers, ids of messages, numbers of the state: they are there to be compared."""


def nobody_s_to_translate() -> list[str]:
    """Texts of the site, of its patients, and of the messages that came."""
    site = config.load(None)
    titled = [each.title for part in (site.programs, site.facilities, site.payers, site.recipients) for each in part]
    groups = [each for one in site.programs for group in one.groups for each in (group.title, group.id)]
    of_programs = [each for one in site.programs for each in (*one.languages, *one.modalities, *one.tracks)]
    spoken = [each.replace("-", " ") for each in (*of_programs, *(each.name for each in site.aftercare.templates))]
    units = [each.code for one in site.facilities for each in one.units]
    accredited = [each for one in site.programs for each in one.accreditation]
    needs = {
        each
        for need in site.needs
        for each in (need.words, *need.values, *(value.replace("-", " ") for value in need.values))
    }
    titled += [*needs, *(each.capitalize() for each in needs)]
    of_site = [*titled, *groups, *spoken, *units, *accredited, *(each.because for each in site.recommendations)]
    of_messages = [
        *TRIGGERS,
        "MLLP",
        "Kafka",
        "HTTP",
        "MSH",
        "MSH-9",
        "MSH-10",
        "PID",
        *_SAID_IN_THE_MORNING,
        *(each for one in site.authorities for each in one.names),
    ]
    return [*of_site, *of_messages, *FAMILY, *GIVEN, *(f"dev-{role}" for role in ROLES)]


_CLOSER = r"/placement/(?:patients|programs)/[^\"]*|/placement/\?search=[^\"]*"


def _links(page: str, pattern: str) -> Iterator[str]:
    yield from dict.fromkeys(html.unescape(each) for each in re.findall(rf'(?:href|hx-get)="({pattern})"', page))


def _without_ids(page: str) -> str:
    return _IDS.sub("", page)


async def crawled(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    """(Address, page) of every page that the signed-in reader comes to."""
    found: dict[str, str] = {}

    async def look(address: str) -> str:
        address = address.partition("#")[0]
        if address not in found:
            fragment = {"hx-request": "true"} if address.endswith("/part") else {}
            answer = await client.get(address, follow_redirects=True, headers=fragment)
            led_there = [each for each, page in found.items() if address in html.unescape(page)][:3]
            assert answer.status_code in {200, 204}, (address, answer.status_code, led_there)
            found[address] = answer.text
        return found[address]

    for desk in DESKS:
        for shown in _links(await look(f"/{desk}/") + await look(f"/{desk}/rail"), rf"/{desk}/\?list=[^\"]*"):
            page = await look(shown)
            for form in list(_links(page, r"/[a-z]+/\?[^\"]*open=[^\"]*"))[:FORMS]:
                await look(form)
            for more in list(_links(page, _CLOSER))[:PATIENTS]:
                for part in _links(await look(more), r"/(?:aftercare|intake)/patients/[^\"]*/part"):
                    await look(part)
    return list(found.items())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("role", ["coordinator", "clinician", "program", "reviewer", "identity", "interface", "admin"])
async def test_no_page_of_any_desk_has_a_code_or_a_word_of_another_language(
    morning: System, role: str, language: str
) -> None:
    ready, wrong, looked_at = morning.ready, set[str](), 0
    async with httpx.AsyncClient(base_url=ready["desk"], timeout=30) as client:
        signed_in = await Browser(client).sign_in(ready["tokens"][role])
        assert signed_in.status == 200
        client.headers.update({"accept-language": language, "accept": "text/html"})
        data = nobody_s_to_translate()
        pages = await crawled(client)
    for address, text in pages:
        if not text:  # a part that this reader does not see
            continue
        assert address.endswith(("/rail", "/part")) or f'<html lang="{language}">' in text, address
        found = {*codes(_without_ids(text), data), *strange(_without_ids(text), language, data)}
        wrong |= {f"{said}  ({address[:60]})" for said in found}
        looked_at += len(texts(text))
    assert "\n".join(sorted(wrong)) == ""
    assert looked_at > 200
