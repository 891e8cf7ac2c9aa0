"""Headers that protect whoever gets an answer: on every one of them."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.e2e.http.http_room import HttpRoom, http_room
from tests.e2e.http.wire import wire
from tests.engine_room import NUMBER
from transfer.http.certificates import CertificateFiles
from transfer.http.policy import HttpPolicy
from transfer.http.tls import own_certificate

WANTED = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "case-transfer",
}


@pytest.mark.parametrize(
    ("method", "path", "who", "status"),
    [
        ("GET", "/healthz", None, 200),
        ("GET", f"/api/v1/cases/{NUMBER}", "designated", 200),
        ("GET", f"/api/v1/cases/{NUMBER}", None, 401),
        ("GET", "/no-such-thing", "designated", 404),
        ("DELETE", "/healthz", None, 405),
        ("OPTIONS", f"/api/v1/cases/{NUMBER}/uploads", None, 204),
        ("PROPFIND", "/healthz", None, 501),
    ],
)
async def test_every_answer_protects_its_reader(
    room: HttpRoom, method: str, path: str, who: str | None, status: int
) -> None:
    answer = await room.ask(method, path, who=who)
    assert answer.status in (status, 401)
    assert {name: answer.headers.get(name) for name in WANTED} == WANTED
    policy = answer.headers["Content-Security-Policy"]
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= {
        one.strip() for one in policy.split(";")
    }
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in answer.headers


async def test_an_answer_to_what_is_no_request_protects_its_reader(room: HttpRoom) -> None:
    async with wire(room) as one:
        await one.say("nonsense\n\n")
        status, head = await one.hear()
    assert status == 400
    for name, value in WANTED.items():
        assert f"{name}: {value}" in head
    assert "X-Request-Id: " in head


async def test_content_has_the_policy_of_its_own_route(room: HttpRoom) -> None:
    file = await room.send(b"<script>")
    answer = await room.ask("GET", f"/api/v1/files/{file['id']}/content")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("hsts", "told"), [(timedelta(days=365), "max-age=31536000"), (None, None)]
)
async def test_over_tls_browsers_are_told_to_stay_with_it_if_an_operator_wants(
    tmp_path: Path, hsts: timedelta | None, told: str | None
) -> None:
    clock = MovableClock()
    made = own_certificate(tmp_path, [], clock.now())
    files = CertificateFiles(made.certificate, made.key, clock)
    async with (
        http_room(tmp_path, policy=HttpPolicy(hsts=hsts), tls=files.context) as room,
        room.session.get(f"https://localhost:{room.port}/healthz", ssl=False) as response,
    ):
        assert response.headers.get("Strict-Transport-Security") == told
