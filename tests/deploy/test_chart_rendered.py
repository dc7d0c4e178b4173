"""The Helm chart as helm renders it: what each object names is there, and the services take what they are given."""

from __future__ import annotations

import base64
import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.settings import load, unknown_variables
from shared.site.config import load as site_at
from shared.stopping import STOP_SECONDS
from shared.web.app import web_app
from tests.deploy.charted import CHART, FULL, Object, Rendered, environment, files_of, rendered
from tests.deploy.composed import ROOT
from tests.house.test_docs import wrong_with
from tools.stack.front import routes as front
from tools.stack.front.fhir import SERVICES_OF, asks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
OPTIONS = {
    "default": (),
    "full": ("--values", str(FULL)),
    "sample": ("--set", "site.sample=true,site.existingConfigMap="),
}
VOLUMES = {"configMap", "emptyDir", "projected", "secret", "csi", "downwardAPI", "ephemeral", "persistentVolumeClaim"}
"""What a pod may have as volumes by the restricted Pod Security Standard."""


@pytest.fixture(scope="module", params=OPTIONS)
def chart(request: pytest.FixtureRequest, program: str) -> Rendered:
    """The chart with each set of values."""
    return rendered(program, *OPTIONS[request.param])


@pytest.mark.parametrize("values", OPTIONS)
def test_helm_has_nothing_against_it(program: str, values: str) -> None:
    how = [program, "lint", "--strict", str(CHART), "--kube-version", "1.31.0", *OPTIONS[values]]
    done = subprocess.run(how, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def of_their_kind(strict: str, objects: Iterable[Object]) -> str:
    """What Kubernetes' own types have against objects; empty for nothing."""
    done = subprocess.run([strict], input=yaml.safe_dump_all(objects), capture_output=True, text=True, check=False)
    assert done.returncode == bool(done.stdout), done.stderr
    return done.stdout


def test_every_object_is_of_its_kind(strict: str, chart: Rendered) -> None:
    known = [one for one in chart.objects if one["kind"] != "ServiceMonitor"]  # its kind is the operator's
    assert of_their_kind(strict, known) == ""
    misspelt = {**known[0], "spce": {}}
    assert 'unknown field "spce"' in of_their_kind(strict, [misspelt])


def test_every_part_is_rendered(program: str) -> None:
    full = rendered(program, *OPTIONS["full"])
    assert {one["kind"] for one in full.objects} == {
        "ConfigMap", "Deployment", "Ingress", "Job", "NetworkPolicy", "PodDisruptionBudget", "Service",
        "ServiceAccount", "ServiceMonitor",
    }  # fmt: skip
    assert [one["spec"]["template"]["spec"]["containers"][0]["args"] for one in full.of("Deployment")] == [
        ["run", service] for service in ("intake", "placement", "aftercare")
    ]


def test_every_command_is_one_that_exists(chart: Rendered) -> None:
    for container, _ in chart.containers():
        assert wrong_with(" ".join(["stepdown", *container["args"]])) is None


def test_every_variable_is_one_that_the_code_reads_and_none_names_a_process(chart: Rendered) -> None:
    for container, spec in chart.containers():
        given = environment(container)
        assert unknown_variables(given) == []
        assert "STEPDOWN_INSTANCE" not in given
        assert spec["enableServiceLinks"] is False, "a Service's variables begin with STEPDOWN_ too"


def mounted(container: Object, spec: Object) -> Iterator[str]:
    """Every file of a Secret that a container has."""
    files = files_of(spec)
    for mount in container["volumeMounts"]:
        yield from (f"{mount['mountPath']}/{file}" for file in files.get(mount["name"], ()))


def test_every_file_that_is_named_is_mounted_and_every_secret_that_is_mounted_is_read(chart: Rendered) -> None:
    for container, spec in chart.containers():
        named = {value for name, value in environment(container).items() if name.endswith(("_FILE", "ROOTCERT"))}
        assert named == set(mounted(container, spec))
        assert {mount["name"] for mount in container["volumeMounts"]} <= {one["name"] for one in spec["volumes"]}


TEXTS = {
    "STEPDOWN_MESSAGE_KEYS_FILE": "k:" + base64.b64encode(b"k" * 32).decode(),
    "STEPDOWN_DATABASE_URL_FILE": "postgresql://intake_app:x@db.example/intake",
    "STEPDOWN_KAFKA_PASSWORD_FILE": "hush",
    "STEPDOWN_CLIENT_SECRET_FILE": "hush",
}
"""What Secrets have in them."""


def test_the_services_take_the_settings(chart: Rendered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for container, _ in chart.containers():
        with monkeypatch.context() as patch:
            for name, value in environment(container).items():
                (tmp_path / name).write_text(TEXTS.get(name, ""), encoding="utf-8")
                patch.setenv(name, str(tmp_path / name) if name in TEXTS else value)
            settings = load()
        if container["args"][0] == "run":
            assert not settings.only_this_machine
            assert settings.keys()
            assert settings.database()


def test_no_secret_is_made_and_none_stands_in_an_object(chart: Rendered) -> None:
    assert chart.of("Secret") == []
    for container, _ in chart.containers():
        for name, value in environment(container).items():
            secret = name.endswith(("PASSWORD", "KEYS", "DATABASE_URL", "OWNER_URL", "ADMIN_URL", "SECRET"))
            assert not secret, "a secret comes as a file"
            assert "@" not in value


def test_secrets_are_those_of_the_values(program: str) -> None:
    full = rendered(program, *OPTIONS["full"])
    named = {v["secret"]["secretName"] for _, pod in full.pods() for v in pod["spec"]["volumes"] if "secret" in v}
    assert named == {
        "stepdown-intake", "stepdown-placement", "stepdown-aftercare", "stepdown-owners", "postgres-admin",
        "kafka-user", "kafka-ca", "kafka-client", "postgres-ca", "mllp-certificate", "hospitals-ca", "sign-in-client",
    }  # fmt: skip
    for name, pod in full.pods():
        own = {f"stepdown-{s}" for s in ("intake", "placement", "aftercare") if not name.endswith(s)}
        has = {v["secret"]["secretName"] for v in pod["spec"]["volumes"] if "secret" in v}
        assert name.endswith("migrations") or not has & {*own, "stepdown-owners", "postgres-admin"}


def test_pods_are_what_the_restricted_standard_asks_for(chart: Rendered) -> None:
    for container, spec in chart.containers():
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert all(set(one) - {"name"} <= VOLUMES for one in spec["volumes"])
        own = container["securityContext"]
        assert own == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert all("hostPort" not in port for port in container.get("ports", ()))
        assert set(container["resources"]) == {"requests", "limits"}


def test_probes_ask_where_the_services_answer(chart: Rendered) -> None:
    async def nothing() -> dict[str, str]:
        return {}

    known = {route.path for route in web_app(title="x", tokens=None, ready=nothing, routes=()).routes}  # type: ignore[attr-defined]
    for deployment in chart.of("Deployment"):
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
        assert [one["path"] for one in probes] == ["/health/live", "/health/live", "/health/ready"]
        assert {one["path"] for one in probes} <= known
        assert {one["port"] for one in probes} == {"http"}
    for monitor in chart.of("ServiceMonitor"):
        assert {one["path"] for one in monitor["spec"]["endpoints"]} <= known


def ports(pod: Object) -> dict[str, int]:
    return {one["name"]: one["containerPort"] for one in pod["spec"]["containers"][0].get("ports", ())}


def test_every_port_is_one_on_which_somebody_listens(chart: Rendered) -> None:
    for _, pod in chart.pods():
        given = environment(pod["spec"]["containers"][0])
        assert ports(pod) == {
            name: int(given[f"STEPDOWN_{name.upper()}_PORT"])
            for name in ("http", "mllp")
            if f"STEPDOWN_{name.upper()}_PORT" in given
        }
    for service in chart.of("Service"):
        pods = list(selected(chart, service["spec"]["selector"]))
        assert len(pods) == 1
        assert {one["targetPort"] for one in service["spec"]["ports"]} <= set(ports(pods[0]))
    for policy in chart.of("NetworkPolicy"):
        named = {port["port"] for rule in policy["spec"].get("ingress", ()) for port in rule["ports"]}
        for pod in selected(chart, **policy["spec"]["podSelector"]):
            assert named <= set(ports(pod))


def selected(chart: Rendered, matchLabels: dict[str, str], matchExpressions: Any = ()) -> Iterator[Object]:  # noqa: N803
    """The pods with these labels; the only operator that the chart uses is In."""
    for _, pod in chart.pods():
        labels = pod["metadata"]["labels"]
        fits = matchLabels.items() <= labels.items()
        if fits and all(labels[one["key"]] in one["values"] for one in matchExpressions):
            yield pod


def test_every_selector_selects_its_own_pods(chart: Rendered) -> None:
    for kind, where in (("Deployment", "selector"), ("PodDisruptionBudget", "selector")):
        for one in chart.of(kind):
            assert len(list(selected(chart, **one["spec"][where]))) == 1, one["metadata"]["name"]
    nothing = next(one for one in chart.of("NetworkPolicy") if one["metadata"]["name"].endswith("-nothing"))
    assert len(list(selected(chart, **nothing["spec"]["podSelector"]))) == len(list(chart.pods()))
    assert nothing["spec"].keys() == {"podSelector", "policyTypes"}


def passed_by(ingress: Object) -> dict[str, tuple[str, str]]:
    """Path → (service, type of the path) of an Ingress."""
    of = f"{ingress['metadata']['name']}-"
    [rule] = ingress["spec"]["rules"]
    return {
        one["path"]: (one["backend"]["service"]["name"].removeprefix(of), one["pathType"])
        for one in rule["http"]["paths"]
    }


def passed_to(passed: dict[str, tuple[str, str]], path: str) -> str:
    """Who gets a path: the exact one, else the longest prefix of whole parts, as Kubernetes' API says."""
    if path in passed:
        return passed[path][0]
    fits = [one for one, (_, kind) in passed.items() if kind == "Prefix" and path.startswith(f"{one}/")]
    return passed[max(fits, key=len)][0]


TOLD_AND_READ = {"Condition", "Coverage", "Encounter", "ServiceRequest"}
"""Types that placement reads and intake takes in, at addresses that differ by the method alone."""


@pytest.mark.parametrize("kind", [*sorted(SERVICES_OF), "Observation", "QuestionnaireResponse"])
def test_a_type_of_fhir_is_passed_where_the_front_door_of_up_passes_it_as_far_as_a_path_says(
    program: str, kind: str
) -> None:
    [ingress] = rendered(program, *OPTIONS["full"]).of("Ingress")
    passed = passed_by(ingress)
    assert passed_to(passed, f"/fhir/{kind}/_search") == asks("POST", f"/fhir/{kind}/_search").services[0]
    for rest in ("", "/p-1-2", "/their-own"):
        told = asks("GET", f"/fhir/{kind}{rest}").services[0]
        assert passed_to(passed, f"/fhir/{kind}{rest}") == ("intake" if kind in TOLD_AND_READ else told)
    if kind in {*TOLD_AND_READ, "Patient", "Consent", "Observation", "QuestionnaireResponse"}:
        assert passed_to(passed, f"/fhir/{kind}") == "intake"


def test_the_base_of_fhir_and_what_is_at_it_are_passed_where_they_are_taken(program: str) -> None:
    [ingress] = rendered(program, *OPTIONS["full"]).of("Ingress")
    passed = passed_by(ingress)
    for path in ("/fhir", "/fhir/$process-message", "/fhir/.well-known/smart-configuration"):
        assert passed_to(passed, path) == "intake"
    assert passed_to(passed, "/fhir/metadata") == "placement"


def test_what_an_ingress_and_a_monitor_name_is_there(chart: Rendered) -> None:
    known = {(one["metadata"]["name"], port["name"]) for one in chart.of("Service") for port in one["spec"]["ports"]}
    for ingress in chart.of("Ingress"):
        backends = [path["backend"]["service"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
        assert backends
        assert {(one["name"], one["port"]["name"]) for one in backends} <= known
        assert len(ingress["spec"]["rules"]) == 1, "one host, or there are three sign-ins"
        passed = passed_by(ingress)
        own = {path: name for path, (name, _) in passed.items() if not path.startswith("/fhir")}
        assert own == {path: front.service_of(path) for path in own}
        assert {path[1:] for path in own} == {*front.OF_INTAKE, "intake", "placement", "aftercare"}
    for monitor in chart.of("ServiceMonitor"):
        assert {one["port"] for one in monitor["spec"]["endpoints"]} <= {port for _, port in known}


def test_a_hook_needs_nothing_that_is_made_after_it(chart: Rendered) -> None:
    weights = {
        (one["kind"], one["metadata"]["name"]): int(one["metadata"]["annotations"]["helm.sh/hook-weight"])
        for one in chart.objects
        if "helm.sh/hook" in one["metadata"].get("annotations", {})
    }
    made = {(one["kind"], one["metadata"]["name"]) for one in chart.objects}
    for job in chart.of("Job"):
        spec = job["spec"]["template"]["spec"]
        needs = {("ServiceAccount", spec["serviceAccountName"])}
        needs |= {("ConfigMap", one["configMap"]["name"]) for one in spec["volumes"] if "configMap" in one}
        assert all(weights[one] < weights["Job", job["metadata"]["name"]] for one in needs & made)
        assert ("ServiceAccount", spec["serviceAccountName"]) in made


def test_a_service_has_the_time_that_it_may_take_to_stop(chart: Rendered) -> None:
    for deployment in chart.of("Deployment"):
        assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > STOP_SECONDS


def test_what_run_it_shows_is_rendered(program: str) -> None:
    page = (ROOT / "docs" / "run-it.md").read_text(encoding="utf-8")
    shown = [shlex.split(line) for line in page.splitlines() if line.startswith("helm install")]
    assert shown
    for words in shown:
        assert words[2:4] == ["stepdown", str(CHART.relative_to(ROOT))]
        chart = rendered(program, *words[4:])
        assert any(one["metadata"]["name"].endswith("-hospitals") for one in chart.of("NetworkPolicy"))
        secrets = {
            v["secret"]["secretName"] for _, pod in chart.pods() for v in pod["spec"]["volumes"] if "secret" in v
        }
        made = set(re.findall(r"^kubectl create secret generic (\S+)", page, re.MULTILINE))
        assert secrets == made


def test_a_site_of_files_is_read_as_it_is_mounted(program: str, tmp_path: Path) -> None:
    given = {file.name: file for file in sorted((ROOT / "config").glob("*.yml"))}
    sets = [f"site.files.{name.replace('.', chr(92) + '.')}={file}" for name, file in given.items()]
    chart = rendered(
        program, "--set", "site.existingConfigMap=", *(word for one in sets for word in ("--set-file", one))
    )
    for config in chart.of("ConfigMap"):
        folder = tmp_path / config["metadata"]["name"]
        (folder / "..2026_03_02").mkdir(parents=True)
        for name, text in config["data"].items():  # the kubelet mounts links into a folder of that kind
            (folder / "..2026_03_02" / name).write_text(text, encoding="utf-8")
            (folder / name).symlink_to(Path("..2026_03_02") / name)
        assert site_at(folder).version == site_at(ROOT / "config").version
    assert len(chart.of("ConfigMap")) == 2
