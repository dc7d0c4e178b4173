"""The Dockerfile: what goes in is there, it is no root, it says whether it is well. Own checks: no linter is needed."""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from http import HTTPStatus

import pytest

from tests.deploy.composed import DOCKERFILE, FINAL, IMAGES, ROOT, STAGES, all_of, image_environment

KNOWN = {
    "FROM", "LABEL", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT",
    "CMD",
}  # fmt: skip
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
INSTALLED = re.compile(r"pip install (.+?)(?: &&|$)")


def copied() -> list[str]:
    """What is copied from the checkout."""
    return [source for rest in all_of("COPY") if not rest.startswith("--from") for source in rest.split()[:-1]]


def test_only_instructions_that_are_judged_here_are_used() -> None:
    assert {one.word for one in DOCKERFILE} <= KNOWN


def test_all_stages_begin_with_one_pinned_image() -> None:
    images = {rest.split()[0] for rest in all_of("FROM")} - set(STAGES)
    assert len(images) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", images.pop())


def test_what_is_copied_is_there_and_is_all_that_the_build_is_sent() -> None:
    assert set(copied()) == {line[1:] for line in IGNORED if line.startswith("!")}
    assert "*" in IGNORED
    assert all((ROOT / source).exists() for source in copied())


def test_every_package_that_is_installed_has_a_hash() -> None:
    for arguments in INSTALLED.findall(" && ".join(all_of("RUN"))):
        assert "--require-hashes" in arguments or ("--no-deps" in arguments and "--no-build-isolation" in arguments)


@pytest.mark.parametrize("image", IMAGES)
def test_it_does_not_run_as_root(image: str) -> None:
    stage = STAGES[image]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", all_of("USER", stage)[-1])
    after = stage[[one.word for one in stage].index("USER") :]
    assert not {"RUN", "COPY"} & {one.word for one in after}


def test_the_image_that_is_built_where_none_is_named_is_that_of_the_services() -> None:
    assert list(STAGES)[-1] == "services"


def test_what_it_runs_gets_signals_itself() -> None:
    for word in ("ENTRYPOINT", "CMD"):
        assert all(isinstance(json.loads(rest), list) for rest in all_of(word))


def test_no_file_but_temporary_ones_is_written() -> None:
    found = image_environment()
    assert found["STEPDOWN_DATA"].startswith("/tmp/")
    assert found["PYTHONDONTWRITEBYTECODE"] == "1"


class _Answering(http.server.BaseHTTPRequestHandler):
    status = HTTPStatus.OK
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given
        """Nothing."""


@pytest.mark.parametrize(("status", "code"), [(HTTPStatus.OK, 0), (HTTPStatus.SERVICE_UNAVAILABLE, 1)])
def test_the_health_check_is_what_health_ready_says(status: HTTPStatus, code: int) -> None:
    asked: list[str] = []
    answering = type("Answering", (_Answering,), {"status": status, "asked": asked})
    check = json.loads(all_of("HEALTHCHECK", FINAL)[0].partition(" CMD ")[2])
    assert check[0] == "python"
    with http.server.HTTPServer(("127.0.0.1", 0), answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        environment = os.environ | {"STEPDOWN_HTTP_PORT": str(server.server_port)}
        done = subprocess.run([sys.executable, *check[1:]], env=environment, capture_output=True, check=False)
        server.shutdown()
        thread.join()
    assert (done.returncode, asked) == (code, ["/health/ready"])
