"""Tokens of a real issuer: by its published keys, which are asked for rarely and believed for a while."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.auth import NotSignedIn, Tokens, tokens_of
from shared.errors import SetUpError
from shared.issuer import ALGORITHMS, KEPT_SECONDS, PAUSE_SECONDS, PublishedKeys
from shared.settings import load

ISSUER = "https://issuer.example"


class Issuer:
    """Publishes keys, and counts how often it is asked."""

    def __init__(self) -> None:
        self.private = {kid: ec.generate_private_key(ec.SECP256R1()) for kid in ("one", "two")}
        self.published = ["one"]
        self.asked = 0
        self.away = False
        self.now = 0.0
        self.tokens = Tokens(
            PublishedKeys("https://…", fetch=self.fetch, now=lambda: self.now), ISSUER, ALGORITHMS, "stepdown"
        )

    def fetch(self, _: str) -> bytes:
        self.asked += 1
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

    def signs_in(self, token: str) -> bool:
        try:
            self.tokens.caller(f"Bearer {token}")
        except NotSignedIn:
            return False
        return True


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def test_a_token_of_the_issuer_says_who_asks(issuer: Issuer) -> None:
    who = issuer.tokens.caller(f"Bearer {issuer.token()}")
    assert (who.subject, set(who.roles), set(who.facilities)) == ("u1", {"coordinator"}, {"GOODHEALTH"})


@pytest.mark.parametrize("odd", ["*", 5, None, {"*": 1}, [["*"]]])
def test_roles_and_facilities_that_are_no_list_of_texts_give_no_rights(issuer: Issuer, odd: Any) -> None:
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
def test_a_token_that_is_not_right_signs_nobody_in(issuer: Issuer, wrong: dict[str, Any]) -> None:
    assert not issuer.signs_in(issuer.token(**wrong))


def test_a_secret_is_no_key_of_a_real_issuer(issuer: Issuer) -> None:
    claims = {"sub": "u1", "iss": ISSUER, "aud": "stepdown", "exp": datetime.now(UTC) + timedelta(minutes=5)}
    assert not issuer.signs_in(jwt.encode(claims, "x" * 32, "HS256", headers={"kid": "one"}))
    assert not issuer.signs_in(jwt.encode(claims, "", "none", headers={"kid": "one"}))


def test_the_keys_are_asked_for_once_in_a_while(issuer: Issuer) -> None:
    assert [issuer.signs_in(issuer.token()) for _ in range(5)] == [True] * 5
    assert issuer.asked == 1
    issuer.now += KEPT_SECONDS
    assert issuer.signs_in(issuer.token())
    assert issuer.asked == 2


def test_a_new_key_is_found_and_made_up_ones_do_not_make_us_ask_all_day(issuer: Issuer) -> None:
    assert issuer.signs_in(issuer.token())
    issuer.published = ["two"]
    assert not any(issuer.signs_in(issuer.token("two")) for _ in range(20))
    assert issuer.asked == 1
    issuer.now += PAUSE_SECONDS
    assert issuer.signs_in(issuer.token("two"))
    assert not issuer.signs_in(issuer.token("one"))


def test_while_the_issuer_is_away_its_keys_are_believed_for_a_while_and_no_longer(issuer: Issuer) -> None:
    assert issuer.signs_in(issuer.token())
    issuer.away = True
    issuer.now += KEPT_SECONDS - 1
    assert issuer.signs_in(issuer.token())
    issuer.now += 1
    assert not issuer.signs_in(issuer.token())
    issuer.away, issuer.now = False, issuer.now + PAUSE_SECONDS
    assert issuer.signs_in(issuer.token())


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": [{"kty": "EC"}]}', b"\xff"])
def test_an_answer_that_is_no_set_of_keys_signs_nobody_in(issuer: Issuer, answer: bytes) -> None:
    tokens = Tokens(PublishedKeys("https://…", fetch=lambda _: answer), ISSUER, ALGORITHMS)
    with pytest.raises(NotSignedIn):
        tokens.caller(f"Bearer {issuer.token()}")


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
