"""Tokens of a real issuer: by its published keys, which are asked for rarely and believed for a while."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.errors import SetUpError
from shared.settings import load
from shared.web.auth import NotSignedIn, Tokens, tokens_of
from shared.web.issuer import ALGORITHMS, KEPT_SECONDS, MOST_BYTES, PAUSE_SECONDS, PublishedKeys, keys_at
from tests.waiting import until

ISSUER = "https://issuer.example"


class Issuer:
    """Publishes keys, and counts how often it is asked."""

    def __init__(self) -> None:
        self.private = {kid: ec.generate_private_key(ec.SECP256R1()) for kid in ("one", "two")}
        self.published = ["one"]
        self.asked = 0
        self.away = False
        self.hold: asyncio.Event | None = None
        self.now = 0.0
        self.tokens = Tokens(
            PublishedKeys("https://…", fetch=self.fetch, now=lambda: self.now), ISSUER, ALGORITHMS, "stepdown"
        )

    async def fetch(self, _: str) -> bytes:
        self.asked += 1
        if self.hold is not None:
            await self.hold.wait()
        if self.away:
            raise TimeoutError
        keys = [
            json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.private[kid].public_key())) | {"kid": kid, "use": "sig"}
            for kid in self.published
        ]
        return json.dumps({"keys": keys}).encode()

    def token(self, kid: str = "one", signed_by: str | None = None, **claims: Any) -> str:
        said = {
            "sub": "u1", "iss": ISSUER, "aud": "stepdown", "roles": ["coordinator", "unheard-of"],
            "facilities": ["GOODHEALTH"], "exp": datetime.now(UTC) + timedelta(minutes=5),
        }  # fmt: skip
        return jwt.encode(said | claims, self.private[signed_by or kid], "ES256", headers={"kid": kid})

    async def signs_in(self, token: str) -> bool:
        await self.tokens.ready_for([token])
        try:
            self.tokens.caller(f"Bearer {token}")
        except NotSignedIn:
            return False
        return True


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


async def test_a_token_of_the_issuer_says_who_asks(issuer: Issuer) -> None:
    await issuer.tokens.ready_for([issuer.token()])
    who = issuer.tokens.caller(f"Bearer {issuer.token()}")
    assert (who.subject, set(who.roles), set(who.facilities)) == ("u1", {"coordinator"}, {"GOODHEALTH"})


@pytest.mark.parametrize("odd", ["*", 5, None, {"*": 1}, [["*"]]])
async def test_roles_and_facilities_that_are_no_list_of_texts_give_no_rights(issuer: Issuer, odd: Any) -> None:
    await issuer.tokens.ready_for([issuer.token()])
    who = issuer.tokens.caller(f"Bearer {issuer.token(roles=odd, facilities=odd)}")
    assert not who.roles
    assert not who.may_see("GOODHEALTH")


@pytest.mark.parametrize(
    "wrong",
    [
        {"signed_by": "two"},
        {"kid": "two"},
        {"iss": "https://other.example"},
        {"aud": "other"},
        {"exp": datetime.now(UTC) - timedelta(minutes=5)},
    ],
)
async def test_a_token_that_is_not_right_signs_nobody_in(issuer: Issuer, wrong: dict[str, Any]) -> None:
    assert not await issuer.signs_in(issuer.token(**wrong))


async def test_a_secret_is_no_key_of_a_real_issuer(issuer: Issuer) -> None:
    claims = {"sub": "u1", "iss": ISSUER, "aud": "stepdown", "exp": datetime.now(UTC) + timedelta(minutes=5)}
    assert not await issuer.signs_in(jwt.encode(claims, "x" * 32, "HS256", headers={"kid": "one"}))
    assert not await issuer.signs_in(jwt.encode(claims, "", "none", headers={"kid": "one"}))


async def test_the_keys_are_asked_for_once_in_a_while(issuer: Issuer) -> None:
    assert [await issuer.signs_in(issuer.token()) for _ in range(5)] == [True] * 5
    assert issuer.asked == 1
    issuer.now += KEPT_SECONDS
    assert await issuer.signs_in(issuer.token())
    assert issuer.asked == 2


async def test_a_new_key_is_found_and_made_up_ones_do_not_make_us_ask_all_day(issuer: Issuer) -> None:
    assert await issuer.signs_in(issuer.token())
    issuer.published = ["two"]
    assert not any([await issuer.signs_in(issuer.token("two")) for _ in range(20)])
    assert issuer.asked == 1
    issuer.now += PAUSE_SECONDS
    assert await issuer.signs_in(issuer.token("two"))
    assert not await issuer.signs_in(issuer.token("one"))


async def test_while_the_issuer_is_away_its_keys_are_believed_for_a_while_and_no_longer(issuer: Issuer) -> None:
    assert await issuer.signs_in(issuer.token())
    issuer.away = True
    issuer.now += KEPT_SECONDS - 1
    assert await issuer.signs_in(issuer.token())
    issuer.now += 1
    assert not await issuer.signs_in(issuer.token())
    issuer.away, issuer.now = False, issuer.now + PAUSE_SECONDS
    assert await issuer.signs_in(issuer.token())


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": [{"kty": "EC"}]}', b"\xff"])
async def test_an_answer_that_is_no_set_of_keys_signs_nobody_in(issuer: Issuer, answer: bytes) -> None:
    async def fetch(_: str) -> bytes:
        return answer

    tokens = Tokens(PublishedKeys("https://…", fetch=fetch), ISSUER, ALGORITHMS)
    await tokens.ready_for([issuer.token()])
    with pytest.raises(NotSignedIn):
        tokens.caller(f"Bearer {issuer.token()}")


async def test_many_who_ask_meanwhile_wait_for_one_fetch(issuer: Issuer) -> None:
    issuer.hold = asyncio.Event()
    asking = [asyncio.create_task(issuer.signs_in(issuer.token())) for _ in range(20)]
    await until(lambda: issuer.asked)
    assert not any(each.done() for each in asking)
    issuer.hold.set()
    assert await asyncio.gather(*asking) == [True] * 20
    assert issuer.asked == 1


@asynccontextmanager
async def speaking(say: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """An issuer on a socket, which says what it is told to; its URL."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.readuntil(b"\r\n\r\n")
            await say(writer)
        writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"


