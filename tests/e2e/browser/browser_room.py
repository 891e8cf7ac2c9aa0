"""A case of a running service, visitors to it, and what happens behind their backs."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.e2e.browser.chromium import Chromium
from tests.e2e.browser.complaints import Complaints
from tests.e2e.browser.looks import LIGHT, Look
from tests.e2e.browser.pictures import Album
from tests.e2e.browser.visitor import Visitor
from tests.e2e.http.http_room import OFFSET_TYPE, TUS, metadata
from tests.portal import Portal
from tests.service import Service
from transfer.clock import SystemClock
from transfer.core.access import CUSTOMER_ROLES, Role

Parsed = Any
"""JSON, as tests look into it."""

_clock = SystemClock()
_CHECK_SECONDS = 0.05


@dataclass(frozen=True)
class Scene:
    """Where a test takes place."""

    service: Service
    browser: Chromium
    portal: Portal
    album: Album


@dataclass(kw_only=True)
class BrowserRoom:
    """One case, whose number is `case`; `visitor` lets somebody come to it with a browser."""

    scene: Scene
    admin: aiohttp.ClientSession
    case: str
    tokens: dict[Role, str] = field(default_factory=dict)
    visitors: list[Visitor] = field(default_factory=list)

    @property
    def service(self) -> Service:
        """The service that all this is about."""
        return self.scene.service

    @property
    def page_path(self) -> str:
        """Where the page of the case is."""
        return f"/cases/{self.case}"

    # ── People ───────────────────────────────────────────────────────────────────────────────

    async def visitor(
        self,
        role: Role = Role.DESIGNATED,
        *,
        name: str | None = None,
        look: Look = LIGHT,
        language: str = "en-GB",
        acknowledged: bool = True,
        url: str | None = None,
        browser: Chromium | None = None,
    ) -> Visitor:
        """Return somebody who has come by a link of the portal's, in a window of their own.

        They reach the service at `url`, that of a proxy before it, if one is given.
        """
        context = await (browser or self.scene.browser).window(look=look, language=language)
        complaints = Complaints()
        await complaints.watch(context)
        visitor = Visitor(
            name=name or f"{role.value} of {self.case}",
            url=url or self.service.url,
            page=await context.new_page(),
            look=look,
            complaints=complaints,
            album=self.scene.album,
        )
        self.visitors.append(visitor)
        await visitor.follow(self.link(role, name=visitor.name, url=visitor.url))
        if role is Role.DESIGNATED and acknowledged:
            await visitor.acknowledge(self.case)
        return visitor

    def link(
        self, role: Role = Role.DESIGNATED, *, name: str | None = None, url: str | None = None
    ) -> str:
        """Return a link as the portal makes them: it signs in once, as `name` in `role`."""
        name = name or f"{role.value} of {self.case}"
        told: dict[str, Any] = {"role": role.value, "sub": name, "name": name, "case": self.case}
        without = None if role in CUSTOMER_ROLES else "case"
        token = self.scene.portal.token(_clock.now(), without=without, **told)
        return f"{url or self.service.url}/launch?token={token}"

    async def leave(self) -> None:
        """Have everybody close their windows: before what they look at goes away."""
        for visitor in self.visitors:
            if visitor.context.browser is not None and visitor.context.browser.is_connected():
                await visitor.context.close()

    # ── What programs do ─────────────────────────────────────────────────────────────────────

    async def ask(
        self, method: str, path: str, json: Parsed = None, *, role: Role = Role.ADMIN
    ) -> Parsed:
        """Send a request of the API with a token of `role`; return its JSON, if any."""
        headers = await self.bearer(role)
        url = self.service.url + path
        async with self.admin.request(method, url, json=json, headers=headers) as answer:
            assert answer.ok, f"{method} {path}: {answer.status} {await answer.text()}"
            return await answer.json() if answer.content_type == "application/json" else None

    async def send(self, path: str, data: bytes, *, role: Role = Role.DESIGNATED) -> None:
        """Send a file by the API: as the customer, or as an analyst who shares it with them."""
        folder, _, filename = path.rpartition("/")
        names = {"filename": filename, **({"relativePath": path} if folder else {})}
        headers = {
            **await self.bearer(role),
            **TUS,
            **OFFSET_TYPE,
            "Upload-Length": str(len(data)),
            "Upload-Metadata": metadata(**names),
        }
        url = f"{self.service.url}/api/v1/cases/{self.case}/uploads"
        async with self.admin.post(url, data=data, headers=headers) as answer:
            assert answer.status == 201, f"{answer.status} {await answer.text()}"

    async def listing(self) -> Parsed:
        """Return the case's list: its files, and the uploads under way."""
        return await self.ask("GET", f"/api/v1/cases/{self.case}/files?limit=1000")

    async def files(self) -> dict[str, Parsed]:
        """Return the files of the case by their paths."""
        return {one["path"]: one for one in (await self.listing())["files"]}

    async def digest_of(self, file: Parsed) -> str:
        """Return the SHA-256 of what is really downloaded."""
        digest = hashlib.sha256()
        url = f"{self.service.url}/api/v1/files/{file['id']}/content"
        headers = await self.bearer(Role.ADMIN)
        async with self.admin.get(url, headers=headers) as answer:
            assert answer.ok, f"{answer.status}"
            async for piece in answer.content.iter_chunked(1 << 20):
                digest.update(piece)
        return digest.hexdigest()

    async def digests(self) -> dict[str, str]:
        """Return the SHA-256 of what is downloaded of each file, by its path."""
        return {path: await self.digest_of(one) for path, one in (await self.files()).items()}

    async def received_bytes(self) -> int:
        """Return how much of the uploads under way is durable, and of files that are there."""
        listed = await self.listing()
        sizes: list[int] = [
            *(one["offset"] for one in listed["uploads"]),
            *(one["size"] for one in listed["files"]),
        ]
        return sum(sizes)

    async def bearer(self, role: Role) -> dict[str, str]:
        if role is Role.ADMIN:
            return {}
        if role not in self.tokens:
            wanted: dict[str, object] = {"role": role.value, "name": role.value}
            if role in CUSTOMER_ROLES:
                wanted["cases"] = [self.case]
            self.tokens[role] = (await self.ask("POST", "/api/v1/tokens", wanted))["token"]
            if role is Role.DESIGNATED:
                path = f"/api/v1/cases/{self.case}/acknowledgement"
                shown = await self.ask("GET", path, role=role)
                await self.ask("POST", path, {"version": shown["version"]}, role=role)
        return {"Authorization": f"Bearer {self.tokens[role]}"}


