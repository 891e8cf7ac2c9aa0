"""Whatever is sent: the real service answers as its own description says, and never with a 5xx."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from tests.e2e.patient_session import patient_session
from tests.service import Service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROLES = ("designated", "read-only", "analyst", "admin")
EXAMPLES, MANY_EXAMPLES = 2, 200
_TIMEOUT_SECONDS = 30
_ENDLESS = "/api/v1/cases/{number}/events"
"""Its answer doesn't end; test_events.py looks at it."""

CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
]


@dataclass(frozen=True)
class World:
    """A service with something in it for each role to find."""

    service: Service
    schema: Any
    numbers: tuple[str, ...]
    ids: tuple[str, ...]

    def ask(
        self,
        method: str,
        path: str,
        token: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> requests.Response:
        return requests.request(
            method,
            self.service.url + path,
            headers={"Authorization": f"Bearer {token}", **(headers or {})},
            data=data,
            verify=str(self.service.certificate),
            timeout=_TIMEOUT_SECONDS,
        )


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("conformance"))
    try:
        service.start()
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="module")
def world(started: Service) -> World:
    return prepare(started)


def prepare(service: Service) -> World:
    """Return the service with a case of its own, a file and an upload in it, and an account."""
    number = service.cli_json("case", "open", "--subject", "Probe", "--account", "Ltd")["number"]
    bare = World(service, None, (), ())
    staff = service.analyst_token
    raw = bare.ask("GET", "/api/v1/openapi.json", staff).json()
    tus = {"Tus-Resumable": "1.0.0", "Upload-Metadata": "filename YS5sb2c="}
    typed = {"Content-Type": "application/offset+octet-stream"}
    uploads = f"/api/v1/cases/{number}/uploads"
    whole = bare.ask(
        "POST", uploads, staff, headers={**tus, **typed, "Upload-Length": "3"}, data=b"abc"
    )
    begun = bare.ask("POST", uploads, staff, headers={**tus, "Upload-Length": "9"})
    account = bare.ask("POST", f"/api/v1/cases/{number}/sftp-accounts", staff).json()
    listing = bare.ask("GET", f"/api/v1/cases/{number}/files", staff).json()
    spare = bare.ask("GET", "/api/v1/tokens", service.token("read-only", "--case", number)).json()
    ids = (
        listing["files"][0]["id"],
        *(one.headers["Location"].rpartition("/")[2] for one in (whole, begun)),
        account["id"],
        spare["tokens"][0]["id"],
    )
    return World(service, schemathesis.openapi.from_dict(raw), (number, service.case), ids)


def probe(world: World, token: str | None, examples: int) -> int:
    """Send what the description allows, and more, to every operation; return how many requests."""
    sent, session = 0, patient_session()
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    for found in world.schema.get_all_operations():
        operation = found.ok()
        if operation.path == _ENDLESS or (operation.method == "head" and examples == EXAMPLES):
            continue  # HEAD is GET without what there is to look at
        strategy = st.one_of(
            operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
            operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
        )

        @settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        @given(
            case=strategy, number=st.sampled_from(world.numbers), known=st.sampled_from(world.ids)
        )
        def send(case: Any, number: str, known: str) -> None:  # noqa: ANN401 - it is of no public type
            nonlocal sent
            for name, value in (("number", number), ("id", known)):
                if name in (case.path_parameters or {}):
                    case.path_parameters[name] = value
            response = case.call(
                base_url=world.service.url,
                headers=headers,
                session=session,
                verify=str(world.service.certificate),
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
            sent += 1
            case.validate_response(response, checks=CHECKS)

        send()
    return sent


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_every_answer_is_as_the_api_describes_it(world: World, role: str) -> None:
    assert probe(world, token_of(world, role), EXAMPLES) > 0


def test_an_answer_that_is_not_described_is_noticed(world: World) -> None:
    described = {**world.schema.raw_schema}
    session = described["paths"]["/api/v1/session"]["get"]
    responses = {**session["responses"]}
    responses["401"] = responses.pop("200")
    described["paths"] = {"/api/v1/session": {"get": {**session, "responses": responses}}}
    wrong = replace(world, schema=schemathesis.openapi.from_dict(described))
    with pytest.raises(BaseException, match=r"[Uu]ndocumented"):
        probe(wrong, world.service.analyst_token, EXAMPLES)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_every_answer_of_very_many_is_as_the_api_describes_it(world: World, role: str) -> None:
    assert probe(world, token_of(world, role), MANY_EXAMPLES) > 0


def token_of(world: World, role: str) -> str | None:
    if role == "nobody":
        return None
    options = () if role in ("analyst", "admin") else ("--case", world.numbers[0])
    return world.service.token(role, *options)
