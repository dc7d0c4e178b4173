"""The MLLP door behind TLS, as its settings say."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from services.intake.receiving.mllp import Limits
from shared.errors import SetUpError
from shared.settings import Settings
from tests.intake.certificates import Authority
from tests.intake.conftest import Hospital
from tests.intake.opened import Connect, opened


def of_the_door(**files: Path) -> ssl.SSLContext | None:
    """What the settings with these files make."""
    return Settings.model_validate({f"mllp_{name}_file": path for name, path in files.items()}).mllp_tls()


def of_a_client(authority: Authority, own: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    """A hospital that trusts the authority, with a certificate of its own or none."""
    context = ssl.create_default_context(cafile=str(authority.file))
    if own:
        context.load_cert_chain(*own)
    return context


async def test_a_message_is_taken_over_tls_and_never_in_the_clear(
    hospital: Hospital, connected: Connect, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.sign("door")
    tls = of_the_door(certificate=certificate, key=key)
    async with opened(hospital.intake, tls=tls) as (door, _):
        sender = await connected(door.address, of_a_client(authority))
        for n in range(3):
            assert b"MSA|AA|" in await sender.send(hospital.message("A01", visit=f"V{n}"))
        in_the_clear = await connected(door.address)
        assert await in_the_clear.send(hospital.message("A08")) == b""
        assert b"MSA|AR|" in await sender.send(b"no HL7")
    assert len(await hospital.rows("message_id")) == 3


async def test_only_clients_of_the_authority_are_let_in_where_one_is_set(
    hospital: Hospital, connected: Connect, tmp_path: Path
) -> None:
    authority, stranger = Authority(tmp_path, "authority"), Authority(tmp_path, "stranger")
    certificate, key = authority.sign("door")
    tls = of_the_door(certificate=certificate, key=key, client_ca=authority.file)
    async with opened(hospital.intake, tls=tls) as (door, _):
        known = await connected(door.address, of_a_client(authority, authority.sign("hospital")))
        assert b"MSA|AA|" in await known.send(hospital.message("A01"))
        for own in (None, stranger.sign("somebody")):
            unknown = await connected(door.address, of_a_client(authority, own))
            assert await unknown.send(hospital.message("A08")) == b""
    assert len(await hospital.rows("message_id")) == 1


async def test_who_does_not_begin_to_speak_tls_is_let_go(
    hospital: Hospital, connected: Connect, tmp_path: Path
) -> None:
    certificate, key = Authority(tmp_path, "authority").sign("door")
    tls = of_the_door(certificate=certificate, key=key)
    async with opened(hospital.intake, Limits(hello_seconds=0.05), tls) as (door, _):
        assert await (await connected(door.address)).answer() == b""


def test_without_a_certificate_there_is_no_tls_and_half_of_it_is_refused(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path, "authority").sign("door")
    nothing = tmp_path / "nothing"
    assert of_the_door() is None
    for files, why in [
        ({"key": key}, "STEPDOWN_MLLP_CERTIFICATE_FILE"),
        ({"client_ca": key}, "STEPDOWN_MLLP_CERTIFICATE_FILE"),
        ({"certificate": certificate}, "can't be read"),
        ({"certificate": nothing, "key": key}, "can't be read"),
        ({"certificate": certificate, "key": key, "client_ca": key}, "can't be read"),
    ]:
        with pytest.raises(SetUpError, match=why) as refused:
            of_the_door(**files)
        assert str(tmp_path) not in str(refused.value)
