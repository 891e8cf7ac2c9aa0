"""A case of a running service, an account for it, and what has arrived there."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.clients.client import Login
from tests.e2e.http.http_room import OFFSET_TYPE, TUS, metadata
from tests.service import Service
from transfer.clock import SystemClock

Parsed = Any
"""JSON, as tests look into it."""

_clock = SystemClock()
_CHECK_SECONDS = 0.05
_ANSWER_SECONDS = 60
_CHUNK_BYTES = 1 << 20


@dataclass(kw_only=True)
class CaseRoom:
    """One case, whose number is `case`, seen by the API as an admin and as its customer."""

    service: Service
    admin_token: str
    case: str = ""
    login: Login = field(default=Login(port=0, username="", password="", fingerprints=()))

    async def open(self) -> None:
        """Open the case, and issue an account for it."""
        new = {"subject": "Calls drop", "account": "Example Ltd"}
        self.case = (await self.ask("POST", "/api/v1/cases", new))["number"]
        issued = await self.ask("POST", f"/api/v1/cases/{self.case}/sftp-accounts")
        self.login = Login(
            port=issued["port"],
            username=issued["username"],
            password=issued["password"],
            fingerprints=tuple(issued["fingerprints"]),
        )

    async def ask(
        self, method: str, path: str, json: Parsed = None, *, token: str | None = None
    ) -> Parsed:
        """Send a request of the API; return its JSON, if any."""
        answer = await asyncio.to_thread(self._request, method, path, token, json=json)
        return answer.json() if answer.content else None

    async def listing(self) -> Parsed:
        """Return the case's list: its files, and the uploads under way."""
        return await self.ask("GET", f"/api/v1/cases/{self.case}/files?limit=1000")

    async def files(self) -> dict[str, Parsed]:
        """Return what was received, by path."""
        return {one["path"]: one for one in (await self.listing())["files"]}

    async def upload(self, path: str) -> Parsed:
        """Return what is unfinished at a path, None if nothing is."""
        uploads = (await self.listing())["uploads"]
        return next((one for one in uploads if one["path"] == path), None)

    async def send(self, path: str, data: bytes) -> None:
        """Send a file by the API, as a customer does by the other door."""
        headers = {
            **TUS,
            **OFFSET_TYPE,
            "Upload-Length": str(len(data)),
            "Upload-Metadata": metadata(filename=path),
        }
        uploads = f"/api/v1/cases/{self.case}/uploads"
        token = await self._customer_token()
        await asyncio.to_thread(self._request, "POST", uploads, token, data=data, headers=headers)

    async def is_whole(self, path: str, data: bytes) -> None:
        """Fail unless the file is there, all of it and nothing else, and stored so."""
        listed = await self.listing()
        assert [one["path"] for one in listed["uploads"]] == []
        found = [one for one in listed["files"] if one["path"] == path]
        assert [(one["size"], one["sha256"]) for one in found] == [(len(data), sha256(data))]
        stored = await asyncio.to_thread(self._stored_sha256, found[0]["id"])
        assert stored == sha256(data)

    def _stored_sha256(self, file_id: str) -> str:
        """Return the SHA-256 of what is really downloaded."""
        digest = hashlib.sha256()
        with self._request("GET", f"/api/v1/files/{file_id}/content", None, stream=True) as answer:
            for piece in answer.iter_content(_CHUNK_BYTES):
                digest.update(piece)
        return digest.hexdigest()

    async def _customer_token(self) -> str:
        new = {"role": "designated", "name": "customer", "cases": [self.case]}
        token: str = (await self.ask("POST", "/api/v1/tokens", new))["token"]
        path = f"/api/v1/cases/{self.case}/acknowledgement"
        version = (await self.ask("GET", path, token=token))["version"]
        await self.ask("POST", path, {"version": version}, token=token)
        return token

    def _request(
        self,
        method: str,
        path: str,
        token: str | None,
        *,
        headers: dict[str, str] | None = None,
        **options: Parsed,
    ) -> requests.Response:
        answer = requests.request(
            method,
            self.service.url + path,
            headers={"Authorization": f"Bearer {token or self.admin_token}", **(headers or {})},
            verify=str(self.service.certificate),
            timeout=_ANSWER_SECONDS,
            **options,
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer


async def until(
    condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 100.0
) -> None:
    """Wait until `condition` holds, and fail if it doesn't in time: `what` says what it is."""
    deadline = _clock.monotonic() + seconds
    while not await condition():
        assert _clock.monotonic() < deadline, f"not within {seconds} s: {what}"
        await _clock.sleep(_CHECK_SECONDS)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
