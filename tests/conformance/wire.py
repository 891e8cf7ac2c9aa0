"""A client that says every byte itself, and shows all it hears: interim responses too."""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from multidict import CIMultiDict

from transfer.clock import SystemClock

ANSWER_SECONDS = 20.0
"""A server that takes longer for any answer has none."""
_SEND_BUFFER = 64 * 1024
_COMEBACK_SECONDS = 5.0
_clock = SystemClock()


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A response, and the interim ones that came before it."""

    status: int
    headers: CIMultiDict[str]
    body: bytes = b""
    interim: "tuple[Heard, ...]" = ()

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_refusal(self) -> bool:
        """Whether it says that the request won't do: neither success nor the server's fault."""
        return 400 <= self.status < 500

    def json(self) -> dict[str, object]:
        """Return the body, a JSON object."""
        content: dict[str, object] = json.loads(self.body)
        return content

    def __repr__(self) -> str:
        """Return what a failed assertion needs to tell."""
        shown = {key: text for key, text in self.headers.items() if key.lower() != "location"}
        return f"<{self.status} {shown} {self.body[:120]!r}>"


@dataclass(kw_only=True)
class Connection:
    """One connection, on which a request is begun, continued, and answered."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: str
    method: str = "GET"
    interim: list[Heard] = field(default_factory=list)

    async def begin(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, *, size: int = 0
    ) -> None:
        """Say the head of a request whose body has `size` bytes."""
        sent = {"Host": self.host, **(headers or {})}
        if "Transfer-Encoding" not in sent and (size or method in ("POST", "PATCH")):
            sent.setdefault("Content-Length", str(size))
        self.method = method
        lines = [f"{method} {path} HTTP/1.1", *(f"{key}: {text}" for key, text in sent.items())]
        await self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")

    async def send(self, data: bytes) -> None:
        """Say bytes; whoever has been answered early needn't be heard to the end."""
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def next(self) -> Heard:
        """Return the next response, interim or not, with its body if it has one."""
        async with asyncio.timeout(ANSWER_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip().split("\r\n")
            status = int(first.split()[1])
            headers = CIMultiDict((line.split(":", 1)[0], _value(line)) for line in lines)
            body = await self._body(status, headers)
        return Heard(status=status, headers=headers, body=body)

    async def answer(self) -> Heard:
        """Return the final response; the interim ones are in it, those heard before included."""
        while (heard := await self.next()).status < 200:
            self.interim.append(heard)
        return Heard(
            status=heard.status,
            headers=heard.headers,
            body=heard.body,
            interim=tuple(self.interim),
        )

    async def next_or_none(self, seconds: float) -> Heard | None:
        """Return the next response, None if the server stays silent for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self.next()
        return None

    async def is_let_go(self, seconds: float) -> bool:
        """Whether the server answers or hangs up within `seconds`; 1xx don't count."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                try:
                    while (await self.next()).status < 200:
                        pass
                except (asyncio.IncompleteReadError, ConnectionError):
                    pass
                return True
        return False

    def cut(self) -> None:
        """Break the connection without a word."""
        self.writer.transport.abort()

    async def _body(self, status: int, headers: CIMultiDict[str]) -> bytes:
        if self.method == "HEAD" or status < 200 or status in (204, 304):
            return b""
        if headers.get("Transfer-Encoding", "").lower() == "chunked":
            return await self._chunks()
        if "Content-Length" in headers:
            return await self.reader.readexactly(int(headers["Content-Length"]))
        return await self.reader.read()

    async def _chunks(self) -> bytes:
        body = b""
        while True:
            size = int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16)
            body += await self.reader.readexactly(size)
            await self.reader.readuntil(b"\r\n")
            if size == 0:
                return body


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a server is, and how it is entered."""

    url: str
    create: str
    token: str | None = None
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        """Refuse what is no URL."""
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise ValueError(f"not a URL: {self.url}")

    @property
    def entrance(self) -> dict[str, str]:
        """The headers that let a client in."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    def path(self, location: str) -> str:
        """Return the path of a URL that the server has named, absolute or not."""
        parts = urlsplit(urljoin(urljoin(self.url, self.create), location))
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def absolute(self, path: str) -> str:
        """Return the URL of a path on the server."""
        return urljoin(self.url, path)

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Connect; whatever happens, the connection is closed."""
        parts = urlsplit(self.url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await _connected(
                host,
                parts.port or (443 if secure else 80),
                (self.tls or ssl.create_default_context()) if secure else None,
            )
        # What was written is then almost all in the server's hands, not in ours.
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER
        )
        try:
            yield Connection(reader=reader, writer=writer, host=parts.netloc)
        finally:
            writer.transport.abort()
            with contextlib.suppress(ConnectionError, OSError):
                await writer.wait_closed()

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        anonymous: bool = False,
    ) -> Heard:
        """Send one request on a connection of its own, and return the answer."""
        entrance = {} if anonymous else self.entrance
        async with self.connection() as connection:
            await connection.begin(method, path, {**entrance, **(headers or {})}, size=len(body))
            await connection.send(body)
            return await connection.answer()


async def _connected(
    host: str, port: int, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect; a server that has crashed gets a moment to come back."""
    deadline = _clock.monotonic() + _COMEBACK_SECONDS
    while True:
        try:
            return await asyncio.open_connection(host, port, ssl=tls)
        except ConnectionRefusedError:
            if _clock.monotonic() > deadline:
                raise
            await _clock.sleep(0.05)


def _value(line: str) -> str:
    return line.partition(":")[2].strip()
