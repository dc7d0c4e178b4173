"""The front door of docker-compose.yml, an nginx: the same table as that of `up`, and streams as they come."""

from __future__ import annotations

import re

import pytest

from tests.deploy.composed import ROOT, SERVICES
from tools.stack.front.door import FrontLimits
from tools.stack.front.fhir import SERVICES_OF, asks
from tools.stack.front.routes import FIRST_PAGE, OF_INTAKE, service_of

CONFIG = (ROOT / "deploy" / "front" / "nginx.conf").read_text(encoding="utf-8")
PATHS = [
    "/intake", "/intake/", "/placement/?", "/aftercare/api/plans", "/placement/metrics", "/intake/health/live",
    "/aftercare/metrics", "/placements/", "/metrics", "/health/live", "/api/searches", "/x/placement/",
    *(f"/{name}" for name in sorted(OF_INTAKE)), "/assets/desk.css", "/sign-input",
]  # fmt: skip


def passed_to(path: str) -> str:
    """What the map of the file makes of a path: the first of its patterns that fits, as nginx takes them."""
    [table] = re.findall(r"map \$uri \$service \{(.*?)\n  \}", CONFIG, re.DOTALL)
    rules = re.findall(r'^\s+"~(.+?)" (\S+);', table, re.MULTILINE)
    assert len(rules) == 6
    return next((to for pattern, to in rules if re.search(pattern, path)), '""').strip('"')


def passed_to_of_fhir(method: str, path: str) -> str:
    """What the map of FHIR makes of a method and a path."""
    [table] = re.findall(r'map "\$request_method \$uri" \$fhir \{(.*?)\n  \}', CONFIG, re.DOTALL)
    rules = re.findall(r'^\s+"~(.+?)" (\S+);', table, re.MULTILINE)
    return next((to for pattern, to in rules if re.search(pattern, f"{method} {path}")), "intake:8080")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("kind", [*sorted(SERVICES_OF), "Bundle"])
@pytest.mark.parametrize("rest", ["", "/p-1-2", "/a-1", "/their-own", "/_search"])
def test_a_type_of_fhir_is_asked_of_the_first_service_that_the_front_door_of_up_asks(
    method: str, kind: str, rest: str
) -> None:
    path = f"/fhir/{kind}{rest}"
    assert passed_to(path) == "$fhir"
    assert passed_to_of_fhir(method, path) == f"{asks(method, path).services[0]}:8080"
    assert passed_to_of_fhir("GET", "/fhir/metadata") == "placement:8080"


@pytest.mark.parametrize("path", PATHS)
def test_an_address_is_passed_to_the_same_service_as_by_the_front_door_of_up(path: str) -> None:
    service = service_of(path)
    assert passed_to(path) == (f"{service}:8080" if service else "")


def test_the_host_alone_leads_to_the_same_page() -> None:
    assert f"location = / {{ return 307 {FIRST_PAGE}; }}" in CONFIG


def test_nothing_is_held_back_and_addresses_are_passed_on_as_they_came() -> None:
    for words in ("proxy_buffering off;", "proxy_request_buffering off;", "proxy_pass http://$service$request_uri;"):
        assert words in CONFIG
    assert f"client_max_body_size {FrontLimits().body_bytes >> 20}m;" in CONFIG


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "X-Forwarded-Prefix"]
)
def test_what_a_browser_says_of_itself_is_not_passed_on(name: str) -> None:
    [said] = re.findall(rf"proxy_set_header {name} (\S+);", CONFIG)
    assert said in {'""', "$remote_addr", "$http_host"}


def test_no_address_gets_into_a_log() -> None:
    assert "access_log off;" in CONFIG
    assert "error_log stderr alert;" in CONFIG


def test_it_is_the_only_door_for_people_and_runs_as_nobody_special() -> None:
    front = SERVICES["front-door"]
    assert front["ports"] == ["127.0.0.1:8080:8080"]
    assert front["networks"] == ["doors"]
    assert (front["user"], front["command"][-1]) == ("nginx", "/etc/stepdown/front/nginx.conf")
    assert "secrets" not in front
    assert "environment" not in front