async def until(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 60.0) -> None:
    """Wait until `condition` holds, and fail if it doesn't in time: `what` says what it is."""
    deadline = _clock.monotonic() + seconds
    while not await condition():
        assert _clock.monotonic() < deadline, f"not within {seconds} s: {what}"
        await _clock.sleep(_CHECK_SECONDS)


@asynccontextmanager
async def ended_well(scene: Scene) -> AsyncIterator[BrowserRoom]:
    """Open a case for a test; at its end nobody may have complained."""
    service = scene.service
    logged = len(service.log)
    connector = aiohttp.TCPConnector(ssl=service.tls)
    headers = {"Authorization": f"Bearer {_admin_token(service)}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        room = BrowserRoom(scene=scene, admin=session, case="")
        new = {"subject": "Contact centre drops calls", "account": "Example Ltd"}
        room.case = (await room.ask("POST", "/api/v1/cases", new))["number"]
        yield room
        await room.leave()
        complaints = {
            visitor.name: visitor.complaints.unexpected
            for visitor in room.visitors
            if visitor.complaints.unexpected
        }
    assert not complaints, f"complaints: {complaints}"
    assert "Traceback" not in service.log[logged:], service.log[logged:]


def _admin_token(service: Service) -> str:
    """Return an admin's token; asked for once of each service, as a process must start for it."""
    if service not in _admin_tokens:
        _admin_tokens[service] = service.token("admin")
    return _admin_tokens[service]


_admin_tokens: dict[Service, str] = {}
