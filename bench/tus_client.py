"""Uploads and downloads as the tus protocol has them, every answer checked."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench.http_client import Answer, Connection, Span
from bench.processes import BenchError

TUS = {"Tus-Resumable": "1.0.0"}
OFFSET_STREAM = {"Content-Type": "application/offset+octet-stream"}


def _same_url(_connection: Connection, uploaded: "Uploaded") -> str:
    return uploaded.path


@dataclass(frozen=True)
class Uploaded:
    """A finished upload: its path on the server, and the name it was given."""

    path: str
    name: str


@dataclass(frozen=True)
class HttpTarget:
    """Where uploads are created, and where what was uploaded is found again."""

    port: int
    create_path: str
    tls: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    content_path: Callable[[Connection, Uploaded], str] = _same_url

    def connect(self) -> Connection:
        """Return a connection to it, opened by the first request."""
        return Connection(self.port, tls=self.tls)


def upload(
    target: HttpTarget, connection: Connection, source: Path, *, name: str, size: int, chunk: int
) -> Uploaded:
    """Send the first `size` bytes of a file in PATCHes of `chunk`, and return where they are."""
    created = connection.request(
        "POST",
        target.create_path,
        {**target.headers, **TUS, "Upload-Length": str(size), **metadata(name)},
    ).require(201, "the creation of an upload")
    path = location_of(created)
    for start in range(0, size, chunk):
        count = min(chunk, size - start)
        answer = connection.request(
            "PATCH",
            path,
            {**target.headers, **TUS, **OFFSET_STREAM, "Upload-Offset": str(start)},
            Span(source, start, count),
        ).require(204, f"the PATCH at {start}")
        if answer.number("upload-offset") != start + count:
            raise BenchError(f"the PATCH at {start} ended at {answer.headers['upload-offset']}")
    return Uploaded(path, name)


def download(
    target: HttpTarget, connection: Connection, uploaded: Uploaded, into: memoryview
) -> int:
    """Fetch what was uploaded into the buffer, and return its size."""
    path = target.content_path(connection, uploaded)
    return connection.download(path, target.headers, into)


def metadata(name: str) -> dict[str, str]:
    """Return the header that names a file."""
    return {"Upload-Metadata": f"filename {base64.b64encode(name.encode()).decode()}"}


def location_of(created: Answer) -> str:
    """Return the path of a new upload; servers may answer a whole URL or a path."""
    url = urlsplit(created.headers.get("location", ""))
    if not url.path:
        raise BenchError("the creation of an upload was answered without a Location")
    return f"{url.path}?{url.query}" if url.query else url.path
