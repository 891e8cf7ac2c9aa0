"""What a connection is tested against: it tells how things arrive here, and keeps nothing."""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import hdrs, web

from transfer import __version__
from transfer.core.errors import (
    ChecksumMismatchError,
    TooLargeError,
    UnsupportedAlgorithmError,
)
from transfer.engine.checksums import ChunkChecksum
from transfer.http.bodies import ask_later, body_of, check_unencoded
from transfer.http.operations import BYTES, Tag, Takes, gives, operation
from transfer.http.policy import MIB, Services
from transfer.http.rendering import json_response, moment, sftp_shape
from transfer.http.requests import client_of
from transfer.http.sftp_reach import Reach, SftpReach
from transfer.http.shapes.self_test import ArrivalShape, ConnectionShape, SftpReachShape
from transfer.http.tus_headers import single

_ROOT = "/api/v1/self-test"
_MOST_BYTES = 64 * MIB
_HASHED_AT_ONCE = MIB
_PIECES = 5
_BETWEEN_SECONDS = 0.25
_TRACES = (
    "Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "X-BlueCoat-Via",
    "X-Iinfo", "CF-Connecting-IP", "True-Client-IP", "X-Proxy-ID", "Proxy-Connection",
)  # fmt: skip
"""Headers that no browser sends."""

_ANY_BODY = Takes(content={BYTES: {"type": "string", "format": "binary"}}, required=False)
_STREAM = "text/event-stream"
_END = "event: end\ndata: \n\n"
_COUNT = re.compile(r"[0-9]{1,19}")


@dataclass(slots=True)
class _Arrival:
    """A body as it comes in."""

    began: float
    checksum: ChunkChecksum | None
    size: int = 0
    pieces: int = 0
    first_ms: float = 0.0
    last_ms: float = 0.0
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def count(self, size: int, now: float) -> None:
        """Note that `size` bytes came now."""
        self.last_ms = round((now - self.began) * 1000, 1)
        if not self.pieces:
            self.first_ms = self.last_ms
        self.size += size
        self.pieces += 1

    def hash(self, data: bytes) -> None:
        """Add to the digests. Blocking."""
        self.sha256.update(data)
        if self.checksum is not None:
            self.checksum.update(data)

    def matches(self) -> bool | None:
        """Return whether the declared checksum is right; None without one."""
        if self.checksum is None:
            return None
        try:
            self.checksum.verify()
        except ChecksumMismatchError:
            return False
        return True


