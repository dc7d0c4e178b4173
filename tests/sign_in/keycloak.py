"""Keycloak for the slow tests: fetched with Maven, run with the local Java on loopback, with a realm of the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from shared.errors import SetUpError
from tests.servers import running
from tools.stack.apache_kafka import java
from tools.stack.children import Command
from tools.stack.folder import ports

VERSION = "26.4.7"
ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:tar.gz"
REALM = Path(__file__).with_name("care-realm.json")
FETCHING, STARTING = 900, 600
"""Seconds for Maven to fetch it (160 MB), and for it to start."""


def fetched(cache: Path) -> Path | str:
    """Its archive, fetched into `cache` the first time; or why there is none."""
    found = cache / f"keycloak-quarkus-dist-{VERSION}.tar.gz"
    if found.exists():
        return found
    if shutil.which("mvn") is None:
        return "no Keycloak: there is no Maven (mvn) here"
    try:
        java()
        words = ["mvn", "-B", "-q", "dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={cache}"]
        subprocess.run(words, check=True, timeout=FETCHING, capture_output=True)
    except SetUpError as why:
        return f"no Keycloak: {why}"
    except (OSError, subprocess.SubprocessError) as fault:
        return f"no Keycloak: Maven did not bring {ARTIFACT} ({type(fault).__name__})"
    return found


@contextmanager
def running_keycloak(archive: Path, place: Path) -> Iterator[str]:
    """Keycloak, unpacked in `place`, with the realm `care`: the realm's address, which is its `iss`."""
    with tarfile.open(archive) as packed:
        packed.extractall(place, filter="data")
    home = place / f"keycloak-{VERSION}"
    (home / "data" / "import").mkdir(parents=True)
    shutil.copy(REALM, home / "data" / "import")
    found = ports({"http": 0, "management": 0})
    command = Command(
        name="keycloak",
        arguments=[
            str(home / "bin" / "kc.sh"), "start-dev", "--http-host=127.0.0.1", f"--http-port={found['http']}",
            f"--http-management-port={found['management']}", "--import-realm",
        ],
        log=place / "keycloak.log",
        environment={**os.environ, "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m"},
    )  # fmt: skip
    url = f"http://127.0.0.1:{found['http']}/realms/care"

    def is_ready() -> bool:
        try:
            described = httpx.get(f"{url}/.well-known/openid-configuration", trust_env=False)
        except httpx.HTTPError:
            return False
        return described.status_code == 200

    with running(command, is_ready, seconds=STARTING):
        yield url
