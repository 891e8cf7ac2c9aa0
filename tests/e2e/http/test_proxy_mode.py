"""Behind a proxy: its word on the client counts where the operator says so, and nowhere else."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.http.http_room import HttpRoom, http_room
from transfer.http.policy import HttpPolicy
from transfer.http.proxies import Proxies
from transfer.values import parse_networks

LOCAL = Proxies(parse_networks(["127.0.0.0/8"]))
OTHER = Proxies(parse_networks(["192.0.2.0/24"]))


async def address_told(room: HttpRoom, headers: dict[str, str]) -> str | None:
    """Return where the audit says that a download came from."""
    file = await room.send(b"abc")
    await room.ask("GET", f"/api/v1/files/{file['id']}/content", headers=headers)
    events = await room.engine.records.audit.events()
    return [event for event in events if event.action == "file.downloaded"][-1].address


@pytest.mark.parametrize(("proxies", "found"), [(LOCAL, "203.0.113.9"), (OTHER, "127.0.0.1")])
async def test_the_audit_names_the_client_and_no_address_of_its_making(
    tmp_path: Path, proxies: Proxies, found: str
) -> None:
    async with http_room(tmp_path, policy=HttpPolicy(proxies=proxies)) as room:
        spoofed = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9", "Forwarded": "for=198.51.100.2"}
        assert await address_told(room, spoofed) == found


@pytest.mark.parametrize(("proxies", "kept"), [(LOCAL, True), (OTHER, False)])
async def test_a_request_s_id_is_taken_from_a_trusted_proxy_only(
    tmp_path: Path, proxies: Proxies, *, kept: bool
) -> None:
    async with http_room(tmp_path, policy=HttpPolicy(proxies=proxies)) as room:
        answer = await room.ask("GET", "/api/v1/cases/1", headers={"X-Request-Id": "trace-1234567"})
        assert (answer.headers["X-Request-Id"] == "trace-1234567") is kept
        assert answer.headers["X-Request-Id"] == answer.json()["request_id"]
        for bad in ("short", "with spaces in it", "x" * 65):
            answer = await room.ask("GET", "/healthz", headers={"X-Request-Id": bad})
            assert len(answer.headers["X-Request-Id"]) == 32


@pytest.mark.parametrize(
    ("proxies", "scheme", "told"),
    [(LOCAL, "https", "max-age=3600"), (LOCAL, "http", None), (OTHER, "https", None)],
)
async def test_browsers_are_told_to_stay_with_tls_only_where_they_have_it(
    tmp_path: Path, proxies: Proxies, scheme: str, told: str | None
) -> None:
    policy = HttpPolicy(proxies=proxies, hsts=timedelta(hours=1))
    async with http_room(tmp_path, policy=policy) as room:
        forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": scheme}
        answer = await room.ask("GET", "/healthz", headers=forwarded)
        assert answer.headers.get("Strict-Transport-Security") == told


async def test_where_an_upload_is_told_to_be_is_no_proxy_s_business(tmp_path: Path) -> None:
    policy = HttpPolicy(proxies=LOCAL, public_url="https://files.example.com/transfer")
    async with http_room(tmp_path, policy=policy) as room:
        spoofed = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example"}
        created = await room.create(5, headers=spoofed)
        assert created.headers["Location"].startswith("/transfer/api/v1/uploads/")
