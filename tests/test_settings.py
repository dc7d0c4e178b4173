"""What the operator sets: from the environment or from files, checked at once, never shown where it is secret."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from shared.errors import SetUpError
from shared.settings import documented, load

KEY = base64.b64encode(bytes(32)).decode()
SECRETS = {"database_url": "postgresql://a:hush@h/d", "kafka_password": "hush", "token_secret": "hush"}


@pytest.mark.parametrize(("name", "text"), SECRETS.items())
def test_a_secret_comes_from_the_environment_or_a_file_and_is_never_shown(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(f"STEPDOWN_{name.upper()}", text)
    assert getattr(load(), name).get_secret_value() == text
    (tmp_path / "secret").write_text(text + "-of-the-file\n")
    monkeypatch.setenv(f"STEPDOWN_{name.upper()}_FILE", str(tmp_path / "secret"))
    assert getattr(load(), name).get_secret_value() == text + "-of-the-file"
    assert "hush" not in repr(load()) + str(load()) + load().model_dump_json()


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("STEPDOWN_HTTP_PORT", "70000"),
        ("STEPDOWN_LOG_LEVEL", "DEBUG"),
        ("STEPDOWN_MESSAGE_KEYS", "k1:c2hvcnQ="),
        ("STEPDOWN_MESSAGE_KEYS", "k1:not base64"),
        ("STEPDOWN_MESSAGE_KEYS", ","),
        ("STEPDOWN_DATABASE_URL_FILE", "/no/such/file"),
    ],
)
def test_what_is_wrong_is_named_and_its_value_is_not(variable: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(SetUpError, match=variable) as wrong:
        load()
    assert text not in str(wrong.value).replace("'INFO'", "") or text == ","


def test_the_first_key_seals_and_the_others_still_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPDOWN_MESSAGE_KEYS", f"new:{KEY}, old:{KEY}")
    assert list(load().keys()) == ["new", "old"]


def test_a_missing_database_or_key_says_which_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DATABASE_URL_FILE", "MESSAGE_KEYS", "MESSAGE_KEYS_FILE"):
        monkeypatch.delenv(f"STEPDOWN_{name}", raising=False)
    with pytest.raises(SetUpError, match="STEPDOWN_DATABASE_URL"):
        load().database()
    with pytest.raises(SetUpError, match="STEPDOWN_MESSAGE_KEYS_FILE"):
        load().keys()


def test_every_variable_is_described() -> None:
    assert [name for name, _, text in documented() if len(text) < 10] == []
