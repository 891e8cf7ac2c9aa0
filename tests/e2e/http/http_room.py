"""The whole HTTP door on a real socket, over the engine room: real records, a store in memory."""

import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from json import loads
from pathlib import Path
from socket import socket
from typing import Any

import aiohttp

from tests.engine_room import MIB, NUMBER, EngineRoom, customer, engine_room
from tests.regions import PlacedCases
from transfer.core.access import Role
from transfer.core.cases import CaseNumber
from transfer.engine.oidc import StaffSignIn
from transfer.engine.policy import UploadPolicy
from transfer.http.app import build_app
from transfer.http.listener import CurrentTls
from transfer.http.policy import HttpPolicy, Services, SftpAddress
from transfer.http.server import HttpServer, bound_sockets
from transfer.ports import CaseInbox, ObjectStore

OTHER_NUMBER = CaseNumber("0009999999")
TUS = {"Tus-Resumable": "1.0.0"}
OFFSET_TYPE = {"Content-Type": "application/offset+octet-stream"}
Parsed = Any
"""JSON, as tests look into it."""

Payload = bytes | BytesIO | AsyncIterator[bytes] | None

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
SFTP = SftpAddress(
    host="files.example.com", port=2222, fingerprints=("SHA256:abc",), host_keys=(HOST_KEY,)
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Parsed:
        return loads(self.body)

    @property
    def code(self) -> str:
        """The problem's code."""
        assert self.headers["Content-Type"] == "application/problem+json", self
        code = self.json()["code"]
        assert isinstance(code, str)
        return code


@dataclass(kw_only=True)
class HttpRoom:
    """A running server, and clients who are signed in as somebody."""

    engine: EngineRoom
    server: HttpServer
    session: aiohttp.ClientSession
    tokens: dict[str, str]
    awaited: list[str]
    surprises: list[Exception]
    scheme: str = "http"

    @property
    def host(self) -> str:
        return self.server.addresses[0][0]

    @property
    def port(self) -> int:
        return self.server.addresses[0][1]

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    def bearer(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[who]}"}

    async def ask(
        self,
        method: str,
        path: str,
        *,
        who: str | None = "designated",
        headers: Mapping[str, str] | None = None,
        data: Payload = None,
        json: Parsed = None,
        endless: bool = False,
    ) -> Answer:
        """Send a request; of an answer that is `endless`, only its head is read."""
        if isinstance(data, bytes) and len(data) > MIB:
            data = BytesIO(data)  # the client warns of bigger bytes
        sent = {**(self.bearer(who) if who else {}), **(headers or {})}
        async with self.session.request(
            method,
            self.url + path,
            headers=sent,
            data=data,
            json=json,
            skip_auto_headers=("Content-Type",) if json is None else (),
            allow_redirects=False,
        ) as response:
            body = b"" if endless and response.ok else await response.read()
            return Answer(status=response.status, headers=response.headers, body=body)

    # ── tus ──────────────────────────────────────────────────────────────────────────────────

    async def create(
        self,
        length: int | None,
        path: str = "trace.log",
        *,
        who: str = "designated",
        number: str = NUMBER,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        sized = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
        typed = {} if data is None else OFFSET_TYPE
        named = {"Upload-Metadata": metadata(filename=path)}
        return await self.ask(
            "POST",
            f"/api/v1/cases/{number}/uploads",
            who=who,
            headers={**TUS, **sized, **typed, **named, **(headers or {})},
            data=data,
        )

    async def begin(
        self, length: int | None, path: str = "trace.log", who: str = "designated"
    ) -> str:
        """Create an upload and return its path on the server."""
        created = await self.create(length, path, who=who)
        assert created.status == 201, created.body
        return created.headers["Location"]

    async def head(self, location: str, who: str = "designated") -> Answer:
        return await self.ask("HEAD", location, headers=TUS, who=who)

    async def patch(
        self,
        location: str,
        offset: int,
        data: Payload,
        *,
        headers: Mapping[str, str] | None = None,
        who: str = "designated",
    ) -> Answer:
        sent = {**TUS, **OFFSET_TYPE, "Upload-Offset": str(offset), **(headers or {})}
        return await self.ask("PATCH", location, headers=sent, data=data, who=who)

    async def offset(self, location: str) -> int:
        answer = await self.head(location)
        assert answer.status == 200, answer
        return int(answer.headers["Upload-Offset"])

    async def send(self, data: bytes, path: str = "trace.log", who: str = "designated") -> Parsed:
        """Upload a file whole, and return its entry in the list, the latest one."""
        self.engine.clock.advance(1)
        created = await self.create(len(data), path, data=data, who=who)
        assert created.status == 201, created.body
        return (await self.files())[-1]

    # ── Lists ────────────────────────────────────────────────────────────────────────────────

    async def listing(self, who: str = "analyst") -> Parsed:
        return (await self.ask("GET", f"/api/v1/cases/{NUMBER}/files", who=who)).json()

    async def files(self) -> Parsed:
        return (await self.listing())["files"]

    async def uploads(self) -> Parsed:
        return (await self.listing())["uploads"]


def metadata(**values: str) -> str:
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items()
    )


def checksum(algorithm: str, data: bytes) -> dict[str, str]:
    digest = hashlib.new(algorithm, data, usedforsecurity=False).digest()
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(digest).decode()}"}


