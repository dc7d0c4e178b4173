"""What people's sign-in needs is given to each service by the compose file and by the chart, as run-it.md says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.intake.app import NAME as INTAKE
from shared.settings import Settings, load
from shared.web.asked_sessions import asked_sessions
from shared.web.kept_sessions import issuer_of
from tests.deploy.charted import FULL, Rendered, files_of, rendered
from tests.deploy.charted import environment as of_a_container
from tests.deploy.composed import COMPOSE, LONG_RUNNING, ROOT, SERVICES, environment

GIVEN = {
    "STEPDOWN_TOKEN_ISSUER": "https://sign-in.example/care",
    "STEPDOWN_CLIENT_ID": "stepdown",
    "STEPDOWN_DESK_URL": "https://care.example",
}
"""What a site writes into `.env`."""
_SET_BY_THE_SITE = {"STEPDOWN_SESSION_IDLE_MINUTES", "STEPDOWN_SESSION_HOURS", "STEPDOWN_SESSIONS_PER_PERSON"}
"""Limits that have their own numbers where nobody sets them."""


def told() -> dict[str, set[str]]:
    """Service → the settings that run-it.md's table of people's sign-in says are given to it."""
    page = (ROOT / "docs" / "run-it.md").read_text(encoding="utf-8")
    table = page.partition("| setting | at | is |")[2].partition("\n\n")[0]
    found: dict[str, set[str]] = {service: set() for service in LONG_RUNNING}
    for names, at, _ in re.findall(r"^\| (`.+?`) \| (.+?) \| (.+?) \|$", table, re.MULTILINE):
        for service in LONG_RUNNING if at == "all three" else at.split(", "):
            found[service] |= set(re.findall(r"STEPDOWN_\w+", names)) - _SET_BY_THE_SITE
    return found


def taken(given: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Settings as a process reads them that is given this; files of secrets say `hush`."""
    with monkeypatch.context() as patch:
        for name, value in given.items():
            (tmp_path / name).write_text("hush\n", encoding="utf-8")
            patch.setenv(name, str(tmp_path / name) if name == "STEPDOWN_CLIENT_SECRET_FILE" else value)
        return load()


def signs_in(service: str, settings: Settings) -> None:
    """A service has what it needs: intake the issuer, the others where intake is."""
    if service == INTAKE:
        issuer = issuer_of(settings)
        assert issuer is not None
        assert (issuer.client_id, settings.client_secret and settings.client_secret.get_secret_value()) == (
            "stepdown",
            "hush",
        )
    else:
        asked = asked_sessions(settings)
        assert asked is not None
        assert asked.desk == "https://care.example"


def only(given: dict[str, str]) -> dict[str, str]:
    """What of an environment is about sign-in."""
    about = set().union(*told().values()) | {"STEPDOWN_TOKEN_ISSUER", "STEPDOWN_TOKEN_JWKS_URL"}
    return {name: value for name, value in given.items() if name in about}


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_the_compose_file_gives_each_service_what_the_page_says(
    service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = only(environment(service))
    assert told()[service] <= given.keys()
    filled = {name: _filled(value) for name, value in given.items()}
    signs_in(service, taken(filled, monkeypatch, tmp_path))
    without = taken({name: _filled(value, {}) for name, value in given.items()}, monkeypatch, tmp_path)
    assert issuer_of(without) is None, "nobody signs in before the site says where"


def _filled(value: str, given: dict[str, str] = GIVEN) -> str:
    """A value of the compose file with its `${NAME:-else}` as compose would fill it in."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: given.get(found[1], "") or found[2], value)


def test_the_secret_is_a_file_that_only_intake_has_and_the_others_reach_intake_by_its_name() -> None:
    assert COMPOSE["secrets"]["client_secret"] == {"file": "deploy/secrets/client_secret"}
    assert [name for name, service in SERVICES.items() if "client_secret" in service.get("secrets", ())] == [INTAKE]
    assert 'keep client_secret ""' in (ROOT / "deploy" / "make-secrets").read_text(encoding="utf-8")
    for service in ("placement", "aftercare"):
        assert environment(service)["STEPDOWN_SESSIONS_URL"] == f"http://{INTAKE}:8080"
        assert set(SERVICES[service]["networks"]) & set(SERVICES[INTAKE]["networks"])


def chart(program: str, *options: str) -> Rendered:
    return rendered(program, "--values", str(FULL), *options)


def test_the_chart_gives_each_service_what_the_page_says(
    program: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pods = {container["name"]: (container, spec) for container, spec in chart(program).containers()}
    for service in LONG_RUNNING:
        container, spec = pods[service]
        given = only(of_a_container(container))
        assert told()[service] <= given.keys()
        signs_in(service, taken(given, monkeypatch, tmp_path))
        assert ("sign-in-client" in files_of(spec)) == (service == INTAKE)


def test_placement_and_aftercare_may_ask_intake_where_people_sign_in_and_only_there(program: str) -> None:
    policies = {
        one["metadata"]["name"].removeprefix("care-"): one["spec"] for one in chart(program).of("NetworkPolicy")
    }
    asks, asked = policies["sessions-asked"], policies["sessions"]
    [who] = asks["podSelector"]["matchExpressions"]
    assert who["values"] == ["placement", "aftercare"]
    [there] = asks["egress"][0]["to"]
    assert there["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == INTAKE
    assert asked["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == INTAKE
    [came] = asked["ingress"][0]["from"]
    assert came["podSelector"]["matchExpressions"] == [who]
    service = next(one for one in chart(program).of("Service") if one["metadata"]["name"] == "care-intake")
    address = next(
        of_a_container(each)["STEPDOWN_SESSIONS_URL"]
        for each, _ in chart(program).containers()
        if each["name"] == "placement"
    )
    assert address == f"http://care-intake:{service['spec']['ports'][0]['port']}"
    without = chart(program, "--set", "signIn.clientId=", "--set", "signIn.clientSecret.name=")
    assert not [one for one in without.of("NetworkPolicy") if "sessions" in one["metadata"]["name"]]
    assert "STEPDOWN_SESSIONS_URL" not in {name for each, _ in without.containers() for name in of_a_container(each)}


@pytest.mark.parametrize(
    "options",
    [
        ["signIn.issuer=", "signIn.jwksUrl="],
        ["signIn.deskUrl=", "ingress.enabled=false"],
        ["signIn.clientId="],
    ],
    ids=["no issuer", "no address of the desks", "a secret without a name"],
)
def test_half_a_sign_in_is_refused(program: str, options: list[str]) -> None:
    with pytest.raises(Exception, match="signIn: "):
        chart(program, *(part for one in options for part in ("--set", one)))


def test_the_address_of_the_desks_is_the_ingress_s_where_no_other_is_given(program: str) -> None:
    found = chart(program, "--set", "signIn.deskUrl=")
    told_ = {
        of_a_container(each).get("STEPDOWN_DESK_URL") for each, spec in found.containers() if each["args"][0] == "run"
    }
    assert told_ == {"https://care.example"}
