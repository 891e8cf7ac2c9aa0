"""An HTTP/1.1 client that costs next to nothing: raw sockets, sendfile, no copies."""

import mmap
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.processes import BenchError

_STALL_SECONDS = 120.0
_TLS_SLICE = 256 << 10
_LONGEST_HEAD = 64 << 10


@dataclass(frozen=True)
class Span:
    """A stretch of a file, to be sent as a body."""

    path: Path
    start: int
    size: int


@dataclass(frozen=True)
class Answer:
    """The head of an answer, names of headers in lower case, and its body unless it was big."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def require(self, status: int, what: str) -> Self:
        """Return itself if the status is the one owed."""
        if self.status != status:
            said = self.body[:300].decode(errors="replace")
            raise BenchError(f"{what} was answered {self.status} instead of {status}: {said}")
        return self

    def number(self, header: str) -> int:
        """Return a header that must be a number."""
        try:
            return int(self.headers[header])
        except (KeyError, ValueError):
            raise BenchError(f"an answer has no valid {header}: {dict(self.headers)}") from None


class Connection:
    """One kept-alive connection, opened again if the server closes it between two requests."""

    def __init__(self, port: int, *, tls: bool) -> None:
        self._port = port
        self._tls = tls
        self._socket: socket.socket | None = None
        self._ahead = b""
        self.cipher = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it; the next request opens it again."""
        if self._socket:
            self._socket.close()
        self._socket = None
        self._ahead = b""

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: Span | bytes | None = None
    ) -> Answer:
        """Send a request and read the whole answer, which must be small."""
        answer = self._exchange(method, path, headers, body)
        received = b""
        if method != "HEAD" and answer.status not in (204, 304):
            received = self._read_body(answer)
        self._close_if_told(answer)
        return Answer(answer.status, answer.headers, received)

    def download(self, path: str, headers: Mapping[str, str], into: memoryview) -> int:
        """GET `path` into the buffer and return the number of bytes that came."""
        answer = self._exchange("GET", path, headers, None)
        if answer.status != 200:
            body = self._read_body(answer)
            Answer(answer.status, answer.headers, body).require(200, "a download")
        size = answer.number("content-length")
        if size > len(into):
            raise BenchError(f"a download has {size} bytes where {len(into)} were expected")
        got = min(len(self._ahead), size)
        into[:got] = self._ahead[:got]
        self._ahead = self._ahead[got:]
        channel = self._open()
        while got < size:
            count = channel.recv_into(into[got:size])
            if not count:
                raise BenchError(f"a download ended after {got} of {size} bytes")
            got += count
        self._close_if_told(answer)
        return got

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: Span | bytes | None
    ) -> Answer:
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body or method not in ("GET", "HEAD"):
            size = body.size if isinstance(body, Span) else len(body or b"")
            lines.append(f"Content-Length: {size}")
        channel = self._open()
        try:
            channel.sendall("\r\n".join([*lines, "", ""]).encode())
            if isinstance(body, Span):
                self._send(channel, body)
            elif body:
                channel.sendall(body)
        except (BrokenPipeError, ConnectionResetError):
            # A server may refuse before it has read the body; its answer says more than the break.
            pass
        return self._read_head()

    def _send(self, channel: socket.socket, body: Span) -> None:
        with body.path.open("rb") as file:
            if not self._tls:
                channel.sendfile(file, body.start, body.size)
                return
            # SSLSocket.sendfile copies in small pieces; slices of a mapping don't.
            with (
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping,
                memoryview(mapping) as view,
            ):
                end = body.start + body.size
                for start in range(body.start, end, _TLS_SLICE):
                    with view[start : min(start + _TLS_SLICE, end)] as piece:
                        channel.sendall(piece)

    def _open(self) -> socket.socket:
        if self._socket is None:
            raw = socket.create_connection(("127.0.0.1", self._port), timeout=_STALL_SECONDS)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname = False  # each server's certificate is its own
                context.verify_mode = ssl.CERT_NONE
                secured = context.wrap_socket(raw)
                self.cipher = " ".join(str(word) for word in (secured.cipher() or ())[:2])
                raw = secured
            self._socket = raw
        return self._socket

    def _read_head(self) -> Answer:
        while True:
            head = self._take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            pairs = (line.partition(":") for line in head[1:])
            headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
            status = int(head[0].split()[1])
            if status >= 200:  # a 1xx only announces the answer
                return Answer(status, headers)

    def _read_body(self, answer: Answer) -> bytes:
        if answer.headers.get("transfer-encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self._take_until(b"\r\n").split(b";")[0], 16):
                pieces.append(self._take(size + 2)[:-2])
            self._take_until(b"\r\n")
            return b"".join(pieces)
        return self._take(int(answer.headers.get("content-length", "0")))

    def _close_if_told(self, answer: Answer) -> None:
        if answer.headers.get("connection", "").lower() == "close":
            self.close()

    def _take_until(self, mark: bytes) -> bytes:
        while mark not in self._ahead:
            if len(self._ahead) > _LONGEST_HEAD:
                raise BenchError("an answer's head does not end")
            self._more()
        found, _, self._ahead = self._ahead.partition(mark)
        return found

    def _take(self, size: int) -> bytes:
        while len(self._ahead) < size:
            self._more()
        found, self._ahead = self._ahead[:size], self._ahead[size:]
        return found

    def _more(self) -> None:
        try:
            received = self._open().recv(64 << 10)
        except ConnectionError as exc:
            raise BenchError(f"the server cut the connection: {exc}") from exc
        if not received:
            raise BenchError("the server closed the connection instead of answering")
        self._ahead += received
