"""The whole service with another system as its case core, which goes away and comes back."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.clock import MovableClock
from tests.contract.casebridge.embedded_room import embedded_desk
from tests.reference_core import TOKEN, ReferenceCore
from tests.service import Service
from tests.ssh import connect_ssh
from transfer.clock import SystemClock
from transfer.core.cases import CaseNumber

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

NUMBER = CaseNumber("0003256109")
_clock = SystemClock()


@dataclass(kw_only=True)
class _Caller:
    """Somebody with a token."""

    session: aiohttp.ClientSession
    service: Service
    token: str
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = {"Authorization": f"Bearer {self.token}"}

    async def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        **given: Any,  # noqa: ANN401 -- as aiohttp takes it
    ) -> tuple[int, Any, dict[str, str]]:
        """Return status, body (as JSON where it is) and headers of an answer."""
        url = path if path.startswith("https:") else f"{self.service.url}/api/v1{path}"
        sent = {**self.headers, **(headers or {})}
        async with self.session.request(
            method, url, headers=sent, ssl=self.service.tls, **given
        ) as answer:
            is_json = "json" in answer.content_type
            body = await answer.json() if is_json else await answer.read()
            return answer.status, body, dict(answer.headers)

    async def begin(self, name: str, length: int, first: bytes) -> str:
        """Begin an upload with its first bytes, by tus, and return its URL."""
        status, body, headers = await self.ask(
            "POST",
            f"/cases/{NUMBER}/uploads",
            headers={
                "Tus-Resumable": "1.0.0",
                "Upload-Length": str(length),
                "Upload-Metadata": f"filename {_base64(name)}",
                "Content-Type": "application/offset+octet-stream",
            },
            data=first,
        )
        assert status == 201, body
        return headers["Location"]

    async def go_on(self, url: str, offset: int, data: bytes) -> int:
        """Send more of an upload, and return the status."""
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        url = url if url.startswith("https:") else self.service.url + url
        status, _, _ = await self.ask("PATCH", url, headers=headers, data=data)
        return status


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


@asynccontextmanager
async def callers(service: Service) -> AsyncIterator[tuple[_Caller, _Caller]]:
    """Yield a customer, who has acknowledged the warning, and an analyst."""
    customer = await asyncio.to_thread(
        service.token, "designated", "--case", NUMBER, "--user", "eve"
    )
    analyst = await asyncio.to_thread(service.token, "analyst", "--user", "ada")
    await asyncio.to_thread(service.acknowledge, customer, NUMBER)
    async with aiohttp.ClientSession() as session:
        yield (
            _Caller(session=session, service=service, token=customer),
            _Caller(session=session, service=service, token=analyst),
        )


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Wait until an awaitable question is answered by yes."""
    async with asyncio.timeout(seconds):
        while not await true():
            await _clock.sleep(0.1)


@pytest.fixture
async def reference(tmp_path: Path) -> AsyncIterator[ReferenceCore]:
    clock = MovableClock(_clock.now(), running=True)
    async with embedded_desk(tmp_path / "core", clock) as desk:
        await desk.open("Crash", "Example Ltd", "ada", NUMBER)
        async with ReferenceCore(desk).serving() as server:
            yield server


@pytest.fixture
async def service(
    tmp_path: Path, reference: ReferenceCore, start_service: Callable[..., Service]
) -> Service:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    return await asyncio.to_thread(
        start_service,
        case_core="rest",
        case_core_url=reference.url,
        case_core_token_file=str(token),
        case_core_answer_lifetime="1s",
    )


async def test_what_has_begun_goes_on_while_the_core_is_away_and_nothing_new_is_granted(
    service: Service, reference: ReferenceCore
) -> None:
    async with callers(service) as (customer, analyst):
        upload = await customer.begin("app.log", 10, b"01234")
        await customer.begin("whole.log", 5, b"whole")
        await reference.stop()

        async def is_stale() -> bool:
            return (await analyst.ask("GET", f"/cases/{NUMBER}"))[1]["as_of"] is not None

        await until(is_stale)
        assert await customer.go_on(upload, 5, b"56789") == 204
        _, listed, _ = await customer.ask("GET", f"/cases/{NUMBER}/files")
        ids = {file["path"]: file["id"] for file in listed["files"]}
        _, content, _ = await customer.ask("GET", f"/files/{ids['app.log']}/content")
        assert content == b"0123456789"
        accounts = f"/cases/{NUMBER}/sftp-accounts"
        status, refused, headers = await analyst.ask("POST", accounts, json={})
        assert (status, refused["code"]) == (503, "case-core-unavailable")
        assert "Retry-After" in headers
        done = await asyncio.to_thread(
            service.cli, "token", "issue", "--role", "designated", "--case", NUMBER, status=1
        )
        assert "new access" in done.stderr
        await reference.start()

        async def is_granted() -> bool:
            return (await analyst.ask("POST", accounts, json={}))[0] == 201

        await until(is_granted, seconds=60)
        await until(lambda: _has(reference, "app.log"), seconds=60)
    assert "case-core.away" in service.log


async def test_a_case_that_is_closed_there_takes_nothing_here_and_its_sessions_end(
    service: Service, reference: ReferenceCore
) -> None:
    async with callers(service) as (customer, analyst):
        _, account, _ = await analyst.ask("POST", f"/cases/{NUMBER}/sftp-accounts", json={})
        host, port = service.sftp
        login = {"username": account["username"], "password": account["password"]}
        async with connect_ssh(host, port, **login) as connection:
            await reference.desk.close(NUMBER, "Resolved", "ada")
            async with asyncio.timeout(30):
                await connection.wait_closed()
        status, refused, _ = await customer.ask(
            "POST",
            f"/cases/{NUMBER}/uploads",
            headers={
                "Tus-Resumable": "1.0.0",
                "Upload-Length": "5",
                "Upload-Metadata": f"filename {_base64('late.log')}",
            },
        )
        assert (status, refused["code"]) == (403, "case-closed")
        _, shown, _ = await analyst.ask("GET", f"/cases/{NUMBER}")
        assert shown["deletion_due_at"] is not None
        status, refused, _ = await analyst.ask("POST", f"/cases/{NUMBER}/reopen", json={})
        assert (status, refused["code"]) == (400, "unsupported")


async def _has(reference: ReferenceCore, name: str) -> bool:
    """Whether people read of a file on the case over there."""
    return any(name in update.text for update in await reference.desk.updates(NUMBER))
