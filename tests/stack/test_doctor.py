"""What `stepdown doctor` finds: each part by itself, with a sentence that says what to do, and no secret in it."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.settings import load
from tests.servers import DatabaseServer, a_broker
from tools.stack import SERVICES, doctor, ready, topics
from tools.stack.doctor import Finding
from tools.stack.folder import claim

NOWHERE = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers where the environment points, unless a test says otherwise."""
    for name in ("CONFIG", "TOKEN_SECRET", "TOKEN_ISSUER", "TOKEN_JWKS_URL"):
        monkeypatch.delenv(f"STEPDOWN_{name}", raising=False)
    monkeypatch.setenv("STEPDOWN_KAFKA", NOWHERE)
    monkeypatch.setenv("STEPDOWN_DATABASE_URL", f"postgresql://intake_app:hush@{NOWHERE}/intake")


async def found(data: Path) -> dict[str, Finding]:
    return {one.what: one for one in await doctor.examine(data)}


async def test_what_is_away_is_named_by_its_place_and_nothing_secret_is_said(tmp_path: Path) -> None:
    told = await found(tmp_path)
    assert {what for what, one in told.items() if one.right} == {"settings", "config", "front door"}
    for what in ("broker", "topics", "database intake"):
        assert NOWHERE in told[what].text
    assert "hush" not in "".join(one.text for one in told.values())


async def test_what_answers_is_right(tmp_path: Path, postgres: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEPDOWN_KAFKA")
    monkeypatch.setenv("STEPDOWN_PLACEMENT_DATABASE_URL", postgres.url)
    with a_broker(tmp_path / "broker") as kafka:
        monkeypatch.setenv("STEPDOWN_KAFKA", kafka)
        assert "stepdown topics apply" in (await found(tmp_path))["topics"].text
        await topics.apply(load(kafka=kafka))
        told = await found(tmp_path)
    assert [what for what in ("broker", "topics", "database placement") if not told[what].right] == []
    assert not told["database aftercare"].right


async def test_a_front_door_that_does_not_answer_is_told_with_its_log(tmp_path: Path) -> None:
    folder = claim(tmp_path)
    for name in SERVICES:
        folder.secret(f"{name}.url", f"postgresql://{name}_app:hush@{NOWHERE}/{name}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        desk = f"http://127.0.0.1:{taken.getsockname()[1]}"
    ready.write(ready.Ready(NOWHERE, NOWHERE, "i", "p", "a", desk=desk), tmp_path / ready.NAME)
    one = (await found(tmp_path))["front door"]
    folder.release()
    assert not one.right
    assert one.text == f"{desk} does not answer: {tmp_path}/logs/front-door.log has what it said"
    assert (await found(tmp_path))["front door"].right, "elsewhere the host is another proxy's"


async def test_a_wrong_config_is_told_with_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site.yml").write_text("name: [")
    monkeypatch.setenv("STEPDOWN_CONFIG", str(tmp_path))
    one = (await found(tmp_path))["config"]
    assert (one.right, "site.yml:1" in one.text) == (False, True)


KEY = {
    "kty": "EC",
    "crv": "P-256",
    "kid": "one",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
"""The public key of RFC 7515 A.3."""


@contextmanager
def publishing(what: object) -> Iterator[str]:
    """The URL of an issuer that publishes it; None: of one that is away."""
    if what is None:
        yield f"http://{NOWHERE}/keys"
        return

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(what).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given
            """Nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/keys"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("published", "right", "says"),
    [
        ({"keys": [KEY]}, True, "publishes 1 keys"),
        ({"keys": [KEY | {"use": "enc"}]}, False, "no key to check tokens with"),
        ({"keys": []}, False, "can't be had"),
        ("<html>", False, "can't be had"),
        (None, False, "can't be had"),
    ],
)
async def test_a_real_issuer_is_asked_for_its_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: object, right: bool, says: str
) -> None:
    monkeypatch.setenv("STEPDOWN_TOKEN_ISSUER", "https://issuer.example")
    with publishing(published) as url:
        monkeypatch.setenv("STEPDOWN_TOKEN_JWKS_URL", url)
        one = (await found(tmp_path))["sign-in"]
    assert (one.right, says in one.text) == (right, True), one.text


async def test_without_an_issuer_it_says_that_nobody_can_sign_in(tmp_path: Path) -> None:
    one = (await found(tmp_path))["sign-in"]
    assert not one.right
    assert "STEPDOWN_TOKEN_JWKS_URL" in one.text


async def test_one_wrong_variable_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPDOWN_HTTP_PORT", "eighty")
    (one,) = await doctor.examine(tmp_path)
    assert (one.what, one.right) == ("settings", False)
    assert "STEPDOWN_HTTP_PORT" in one.text
    assert "eighty" not in one.text