class SelfTestRoutes:
    """For the page of the self-test, and for scripts that support hands out."""

    def __init__(self, services: Services) -> None:
        self._policy = services.policy
        self._clock = services.clock
        sftp = services.policy.sftp
        self._sftp = None if sftp is None else SftpReach(sftp, services.clock)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(_ROOT, self.connection),
            web.post(f"{_ROOT}/body", self.post, expect_handler=ask_later),
            web.patch(f"{_ROOT}/body", self.patch, expect_handler=ask_later),
            web.get(f"{_ROOT}/pieces", self.pieces, allow_head=False),
            web.get(f"{_ROOT}/events", self.events, allow_head=False),
            web.get(f"{_ROOT}/sftp", self.sftp),
        ]

    @operation(
        "Tell how a connection looks from here",
        tag=Tag.SERVICE,
        gives=gives(200, ConnectionShape),
    )
    async def connection(self, request: web.Request) -> web.Response:
        """Tell how a connection looks from here."""
        client = client_of(request)
        tls = request.get_extra_info("ssl_object")
        shown = ConnectionShape(
            now=moment(self._clock.now()),
            version=__version__,
            address=client.address,
            scheme=client.scheme,
            http=f"{request.version.major}.{request.version.minor}",
            tls=None if tls is None else tls.version(),
            by_proxy=client.by_proxy,
            traces=[name for name in _TRACES if name in request.headers],
            max_file_bytes=self._policy.max_file_bytes,
            sftp=sftp_shape(self._policy.sftp),
        )
        return json_response(shown.json_object())

    @operation(
        "Take a body, tell how it came, and forget it",
        tag=Tag.SERVICE,
        text=f"At most {_MOST_BYTES // MIB} MiB.",
        takes=_ANY_BODY,
        gives=gives(200, ArrivalShape),
        errors=(UnsupportedAlgorithmError,),
    )
    async def post(self, request: web.Request) -> web.Response:
        """Take a body by POST."""
        return await self._take(request)

    @operation(
        "Take a body as an upload's chunk comes, tell how it came, and forget it",
        tag=Tag.SERVICE,
        text=f"At most {_MOST_BYTES // MIB} MiB.",
        takes=_ANY_BODY,
        gives=gives(200, ArrivalShape),
        errors=(UnsupportedAlgorithmError,),
    )
    async def patch(self, request: web.Request) -> web.Response:
        """Take a body by PATCH, which some firewalls don't let through."""
        return await self._take(request)

    @operation(
        "Send a few lines, with a pause before each",
        tag=Tag.SERVICE,
        text="Whoever gets them all at once has a proxy that keeps answers back.",
        gives=gives(200, media=BYTES, text="The lines."),
    )
    async def pieces(self, request: web.Request) -> web.StreamResponse:
        """Send a few lines, one by one."""
        return await self._stream(request, {hdrs.CONTENT_TYPE: BYTES}, "%d\n")

    @operation(
        "Send a few events, with a pause before each",
        tag=Tag.SERVICE,
        text="As the stream of a case's events does.",
        gives=gives(200, media=_STREAM, text="The events; `end` comes last."),
    )
    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send a few events, one by one."""
        headers = {hdrs.CONTENT_TYPE: _STREAM, "X-Accel-Buffering": "no"}
        return await self._stream(request, headers, "event: piece\ndata: %d\n\n", _END)

    @operation(
        "Try whether the SFTP server answers at the address that people are told",
        tag=Tag.SERVICE,
        text="It is tried from the service itself.",
        gives=gives(200, SftpReachShape),
    )
    async def sftp(self, _: web.Request) -> web.Response:
        """Try whether the SFTP server answers."""
        reach = Reach() if self._sftp is None else await self._sftp.look()
        shown = SftpReachShape(
            reachable=reach.banner is not None,
            banner=reach.banner,
            milliseconds=reach.milliseconds,
        )
        return json_response(shown.json_object())

    async def _take(self, request: web.Request) -> web.Response:
        check_unencoded(request)
        declared = single(request.headers, "Upload-Checksum")
        checksum = None if declared is None else ChunkChecksum.parse(declared)
        arrival = _Arrival(self._clock.monotonic(), checksum)
        async for block in self._blocks(request, arrival):
            await asyncio.to_thread(arrival.hash, block)
        offset = single(request.headers, "Upload-Offset") or ""
        shown = ArrivalShape(
            method=request.method,
            size=arrival.size,
            sha256=arrival.sha256.hexdigest(),
            checksum_matches=arrival.matches(),
            offset=int(offset) if _COUNT.fullmatch(offset) else None,
            announced=request.content_length,
            first_ms=arrival.first_ms,
            last_ms=arrival.last_ms,
            pieces=arrival.pieces,
        )
        return json_response(shown.json_object())

    async def _blocks(self, request: web.Request, arrival: _Arrival) -> AsyncIterator[bytes]:
        """Yield the body in blocks worth a thread, and note when it came.

        Raises:
            TooLargeError: it goes on and on.
        """
        block = bytearray()
        async for chunk in body_of(request, policy=self._policy, clock=self._clock):
            arrival.count(len(chunk), self._clock.monotonic())
            if arrival.size > _MOST_BYTES:
                raise TooLargeError(f"The test takes at most {_MOST_BYTES} bytes.")
            block += chunk
            if len(block) >= _HASHED_AT_ONCE:
                yield bytes(block)
                block.clear()
        yield bytes(block)

    async def _stream(
        self, request: web.Request, headers: dict[str, str], line: str, end: str = ""
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={**headers, hdrs.CACHE_CONTROL: "no-store"})
        with contextlib.suppress(ConnectionError):  # whoever leaves has seen enough
            await response.prepare(request)
            for number in range(1, _PIECES + 1):
                await self._clock.sleep(_BETWEEN_SECONDS)
                await response.write((line % number).encode())
            await response.write_eof(end.encode())
        return response
