"""Values of the Helm chart that contradict each other, and upgrades beside running services: refused with a reason."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, ClassVar

import pytest

from shared.errors import SetUpError
from tests.deploy.charted import FULL, read, rendered

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
AS_TEXT = "services.intake.extraEnv[0].value=x,services.intake.extraEnv[0].name"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ("site.sample=true", "exactly one of existingConfigMap, files and sample"),
        ("site.existingConfigMap=", "exactly one of existingConfigMap, files and sample"),
        ("kafka.securityProtocol=SASL_SSL", "needs username and passwordSecret.name"),
        ("kafka.username=stepdown", "nobody would send the username"),
        ("kafka.caSecret.name=ca", "there is no TLS and certificates would be ignored"),
        ("postgres.caSecret.name=ca", "verify-ca and verify-full only"),
        ("signIn.issuer=https://issuer.example", "issuer and jwksUrl belong together"),
        ("mllp.tls.clientCaSecret.name=ca", "set certificateSecret.name too"),
        ("ingress.enabled=true", "no host was given"),
        ("services.placement.replicas=9", "with 9 replicas and 8 partitions some would have nothing to read"),
        (f"{AS_TEXT}=STEPDOWN_INSTANCE", "no two processes of a service may have one name"),
        (f"{AS_TEXT}=STEPDOWN_KAFKA_PASSWORD", "is a secret"),
        (f"{AS_TEXT}=STEPDOWN_MESSAGE_KEYS", "is a secret"),
        (f"{AS_TEXT}=STEPDOWN_DATABASE_URL", "is a secret"),
        ("services.intake.databaseUrlSecret.nmae=x", "additional properties 'nmae' not allowed"),
    ],
)
def test_a_contradiction_is_refused(program: str, values: str, says: str) -> None:
    with pytest.raises(SetUpError) as refused:
        rendered(program, "--set", values)
    assert says in str(refused.value)


class _Cluster(http.server.BaseHTTPRequestHandler):
    """As much of Kubernetes' API as helm asks for when it looks a Deployment up."""

    answers: ClassVar[dict[str, Any]] = {}

    def do_GET(self) -> None:
        found = self.answers.get(self.path.partition("?")[0])
        missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        told = json.dumps(found or missing).encode()
        self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given
        """Nothing."""


def answers(image: str, replicas: int) -> dict[str, Any]:
    """A cluster in which intake's Deployment is there."""
    version = {"groupVersion": "apps/v1", "version": "v1"}
    kind = {"name": "deployments", "singularName": "deployment", "namespaced": True, "kind": "Deployment"}
    deployment = {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "care-stepdown-intake", "namespace": "default"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"image": image}]}}},
        "status": {"replicas": replicas} if replicas else {},
    }  # fmt: skip
    return {
        "/version": {"major": "1", "minor": "31", "gitVersion": "v1.31.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {
            "kind": "APIGroupList",
            "groups": [{"name": "apps", "versions": [version], "preferredVersion": version}],
        },
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
        "/apis/apps/v1": {
            "kind": "APIResourceList",
            "groupVersion": "apps/v1",
            "resources": [{**kind, "verbs": ["get"]}],
        },
        "/apis/apps/v1/namespaces/default/deployments/care-stepdown-intake": deployment,
    }


@contextmanager
def cluster(image: str, replicas: int) -> Iterator[tuple[str, ...]]:
    """It answers: helm's options for an upgrade on it."""
    handler = type("Cluster", (_Cluster,), {"answers": answers(image, replicas)})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield ("--dry-run=server", "--is-upgrade", "--kube-apiserver", f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def test_an_upgrade_beside_running_services_of_another_version_is_refused(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with cluster("stepdown:0.0.9", 1) as options, pytest.raises(SetUpError) as refused:
        rendered(program, *options)
    assert "intake runs on stepdown:0.0.9" in str(refused.value)
    assert "--set stopped=true" in str(refused.value)


@pytest.mark.parametrize(
    ("image", "replicas"), [("stepdown:0.0.9", 0), (f"stepdown:{read('Chart.yaml')['appVersion']}", 2)]
)
def test_an_upgrade_of_stopped_services_or_of_the_same_version_goes_on(program: str, image: str, replicas: int) -> None:
    with cluster(image, replicas) as options:
        assert len(rendered(program, *options).of("Deployment")) == 3


def test_stopped_services_have_no_pod(program: str) -> None:
    for values in ((), ("--values", str(FULL))):
        stopped = rendered(program, *values, "--set", "stopped=true").of("Deployment")
        assert [one["spec"]["replicas"] for one in stopped] == [0, 0, 0]
