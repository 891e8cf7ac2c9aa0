"""A client of resumable uploads for HTTP, in each of its versions, and one that hears the 104s."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext

from tests.e2e.http.http_room import Answer, HttpRoom, Payload
from tests.engine_room import NUMBER

VERSIONS = (3, 4, 5, 6, 7, 8, None)
"""The interop versions of the drafts, and the final form, which names none."""
PROBLEMS = "https://iana.org/assignments/http-problem-types#"


@dataclass(frozen=True, kw_only=True)
class Rufh:
    """What a client of one version sends."""

    version: int | None = None

    @property
    def named(self) -> dict[str, str]:
        if self.version is None:
            return {}
        return {"Upload-Draft-Interop-Version": str(self.version)}

    @property
    def type(self) -> dict[str, str]:
        if self.version is not None and self.version < 6:
            return {}
        return {"Content-Type": "application/partial-upload"}

    def complete(self, *, ends: bool) -> dict[str, str]:
        if self.version == 3:
            return {"Upload-Incomplete": "?0" if ends else "?1"}
        return {"Upload-Complete": "?1" if ends else "?0"}

    def told_complete(self, answer: Mapping[str, str]) -> bool:
        """Whether an answer says that the upload is complete."""
        if self.version == 3:
            return {"?0": True, "?1": False}[answer["Upload-Incomplete"]]
        return {"?1": True, "?0": False}[answer["Upload-Complete"]]

    async def create(
        self,
        room: HttpRoom,
        data: Payload = None,
        *,
        ends: bool,
        path: str = "trace.log",
        headers: Mapping[str, str] | None = None,
        who: str = "designated",
    ) -> Answer:
        named = {"Content-Disposition": f"inline; filename*=UTF-8''{path.replace('/', '%2F')}"}
        sent = {**self.named, **self.complete(ends=ends), **named, **(headers or {})}
        url = f"/api/v1/cases/{NUMBER}/uploads"
        return await room.ask("POST", url, headers=sent, data=data, who=who)

    async def begin(self, room: HttpRoom, length: int | None = None) -> str:
        """Create an empty upload and return its path on the server."""
        sized = {} if length is None else {"Upload-Length": str(length)}
        created = await self.create(room, ends=False, headers=sized)
        assert created.status == 201, created.body
        return created.headers["Location"]

    async def append(
        self,
        room: HttpRoom,
        location: str,
        offset: int,
        data: Payload = None,
        *,
        ends: bool,
        headers: Mapping[str, str] | None = None,
        who: str = "designated",
    ) -> Answer:
        at = {"Upload-Offset": str(offset)}
        sent = {**self.named, **self.complete(ends=ends), **self.type, **at, **(headers or {})}
        return await room.ask("PATCH", location, headers=sent, data=data, who=who)

    async def head(self, room: HttpRoom, location: str, who: str = "designated") -> Answer:
        return await room.ask("HEAD", location, headers=self.named, who=who)


FINAL = Rufh()


# ── On the wire ──────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True)
class Heard:
    """A response's head."""

    status: int
    headers: dict[str, str]


@dataclass(kw_only=True)
class Wire:
    """A connection on which a test says every byte itself, and hears every interim response."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    bearer: str
    interim: list[Heard] = field(default_factory=list)

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        body: bytes = b"",
        size: int | None = None,
        protocol: str = "HTTP/1.1",
    ) -> None:
        """Send a request whose body has `size` bytes, and begin with `body` of it."""
        sent = {"Host": "x", "Authorization": self.bearer, **headers}
        if "Transfer-Encoding" not in headers:
            sent["Content-Length"] = str(len(body) if size is None else size)
        lines = [f"{method} {path} {protocol}", *(f"{key}: {text}" for key, text in sent.items())]
        await self.say("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def next(self) -> Heard:
        """Return the next response's head, interim or not."""
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *rest = head.rstrip().split("\r\n")
        pairs = (line.split(": ", 1) for line in rest)
        return Heard(
            status=int(first.split()[1]), headers={key.title(): text for key, text in pairs}
        )

    async def hear(self) -> Heard:
        """Return the final response's head; what came before is in `interim`."""
        while (heard := await self.next()).status < 200:
            self.interim.append(heard)
        if heard.status != 204:
            async with asyncio.timeout(10):
                await self.reader.readexactly(int(heard.headers.get("Content-Length", "0")))
        return heard

    @property
    def offers(self) -> list[Heard]:
        return [heard for heard in self.interim if "Location" in heard.headers]

    @property
    def offsets(self) -> list[int]:
        """The offsets that were told on the way."""
        told = (heard.headers.get("Upload-Offset") for heard in self.interim)
        return [int(text) for text in told if text is not None]

    def cut(self) -> None:
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def wire(
    room: HttpRoom, *, who: str = "designated", trusting: SSLContext | None = None
) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection(
        room.host, room.port, ssl=trusting, server_hostname="localhost" if trusting else None
    )
    try:
        yield Wire(reader=reader, writer=writer, bearer=f"Bearer {room.tokens[who]}")
    finally:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError, OSError):
            await writer.wait_closed()
