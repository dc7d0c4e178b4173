"""Signing in at an issuer of others, by HTTP: the whole way, what goes wrong on it, and how a session ends."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
import sqlalchemy as sa

from services.intake.timers import retention_kinds
from shared import retention
from shared.clock import SetClock
from shared.run import ServiceProcess
from shared.site import config
from shared.storage.database import Database
from shared.web import sessions
from shared.web.sign_in import LONGEST_PATH, path_of
from tests.sign_in.conftest import intake_with
from tests.sign_in.people import DANA, DESK, SECRET, Browser, known_at

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
async def dana(mock_issuer: str) -> None:
    await known_at(mock_issuer, "dana", **DANA)


async def rows(database: Database) -> list[sa.Row[tuple[object, ...]]]:
    async with database.read() as connection:
        return list(await connection.execute(sa.text("SELECT * FROM sessions ORDER BY made_at")))


async def test_who_signs_in_comes_to_the_page_that_was_asked_for_and_is_known_by_the_sites_table(
    browser: Browser,
) -> None:
    answer = await browser.signs_in("dana", "/placement/searches/one%3Flist%3Doffers")
    assert (answer.status_code, answer.headers["location"]) == (303, "/placement/searches/one?list=offers")
    told = (await browser.session()).json()
    assert told.pop("seconds") == 1800
    assert told == {"subject": "dana", "name": "Dana Reyes", "roles": ["coordinator"], "facilities": ["GOODHEALTH"]}


async def test_the_browser_has_a_random_number_and_the_database_neither_it_nor_a_token_in_the_clear(
    browser: Browser, database: Database
) -> None:
    answer = await browser.signs_in("dana")
    [cookie] = [each for each in answer.headers.get_list("set-cookie") if each.startswith(sessions.SESSION)]
    flags = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= flags
    assert "." not in browser.cookie
    [row] = await rows(database)
    assert browser.cookie not in str(row)
    assert b"eyJ" not in row.sealed, "an ID token begins so"


async def test_pkce_state_and_nonce_go_to_the_issuer_and_the_secret_does_not(browser: Browser) -> None:
    asked = parse_qs(urlsplit(await browser.led_to_the_issuer()).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{DESK}/signed-in"]
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    assert SECRET not in str(asked)


def changed(address: str, **parts: str) -> str:
    """The address with other parameters."""
    found = dict(parse_qsl(urlsplit(address).query)) | parts
    return f"{address.partition('?')[0]}?{urlencode(found)}"


@pytest.mark.parametrize(
    ("to_the_issuer", "back", "status"),
    [
        ({}, {"state": "another"}, 400),
        ({"state": "another"}, {}, 400),
        ({"nonce": "another"}, {}, 401),
        ({"client_id": "another"}, {}, 401),
        ({}, {"code": "another"}, 401),
        ({}, {"code": ""}, 401),
        ({}, {"iss": "https://issuer.evil"}, 401),
    ],
    ids=["state", "state of another attempt", "nonce", "another's code", "code", "no code", "issuer"],
)
async def test_what_does_not_belong_together_signs_nobody_in(
    browser: Browser, database: Database, to_the_issuer: dict[str, str], back: dict[str, str], status: int
) -> None:
    at_issuer = changed(await browser.led_to_the_issuer(), **to_the_issuer)
    answer = await browser.get(changed(await browser.led_back(at_issuer, "dana"), **back))
    assert answer.status_code == status
    assert "Begin again" in answer.text
    assert not browser.cookie
    assert await rows(database) == []


async def test_a_code_is_good_once_though_the_browser_kept_its_cookies(browser: Browser, database: Database) -> None:
    back = await browser.led_back(await browser.led_to_the_issuer(), "dana")
    attempt = dict(browser.client.cookies)
    assert (await browser.get(back)).status_code == 303
    again = await browser.client.get(back, headers={"cookie": "; ".join(f"{k}={v}" for k, v in attempt.items())})
    assert again.status_code == 401
    assert len(await rows(database)) == 1


async def test_a_sign_in_that_was_begun_in_another_browser_is_none(browser: Browser, intake: ServiceProcess) -> None:
    back = await browser.led_back(await browser.led_to_the_issuer(), "dana")
    async with Browser.of(intake.web) as another:
        assert (await another.get(back)).status_code == 400


async def test_who_refuses_at_the_issuer_is_told_so(browser: Browser) -> None:
    state = parse_qs(urlsplit(await browser.led_to_the_issuer()).query)["state"][0]
    answer = await browser.get(f"/signed-in?error=access_denied&error_description=evil-words&state={state}")
    assert answer.status_code == 401
    assert "evil-words" not in answer.text


async def test_who_has_no_role_is_told_so_and_may_sign_in_as_somebody_else(
    browser: Browser, mock_issuer: str, database: Database
) -> None:
    await known_at(mock_issuer, "sam", realm_access={"roles": ["somewhere-else"]}, groups=["everywhere"])
    answer = await browser.signs_in("sam")
    assert answer.status_code == 403
    assert "You have no role here yet" in answer.text
    assert await rows(database) == []
    other = re.search(r'href="(/sign-in[^"]+)"', answer.text)
    assert other
    to = (await browser.get(unescape(other[1]))).headers["location"]
    assert parse_qs(urlsplit(to).query)["prompt"] == ["login"]


async def test_every_sign_in_is_a_new_session_and_ends_the_browsers_old_one(
    browser: Browser, database: Database
) -> None:
    await browser.signs_in("dana")
    first = browser.cookie
    await browser.signs_in("dana")
    assert browser.cookie != first
    assert len(await rows(database)) == 1
    old = await browser.client.get(f"{DESK}/session", headers={"cookie": f"{sessions.SESSION}={first}"})
    assert old.status_code == 401


async def test_a_person_has_at_most_so_many_sessions_and_the_oldest_ends(
    database: Database, clock: SetClock, mock_issuer: str, site: Path
) -> None:
    async with intake_with(database, clock, mock_issuer, sessions_per_person=2, config=site) as intake:
        cookies = []
        for _ in range(3):
            async with Browser.of(intake.web) as each:
                await each.signs_in("dana")
                cookies.append(each.cookie)
            clock.forward(timedelta(seconds=1))
        async with Browser.of(intake.web) as any_browser:
            asked = [
                await any_browser.client.get(f"{DESK}/session", headers={"cookie": f"{sessions.SESSION}={one}"})
                for one in cookies
            ]
    assert [answer.status_code for answer in asked] == [401, 200, 200]


async def test_who_signs_in_at_the_instant_of_others_is_signed_in(
    database: Database, clock: SetClock, mock_issuer: str, site: Path
) -> None:
    async with intake_with(database, clock, mock_issuer, sessions_per_person=1, config=site) as intake:
        for _ in range(4):  # the clock stands still
            async with Browser.of(intake.web) as each:
                await each.signs_in("dana")
                assert (await each.session()).status_code == 200
    assert len(await rows(database)) == 1


async def test_a_session_that_is_used_lasts_and_one_that_is_not_ends(browser: Browser, clock: SetClock) -> None:
    await browser.signs_in("dana")
    for _ in range(2):
        clock.forward(timedelta(minutes=29))
        assert (await browser.session()).status_code == 200
    clock.forward(timedelta(minutes=31))
    assert (await browser.session()).status_code == 401


async def test_what_an_open_page_asks_by_itself_does_not_keep_a_session_that_nobody_uses(
    browser: Browser, clock: SetClock
) -> None:
    await browser.signs_in("dana")
    for _ in range(2):
        clock.forward(timedelta(minutes=14))
        assert (await browser.get("/session", stepdown_by_itself="1")).status_code == 200
    clock.forward(timedelta(minutes=3))
    assert (await browser.get("/session", stepdown_by_itself="1")).status_code == 401


async def test_a_session_ends_after_its_hours_however_much_it_is_used(browser: Browser, clock: SetClock) -> None:
    await browser.signs_in("dana")
    for _ in range(28):
        clock.forward(timedelta(minutes=25))
        assert (await browser.session()).status_code == 200
    clock.forward(timedelta(minutes=21))
    assert (await browser.session()).status_code == 401


async def test_when_it_was_used_is_written_once_a_minute(browser: Browser, clock: SetClock, database: Database) -> None:
    await browser.signs_in("dana")
    [begun] = await rows(database)
    clock.forward(timedelta(seconds=59))
    await browser.session()
    assert (await rows(database))[0].used_at == begun.used_at
    clock.forward(timedelta(seconds=1))
    await browser.session()
    assert (await rows(database))[0].used_at == clock()


async def test_when_the_access_token_ends_the_roles_are_asked_for_again(
    browser: Browser, clock: SetClock, database: Database, mock_issuer: str
) -> None:
    await browser.signs_in("dana")
    [before] = await rows(database)
    for _ in range(3):
        clock.forward(timedelta(minutes=21))
        answers = await asyncio.gather(*(browser.session() for _ in range(5)))
        assert {answer.status_code for answer in answers} == {200}
    [after] = await rows(database)
    assert after.sealed != before.sealed
    assert after.fresh_until > before.fresh_until


async def test_who_is_refused_a_refresh_is_signed_out(
    browser: Browser, clock: SetClock, database: Database, mock_issuer: str
) -> None:
    await browser.signs_in("dana")
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.post(f"{mock_issuer}/users/dana/revoke-tokens")
    clock.forward(timedelta(minutes=29))
    assert (await browser.session()).status_code == 200
    clock.forward(timedelta(minutes=29))
    assert (await browser.session()).status_code == 200
    clock.forward(timedelta(minutes=29))
    assert (await browser.session()).status_code == 401
    assert await rows(database) == []


async def test_who_signs_out_is_signed_out_here_and_led_to_the_issuers_sign_out_and_back(
    browser: Browser, database: Database
) -> None:
    await browser.signs_in("dana")
    cookie = browser.cookie
    answer = await browser.client.post("/sign-out", data={"form_token": sessions.token_of(cookie)})
    assert await rows(database) == []
    leave = answer.headers["refresh"].removeprefix("0; url=")
    asked = parse_qs(urlsplit(leave).query)
    assert asked["post_logout_redirect_uri"] == [f"{DESK}/sign-out"]
    assert asked["id_token_hint"][0].count(".") == 2
    assert not browser.cookie
    held = await browser.client.get(f"{DESK}/session", headers={"cookie": f"{sessions.SESSION}={cookie}"})
    assert held.status_code == 401
    assert "You are signed out" in (await browser.get(asked["post_logout_redirect_uri"][0])).text


async def test_a_form_of_one_session_is_not_one_of_another(browser: Browser, database: Database) -> None:
    await browser.signs_in("dana")
    stolen = sessions.token_of(browser.cookie)
    await browser.signs_in("dana")
    answer = await browser.client.post("/sign-out", data={"form_token": stolen})
    assert answer.status_code == 403
    assert len(await rows(database)) == 1


async def test_rows_of_sessions_that_are_over_are_deleted(
    browser: Browser, clock: SetClock, database: Database, intake: ServiceProcess
) -> None:
    await browser.signs_in("dana")
    kinds = [each for each in retention_kinds(config.load(), 30) if each.name == "sessions"]
    assert await retention.delete_old(database, kinds, at=clock() + 24 * HOUR, actor="retention") == {"sessions": 0}
    late = clock() + 24 * HOUR + timedelta(minutes=31)
    assert await retention.delete_old(database, kinds, at=late, actor="retention") == {"sessions": 1}


async def test_nobody_pastes_a_token_where_there_is_a_real_issuer(
    database: Database, clock: SetClock, mock_issuer: str, site: Path
) -> None:
    real = {"token_jwks_url": f"{mock_issuer}/jwks", "token_issuer": mock_issuer}
    async with (
        intake_with(database, clock, mock_issuer, **real, config=site) as intake,
        Browser.of(intake.web) as browser,
    ):
        assert (await browser.led_to_the_issuer()).startswith(mock_issuer)
        browser.client.cookies.set(sessions.BEFORE, "seed", domain="desk.test")
        given = {"form_token": sessions.token_of("seed"), "token": "a.b.c"}
        answer = await browser.client.post("/sign-in", data=given)
        assert answer.status_code == 403
        assert not browser.cookie


async def test_while_the_issuer_is_away_people_are_told_so_and_who_is_signed_in_works_on(
    browser: Browser, database: Database, clock: SetClock
) -> None:
    await browser.signs_in("dana")
    async with intake_with(database, clock, "http://127.0.0.1:9") as other, Browser.of(other.web) as another:
        answer = await another.get("/sign-in")
        assert answer.status_code == 503
        assert "try again in a moment" in answer.text
        held = {"cookie": f"{sessions.SESSION}={browser.cookie}"}
        assert (await another.client.get("/session", headers=held)).status_code == 200


async def test_no_log_line_names_a_person_a_token_or_a_code(
    browser: Browser, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        back = await browser.led_back(await browser.led_to_the_issuer(), "dana")
        await browser.get(back)
        clock.forward(timedelta(minutes=20))
        await browser.session()
        await browser.client.post("/sign-out", data={"form_token": sessions.token_of(browser.cookie)})
    ours = [record for record in caplog.records if not record.name.startswith("httpx")]
    told = " ".join(str(vars(record)) for record in ours)
    assert "/signed-in" in told
    for secret in ("dana", "Dana", "eyJ", SECRET, parse_qs(urlsplit(back).query)["code"][0], browser.cookie or "eyJ"):
        assert secret not in told


async def test_a_page_of_ours_asks_the_api_by_the_cookie_and_no_other_site_and_no_post_does(browser: Browser) -> None:
    await browser.signs_in("dana")
    assert (await browser.get("/api/feeds", sec_fetch_site="same-origin")).status_code == 200
    for site in ("cross-site", "same-site", "none"):
        assert (await browser.get("/api/feeds", sec_fetch_site=site)).status_code == 401
    assert (await browser.get("/api/feeds")).status_code == 401
    sent = await browser.client.post("/consents", json={}, headers={"sec-fetch-site": "same-origin"})
    assert sent.status_code == 401


@pytest.mark.parametrize(
    "text",
    ["", "https://evil.test/", "//evil.test", "/\\evil.test", "\\/evil.test", "/a\nb", "javascript:1", "evil", "/é",
     "/sign-out", "/sign-in?then=/", "/" + "x" * LONGEST_PATH],
)  # fmt: skip
async def test_a_sign_in_leads_to_a_path_of_ours_and_nowhere_else(text: str) -> None:
    assert path_of(text) == "/"


@pytest.mark.parametrize("text", ["/", "/placement/patients/p-1?as_of=2026-03-01", "/aftercare/"])
async def test_a_path_of_ours_is_kept(text: str) -> None:
    assert path_of(text) == text
