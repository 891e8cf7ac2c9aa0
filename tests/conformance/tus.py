"""What a client of tus 1.0.0 sends."""

import base64
import hashlib
from collections.abc import Mapping

from tests.conformance.outcomes import Subject
from tests.conformance.wire import Heard
from transfer.clock import SystemClock

VERSION = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}
SETTLE_SECONDS = 15.0
"""How long a server may need to see that a connection is gone, or to end a request."""

_PAUSE_SECONDS = 0.1
_clock = SystemClock()


class Tus:
    """A client, and what it knows of the server."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.target = subject.target

    # ── Requests ─────────────────────────────────────────────────────────────────────────────

    async def options(self, headers: Mapping[str, str] | None = None) -> Heard:
        return await self.target.ask("OPTIONS", self.target.create, headers)

    async def create(
        self, headers: Mapping[str, str] | None = None, body: bytes = b"", **more: bool
    ) -> Heard:
        sent = {**VERSION, **(BYTES if body else {}), **(headers or {})}
        return await self.target.ask("POST", self.target.create, sent, body, **more)

    async def begin(
        self, length: int | None, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> str:
        """Create an upload that is expected to come to be, and return its path."""
        sized = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
        created = await self.create({**sized, **(headers or {})}, body)
        assert created.status == 201, created
        return self.target.path(created.headers["Location"])

    async def head(self, path: str, headers: Mapping[str, str] | None = None) -> Heard:
        return await self.target.ask("HEAD", path, {**VERSION, **(headers or {})})

    async def patch(
        self, path: str, offset: int, data: bytes, headers: Mapping[str, str] | None = None
    ) -> Heard:
        sent = {**VERSION, **BYTES, "Upload-Offset": str(offset), **(headers or {})}
        return await self.target.ask("PATCH", path, sent, data)

    async def delete(self, path: str) -> Heard:
        return await self.target.ask("DELETE", path, VERSION)

    # ── Questions ────────────────────────────────────────────────────────────────────────────

    async def offset(self, path: str) -> int:
        """Return how far an upload is. A server that is busy with it may be asked again."""
        deadline = _clock.monotonic() + SETTLE_SECONDS
        while (told := await self.head(path)).status in (423, 503):
            assert _clock.monotonic() < deadline, told
            await pause()
        assert told.is_success, told
        return int(told.headers["Upload-Offset"])

    async def offset_above(self, path: str, offset: int) -> int:
        """Wait until an upload is beyond `offset`, and return how far it is."""
        deadline = _clock.monotonic() + SETTLE_SECONDS
        while (told := await self.offset(path)) <= offset:
            assert _clock.monotonic() < deadline, f"it is still at {told}"
            await pause()
        return told

    async def content(self, path: str) -> bytes:
        """Return the bytes of a finished upload, from wherever the server gives them out."""
        shown = await self.target.ask("GET", path)
        if "Content-Location" in shown.headers:
            content = self.target.path(shown.headers["Content-Location"])
            shown = await self.target.ask("GET", content)
        if shown.status != 200:
            self.subject.not_seen(f"GET gives no content: {shown.status}")
        return shown.body

    async def requires(self, *extensions: str) -> Heard:
        """Go on only if the server announces `extensions`; return what it announces."""
        told = await self.options()
        offered = _listed(told, "Tus-Extension")
        for extension in extensions:
            if extension not in offered:
                self.subject.not_offered(extension)
        return told

    async def algorithms(self) -> list[str]:
        """Return the checksums that are announced."""
        return _listed(await self.requires("checksum"), "Tus-Checksum-Algorithm")

    async def unknown(self) -> str:
        """Return the path of an upload that was never there, but looks like one."""
        parent, _, name = (await self.begin(10)).rpartition("/")
        return f"{parent}/{name[::-1]}"


async def pause() -> None:
    """Wait a little before asking again."""
    await _clock.sleep(_PAUSE_SECONDS)


def metadata(**values: str) -> dict[str, str]:
    """Return the header that describes a file."""
    pairs = (f"{key} {encoded(value.encode())}" for key, value in values.items())
    return {"Upload-Metadata": ",".join(pairs)}


def checksum(algorithm: str, data: bytes) -> dict[str, str]:
    """Return the header that declares the checksum of a body."""
    digest = hashlib.new(algorithm, data, usedforsecurity=False).digest()
    return {"Upload-Checksum": f"{algorithm} {encoded(digest)}"}


def encoded(data: bytes) -> str:
    """Return bytes in Base64."""
    return base64.b64encode(data).decode()


def _listed(told: Heard, name: str) -> list[str]:
    return [text.strip() for text in told.headers.get(name, "").split(",") if text.strip()]