@asynccontextmanager
async def http_room(
    folder: Path,
    *,
    policy: HttpPolicy | None = None,
    engine_policy: UploadPolicy | None = None,
    store: ObjectStore | None = None,
    running: bool = False,
    tls: CurrentTls | None = None,
    with_desk: bool = True,
    listeners: Sequence[socket] | None = None,
    staff: Callable[[EngineRoom], StaffSignIn] | None = None,
    placed: PlacedCases | None = None,
    inbox: Callable[[EngineRoom], CaseInbox] | None = None,
) -> AsyncIterator[HttpRoom]:
    opened = engine_room(folder, running=running, policy=engine_policy, store=store, placed=placed)
    async with opened as room:
        await room.core.open("Another customer's case", "Other Ltd", "analyst", OTHER_NUMBER)
        for name, number in (("designated", NUMBER), ("stranger", OTHER_NUMBER)):
            await room.agree(replace(customer(number), name=name), number)
        awaited: list[str] = []
        surprises: list[Exception] = []

        async def ready() -> Sequence[str]:
            if surprises:
                raise surprises.pop()
            return tuple(awaited)

        services = Services(
            uploads=room.uploads,
            files=room.files,
            archives=room.archives,
            previews=room.previews,
            accounts=room.accounts,
            tokens=room.tokens,
            acknowledgements=room.acknowledgements,
            receipts=room.receipts,
            events=room.events,
            timelines=room.timelines,
            attempts=room.attempts,
            bans=room.bans,
            sessions=room.sessions,
            launches=room.launches,
            oversight=room.oversight,
            account_terms=room.account_terms,
            deletion_receipts=room.deletion_receipts,
            clock=room.clock,
            staff=None if staff is None else staff(room),
            inbox=None if inbox is None else inbox(room),
            desk=room.core if with_desk else None,
            ready=ready,
            policy=policy or HttpPolicy(sftp=SFTP),
        )
        server = HttpServer(build_app(services), services.policy, tls=tls)
        await server.start(listeners or bound_sockets("127.0.0.1", 0))
        try:
            connector = aiohttp.TCPConnector(ssl=False)  # its certificate is its own
            async with aiohttp.ClientSession(connector=connector) as session:
                yield HttpRoom(
                    engine=room,
                    server=server,
                    session=session,
                    tokens=await _tokens(room),
                    awaited=awaited,
                    surprises=surprises,
                    scheme="http" if tls is None else "https",
                )
        finally:
            await server.stop()


async def _tokens(room: EngineRoom) -> dict[str, str]:
    """Return a token of each role for the case, and one of another case's customer."""
    staff = (Role.ANALYST, Role.ADMIN)
    secrets = {
        role.value: (
            await room.tokens.issue(
                role, role.value, None if role in staff else NUMBER, issued_by="test"
            )
        )[1]
        for role in Role
    }
    _, secrets["stranger"] = await room.tokens.issue(
        Role.DESIGNATED, "stranger", OTHER_NUMBER, issued_by="test"
    )
    return secrets
