"""Pages have no codes, and every word of theirs is of the language of their reader."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from services.placement.rules import Rules
from services.placement.worklists.lists import WORKLISTS
from shared.web.wording import spoken
from tests.browsing import Browser, Page
from tests.placement.desk.conftest import DAY, Desk, token
from tests.placement.desk.patient.lived import a_long_way
from tests.placement.desk.stories import WHY
from tests.reading_words import codes, strange, texts

HERE = "/patients/patient-E1"
PAST = [{"on": DAY}, {"as_of": DAY}]


@pytest.fixture
def data(rules: Rules) -> list[str]:
    """Texts of the site and of the story that are nobody's to translate."""
    site = rules.site
    groups = [each for program in site.programs for group in program.groups for each in (group.title, group.id)]
    named = [each.title for part in (site.programs, site.facilities, site.payers) for each in part]
    more = ["3W", "M1", "A1", "patient-E1", "F32.2", "Joint Commission", "CARF", *groups]
    rules_of_site = [each.because for each in site.recommendations]
    people = [f"a-{role}" for role in ("coordinator", "program", "billing", "clinician")]
    languages = {each for program in site.programs for each in program.languages}
    therapies = {each.replace("-", " ") for program in site.programs for each in program.modalities}
    needs = {word for need in site.needs for each in (need.words, *need.values) for word in (each, spoken(each))}
    needs |= {word.capitalize() for word in needs}
    return [*named, *rules_of_site, *more, *people, *languages, *therapies, *needs]


@pytest.fixture
async def told(desk: Desk) -> Desk:
    """A day's work: something in most lists, and one patient with a long way behind them."""
    await a_long_way(desk)
    await desk.leaves_the_ward("E2", "E3", "E4", "E5")
    await desk.offers("E2", "GH-PHP1")
    [countered] = await desk.offers("E3", "GH-PHP1")
    later = {"start_date": "2026-05-20", "reason": "no-seat-before"}
    assert (await desk.post(f"/api/offers/{countered}/countered", later, role="program")).status_code == 200
    placement = await desk.places("E4", start_date="2026-05-15")
    assert placement
    search = await desk.search("E5")
    needs = {"age_years": 57, "payer": "MEDICAID", "track": "co-occurring", "start_by": "2026-05-20"}
    assert (await desk.post(f"/api/searches/{search['search_id']}/needs", needs)).status_code == 200
    desk.clock.forward(timedelta(days=1))
    return desk


async def addresses(browser: Browser, desk: Desk) -> list[str]:
    """Every list, with its first forms open, a search's programs, and a patient's page now and then."""
    lists = [f"/?list={one.name}" for one in WORKLISTS if one.title]
    found = ["/", *lists, HERE, *(f"{HERE}?{name}={value}" for one in PAST for name, value in one.items())]
    for at in lists:
        page = await browser.follow(at)
        found += list(_open(page.text))[:6]
    return [*found, f"/?search={(await desk.search('E5'))['search_id']}", "/patients/nobody", "/?list=none"]


def _open(page: str) -> Iterator[str]:
    yield from (html.unescape(each).partition("#")[0] for each in re.findall(r'href="(/\?[^"]*open=[^"]*)"', page))


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("role", ["coordinator", "program"])
async def test_no_page_has_a_code_or_a_word_of_another_language(
    nobody: Browser, told: Desk, data: list[str], language: str, role: str
) -> None:
    await nobody.enter(token(role))
    nobody.client.headers.update({"accept-language": language, "accept": "text/html"})
    looked_at, wrong = 0, set[str]()
    for address in await addresses(nobody, told):
        page = Page(await nobody.client.get(address, follow_redirects=True))
        assert f'<html lang="{language}">' in page.text
        wrong |= {*codes(page.text, data), *strange(page.text, language, data)}
        looked_at += len(texts(page.text))
    assert "\n".join(sorted(wrong)) == ""
    assert looked_at > 500


async def test_a_reader_chooses_the_language_on_a_page_and_every_page_keeps_it(nobody: Browser) -> None:
    await nobody.enter(token("coordinator"))
    english = await nobody.open("/")
    assert ">Sign out<" in english.text
    assert 'href="/sign-in/language?to=es"' in english.text
    await nobody.client.get("/sign-in/language", params={"to": "es"})
    spanish = await nobody.open("/", list="offers")
    assert '<html lang="es">' in spanish.text
    assert ">Cerrar sesión<" in spanish.text
    assert (await nobody.client.get("/api/searches")).headers["content-type"].startswith("application/")


@pytest.mark.parametrize(
    ("chosen", "headers", "back"),
    [
        ("es", {"referer": "http://desk/?list=offers"}, "/?list=offers"),
        ("es", {"referer": "http://elsewhere.test/trap"}, "/"),
        ("fr", {}, "/"),
        ("es", {"sec-fetch-site": "cross-site"}, "/"),
    ],
)
async def test_the_choice_leads_back_to_the_page_that_it_was_made_on_and_to_no_other_host(
    nobody: Browser, chosen: str, headers: dict[str, str], back: str
) -> None:
    answer = await nobody.client.get("/sign-in/language", params={"to": chosen}, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, back)
    taken = chosen == "es" and "sec-fetch-site" not in headers
    assert ("stepdown_language=es" in answer.headers.get("set-cookie", "")) is taken


async def test_a_refusal_is_said_to_people_in_their_language_and_to_programs_in_english(
    nobody: Browser, desk: Desk
) -> None:
    await desk.leaves_the_ward("E1")
    [offer] = await desk.offers("E1", "GH-PHP1")
    assert (await desk.post(f"/api/offers/{offer}/withdrawn", WHY)).status_code == 200
    again = await desk.client.post(
        f"/api/offers/{offer}/withdrawn", json=WHY, headers=desk_headers() | {"accept-language": "es"}
    )
    assert "the offer" in again.json()["detail"]
    await nobody.enter(token("coordinator"))
    nobody.client.headers["accept-language"] = "es"
    page = await nobody.open("/patients/nobody")
    assert "aquí no hay ningún paciente que usted pueda ver" in page.notice.lower()


def desk_headers() -> dict[str, str]:
    return {"authorization": f"Bearer {token('coordinator')}"}
