"""Links of the real service, followed by a real client that keeps cookies as browsers do."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.programs import program
from tests.service import Service

PROBLEM = "urn:case-transfer:problem"


class Curl:
    """curl with a cookie jar of its own."""

    def __init__(self, service: Service, folder: Path) -> None:
        self._service = service
        self._jar = folder / "cookies"

    def ask(self, url: str, *options: str) -> tuple[int, str]:
        """Return the status and body of the last answer, redirects followed."""
        words = (
            *(program("curl"), "--silent", "--show-error", "--location"),
            *("--cacert", str(self._service.certificate)),
            *("--cookie", str(self._jar), "--cookie-jar", str(self._jar)),
            *("--write-out", "\n%{http_code}", *options, url),
        )
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - our own words
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    def json(self, path: str, *options: str) -> Any:  # noqa: ANN401 - JSON, as tests look into it
        """Return the body of an answer of the API."""
        return json.loads(self.ask(self._service.url + path, *options)[1])

    @property
    def cookies(self) -> str:
        """What is in the jar."""
        return self._jar.read_text()


@pytest.fixture
def service(start_service: Callable[..., Service]) -> Service:
    return start_service("--workers", "2")


def test_a_printed_link_signs_in_once_on_every_worker(service: Service, tmp_path: Path) -> None:
    curl = Curl(service, tmp_path)
    link = service.ready["demo"]["customer_link"]
    status, page = curl.ask(link)
    assert (status, f"Case {service.case}" in page) == (200, True)
    assert re.search(
        r"#HttpOnly_127\.0\.0\.1\tFALSE\t/\tTRUE\t\d+\t__Host-transfer\tcts_", curl.cookies
    )
    for _ in range(6):  # whichever process it is
        assert curl.json("/api/v1/session")["cases"] == [service.case]
    again = Curl(service, tmp_path / "elsewhere")
    status, page = again.ask(link, "--header", "Accept: text/html")
    assert (status, "can't be used" in page) == (401, True)
    token = link.partition("token=")[2]
    assert token not in service.log
    assert '"path": "/launch"' in service.log


def test_a_link_is_made_when_needed_and_its_session_ended_from_the_command_line(
    service: Service, tmp_path: Path
) -> None:
    curl = Curl(service, tmp_path)
    link = service.cli("launch", "link", "--role", "analyst", "--user", "Al").stdout.strip()
    assert link.startswith(f"{service.url}/launch?token=")
    assert curl.ask(link)[0] == 200
    [session] = service.cli_json("session", "list")["sessions"]
    assert (session["name"], session["method"]) == ("Al", "link")
    cases = curl.json("/api/v1/cases")["cases"]
    assert [one["number"] for one in cases] == [service.case]
    service.cli("session", "end", session["id"])
    problem = curl.json("/api/v1/cases")
    assert problem["type"] == f"{PROBLEM}:session-expired"


def test_signing_out_needs_the_token_that_only_our_page_has(
    service: Service, tmp_path: Path
) -> None:
    curl = Curl(service, tmp_path)
    curl.ask(service.ready["demo"]["analyst_link"])
    out = ("--request", "DELETE", "--header", f"Origin: {service.url}")
    problem = curl.json("/api/v1/session", *out)
    assert problem["type"] == f"{PROBLEM}:csrf"
    csrf = curl.json("/api/v1/session")["csrf_token"]
    url = f"{service.url}/api/v1/session"
    assert curl.ask(url, *out, "--header", f"X-CSRF-Token: {csrf}") == (204, "")
    assert "cts_" not in curl.cookies
    assert curl.json("/api/v1/session")["code"] == "not-signed-in"