def answering(status: str, body: bytes = b"", *headers: str) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    """An answer with that status, headers and body."""

    async def say(writer: asyncio.StreamWriter) -> None:
        head = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(head).encode() + body)
        await writer.drain()

    return say


async def drips(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, for as long as anybody listens."""
    writer.write(b"HTTP/1.1 200 OK\r\nx: ")
    while True:
        writer.write(b"y")
        await writer.drain()
        await asyncio.sleep(0.02)


async def test_the_keys_are_read_over_http(issuer: Issuer) -> None:
    async with speaking(answering("200 OK", await issuer.fetch(""))) as url:
        assert list(await keys_at(url)) == ["one"]


@pytest.mark.parametrize(
    "says",
    [
        answering("302 Found", b"", "location: http://169.254.169.254/latest/meta-data"),
        answering("404 Not Found", b'{"keys": []}'),
        answering("200 OK", b" " * (MOST_BYTES + 1)),
        answering("200 OK\r\nx", b""),
        answering("SMTP"),
    ],
    ids=["a redirect", "not found", "too long", "no HTTP", "another protocol"],
)
async def test_what_is_no_answer_to_believe_is_none(says: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> None:
    async with speaking(says) as url:
        with pytest.raises(SetUpError, match="the issuer's keys can't be had"):
            await keys_at(url)


async def test_an_issuer_that_drips_has_one_deadline_for_all_of_it() -> None:
    async with speaking(drips) as url:
        began = time.monotonic()
        with pytest.raises(SetUpError, match="TimeoutError"):
            await keys_at(url, wait=0.3)
        assert time.monotonic() - began < 3


def test_half_an_issuer_is_told_and_none_means_that_nobody_can_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tokens_of(load()) is None
    with pytest.raises(SetUpError, match="STEPDOWN_TOKEN_ISSUER"):
        tokens_of(load(token_jwks_url="https://issuer.example/keys"))
    assert tokens_of(load(token_jwks_url="https://issuer.example/keys", token_issuer=ISSUER)) is not None
    monkeypatch.setenv("STEPDOWN_TOKEN_JWKS_URL", "http://issuer.example/keys")
    with pytest.raises(SetUpError, match="STEPDOWN_TOKEN_JWKS_URL"):
        load()
    monkeypatch.setenv("STEPDOWN_TOKEN_JWKS_URL", "")
    assert load().token_jwks_url is None
