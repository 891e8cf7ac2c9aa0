"""An S3 that throws bodies away, so that what a service costs is seen apart from its store.

    python -m bench.sink --port PORT --content FILE

It remembers names, sizes, ETags, checksums and metadata, and the bytes of small objects (services
keep their state in such). A GET of anything bigger is answered with the same range of FILE: whoever
uploaded FILE from its first byte gets the right bytes back, sent by the kernel at no cost.

Nothing is authenticated, and only a small body's CRC64NVME is checked: this is for measuring
services, not for testing them. See sink_objects.py
for the answers; this module is the HTTP below them.
"""

import argparse
import contextlib
import socket
import socketserver
import sys
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl, unquote, urlsplit

from bench.sink_objects import Objects
from bench.sink_requests import KEPT_BYTES, Body, Reply, Request

_END_BYTES = 1 << 10
_BLOCK = 1 << 20


class _Connection(socketserver.BaseRequestHandler):
    """Answers the requests of one connection, one after the other, in a thread."""

    server: "SinkServer"

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._block = memoryview(bytearray(_BLOCK))
        with (
            self.request.makefile("rb", buffering=64 << 10) as stream,
            contextlib.suppress(ConnectionError),
        ):
            while request := self._read_request(stream):
                reply = self.server.objects.answer(request)
                if reply.status == 501:
                    print("unsupported:", request.method, request.target, file=sys.stderr)
                self._send(request, reply)

    def _read_request(self, stream: BinaryIO) -> Request | None:
        line = stream.readline(64 << 10).split()
        if len(line) != 3:
            return None
        headers: dict[str, str] = {}
        while header := stream.readline(64 << 10).strip():
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        if "100-continue" in headers.get("expect", "").lower():
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        url = urlsplit(line[1].decode("latin-1"))
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        return Request(
            method=line[0].decode(),
            target=line[1].decode("latin-1"),
            bucket=bucket,
            key=key,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers=headers,
            body=self._read_body(stream, headers),
        )

    def _read_body(self, stream: BinaryIO, headers: dict[str, str]) -> Body:
        length = int(headers.get("content-length", "0"))
        collected = _Collected(keep=length <= KEPT_BYTES)
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int(stream.readline().split(b";")[0], 16):
                self._read_exactly(stream, size, collected)
                stream.readline()
            while stream.readline().strip():
                pass
        else:
            self._read_exactly(stream, length, collected)
        if "aws-chunked" not in headers.get("content-encoding", "") and not headers.get(
            "x-amz-content-sha256", ""
        ).startswith("STREAMING-"):
            return Body(collected.size, collected.kept(), {})
        # The body has a framing of its own, whose last lines may be trailers with a checksum.
        framed = collected.kept()
        size = int(headers.get("x-amz-decoded-content-length", collected.size))
        return Body(size, None if framed is None else _unframe(framed), _trailers(collected.end))

    def _read_exactly(self, stream: BinaryIO, size: int, collected: "_Collected") -> None:
        while size:
            got = stream.readinto(self._block[: min(size, _BLOCK)])  # type: ignore[attr-defined]  # a BufferedReader has it
            if not got:
                raise ConnectionResetError("the client went away inside a body")
            collected.add(self._block[:got])
            size -= got

    def _send(self, request: Request, reply: Reply) -> None:
        headers = {"Content-Length": str(len(reply.body)), "Server": "sink", **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} {reply.reason}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.request.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body)
        if request.method == "GET" and reply.content_size:
            self._send_content(reply.content_start, reply.content_size)

    def _send_content(self, start: int, size: int) -> None:
        with self.server.content.open("rb") as file:
            while size:
                at = start % self.server.content_size
                count = min(size, self.server.content_size - at)
                self.request.sendfile(file, at, count)
                start, size = start + count, size - count


class _Collected:
    """A body as it comes: all of it while it is small, and its end in any case."""

    def __init__(self, *, keep: bool) -> None:
        self.size = 0
        self.end = b""
        self._keep = keep
        self._pieces: list[bytes] = []

    def add(self, piece: memoryview) -> None:
        self.size += len(piece)
        self._keep = self._keep and self.size <= KEPT_BYTES
        if self._keep:
            self._pieces.append(bytes(piece))
        else:
            self._pieces.clear()
        self.end = (self.end + bytes(piece[-_END_BYTES:]))[-_END_BYTES:]

    def kept(self) -> bytes | None:
        return b"".join(self._pieces) if self._keep else None


def _unframe(framed: bytes) -> bytes:
    pieces = []
    while framed:
        head, _, framed = framed.partition(b"\r\n")
        size = int(head.split(b";")[0], 16)
        if not size:
            break
        pieces.append(framed[:size])
        framed = framed[size + 2 :]
    return b"".join(pieces)


def _trailers(end: bytes) -> dict[str, str]:
    found = {}
    for line in end.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower().startswith(b"x-amz-checksum-"):
            found[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
    return found


class SinkServer(socketserver.ThreadingTCPServer):
    """Listens on loopback; one thread a connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, content: Path) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.objects = Objects()
        self.content = content
        self.content_size = content.stat().st_size


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--content", type=Path, required=True, help="what GETs are answered with")
    options = parser.parse_args()
    with SinkServer(options.port, options.content) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
