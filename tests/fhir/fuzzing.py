"""What every answer below /fhir must be, whatever was sent."""

from __future__ import annotations

import httpx
from hypothesis import HealthCheck, given, settings

from tests.fhir.odd_requests import MARKER, OddRequest, requests
from tests.system import System


def fuzz(system: System, examples: int) -> dict[int, int]:
    """Send so many odd requests to the front door; how often which status came. Fails at an answer that is none."""
    seen: dict[int, int] = {}
    token = {"authorization": f"Bearer {system.ready['tokens']['coordinator']}"}
    with httpx.Client(base_url=str(system.ready["desk"]).rstrip("/"), timeout=60, trust_env=False) as client:

        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(requests())
        def one(asked: OddRequest) -> None:
            answer = client.request(asked.method, asked.path, headers={**token, **asked.headers}, content=asked.body)
            seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
            lawful(asked, answer)

        one()
    return seen


def lawful(asked: OddRequest, answer: httpx.Response) -> None:
    """Fail where an answer is none: an error of the server's, a refusal that is no OperationOutcome or repeats a
    value."""
    assert answer.status_code < 500, answer.text
    if answer.status_code < 400 or asked.method == "HEAD":
        return
    assert answer.headers["content-type"].startswith("application/fhir+json"), (answer.status_code, answer.text)
    told = answer.json()
    assert told["resourceType"] == "OperationOutcome"
    assert all({"severity", "code"} <= set(one) for one in told["issue"]), told
    assert told["issue"]
    assert MARKER not in answer.text
    assert MARKER not in str(answer.headers)
